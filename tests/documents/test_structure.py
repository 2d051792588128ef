"""Structures: the geometry is the identity."""

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.ids import geometry_id
from tm23flows.documents.structure import Crystal, Structure


def make(**fields):
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "phase": "fcc",
        "phase_source": "a table",
        "basis": "primitive",
        "supercell_matrix": ((2, 0, 0), (0, 2, 0), (0, 0, 2)),
        "supercell_rule": "given",
        "min_length_A": None,
        "min_image_distance_A": 5.1,
        "vacancy_index": 3,
        "vacancy_seed": 0,
        "numbers": [29, 29],
        "cell": np.eye(3) * 5,
        "positions": [[0, 0, 0], [2, 2, 2]],
    }
    return Structure(**{**given, **fields})


def test_the_geometry_is_the_identity():
    one = make()
    assert one.id == make(vacancy_seed=7, phase_source="elsewhere").id
    assert one.id != make(positions=[[0, 0, 0], [2, 2, 2.1]]).id
    assert one.id == geometry_id("structure", one.numbers, one.cell, one.positions)


def test_a_structure_and_a_frame_of_one_geometry_are_two_things(make_frame):
    frame = make_frame()
    same = make(numbers=frame.numbers, cell=frame.cell, positions=frame.positions)
    assert same.id != frame.id


def test_it_comes_back_from_what_is_stored():
    structure = make()
    back = Structure.from_stored({"_id": structure.id, **structure.model_dump()})
    assert back.model_dump_json() == structure.model_dump_json()


def test_a_crystal_is_plain_json_and_comes_back_exactly():
    atoms = bulk("Os", "hcp", a=2.7353, covera=1.5812)
    crystal = Crystal.from_atoms(atoms, "hcp", "a test", material_id="mp-1")
    back = Crystal.model_validate_json(crystal.model_dump_json())
    assert back == crystal
    assert back.details == {"material_id": "mp-1"}
    assert (back.atoms.positions == atoms.positions).all()
    assert (back.atoms.cell.array == atoms.cell.array).all()
    assert back.atoms.pbc.all()


def test_a_crystal_has_three_vectors_and_an_atom():
    given = Crystal.from_atoms(bulk("Cu"), "fcc", "a test").model_dump()
    for name, value in (("cell", given["cell"][:2]), ("positions", ()), ("weight", 3)):
        with pytest.raises(ValidationError):
            Crystal(**{**given, name: value})
