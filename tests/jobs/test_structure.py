"""The job that makes a structure."""

import numpy as np
import pytest

from tm23flows.documents.structure import Crystal, Structure
from tm23flows.errors import InputError
from tm23flows.jobs.structure import BASES, build_structure, make_structure, unit_cell
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive

build = build_structure.original
SMALL = ("primitive", [2, 2, 2], 7.0, "image-distance")


def test_a_structure_is_stored_with_its_past(archive):
    out = build("Cu", *SMALL, 3)
    stored = archive.get(Structure, out["structure_id"])
    assert (out["element"], out["n_atoms"]) == ("Cu", 7)
    assert stored.supercell_matrix == ((2, 0, 0), (0, 2, 0), (0, 0, 2))
    assert (stored.vacancy_seed, stored.supercell_rule, stored.min_length_A) == (3, "given", None)
    assert stored.phase == "fcc"
    assert "a_A" in stored.provenance.inputs["metals_table"]


def test_twice_is_once(archive):
    assert build("Cu", *SMALL, 3) == build("Cu", *SMALL, 3)
    assert archive.database["structures"].count_documents({}) == 1


def test_without_a_seed_no_atom_is_missing():
    structure = make_structure("Cu", *SMALL, None)
    assert (len(structure.numbers), structure.vacancy_index, structure.vacancy_seed) == (
        8,
        None,
        None,
    )
    assert structure.id != make_structure("Cu", *SMALL, 0).id


def test_the_vacancy_is_the_atom_that_is_missing():
    structure = make_structure("Cu", *SMALL, 3)
    perfect = unit_cell("Cu", "primitive").repeat((2, 2, 2))
    fractional = np.linalg.solve(structure.cell.T, structure.positions.T).T % 1.0
    all_sites = perfect.get_scaled_positions() % 1.0

    def taken(site):
        return (np.abs((fractional - site + 0.5) % 1.0 - 0.5) < 1e-6).all(axis=1).any()

    assert sum(not taken(site) for site in all_sites) == 1
    assert len({make_structure("Cu", *SMALL, seed).vacancy_index for seed in range(8)}) > 1


def test_the_rule_chooses_the_cell_of_the_paper():
    structure = make_structure("Cu", "conventional", None, 7.0, "image-distance", 0)
    assert len(structure.numbers) == 31
    assert structure.min_image_distance_A >= 7.0
    assert (structure.supercell_rule, structure.min_length_A) == ("image-distance", 7.0)


@pytest.mark.parametrize(
    ("element", "basis", "supercell", "why"),
    [
        ("Xx", "primitive", [2, 2, 2], "27 metals"),
        ("Cu", "cubic", [2, 2, 2], "primitive, conventional"),
        ("Cu", "primitive", [1, 1, 1], "vacancy"),
        ("Cu", "primitive", [0, 2, 2], "determinant"),
    ],
)
def test_what_cannot_be_built_stores_nothing(archive, element, basis, supercell, why):
    with pytest.raises(InputError, match=why):
        build(element, basis, supercell, 7.0, "image-distance", 0)
    assert archive.database["structures"].count_documents({}) == 0


def crystal_of(element, phase, **details):
    atoms = build_primitive(metal(element), phase)
    return Crystal.from_atoms(atoms, phase, "a table of ours", **details).model_dump(mode="json")


def test_a_phase_and_lattice_constants_are_recorded_as_asked_for():
    lattice = {"phase": "omega", "a_A": 4.57, "c_over_a": None}
    structure = make_structure("Ti", *SMALL, 0, lattice)
    assert len(structure.numbers) == 3 * 8 - 1
    assert structure.cell[0] == pytest.approx([2 * 4.57, 0, 0])
    assert structure.phase == "omega"
    assert structure.phase_source == "omega was asked for; a_A = 4.57 was asked for"
    assert structure.provenance.inputs["asked"] == {"phase": "omega", "a_A": 4.57}
    own = make_structure("Ti", *SMALL, 0, {"phase": None, "a_A": 2.93, "c_over_a": None})
    assert own.phase == "hcp"
    assert own.phase_source.startswith(metal("Ti").sources["phase"])
    assert own.phase_source.endswith("a_A = 2.93 was asked for")


def test_the_volume_of_another_phase_has_a_source_too():
    structure = make_structure("Mn", *SMALL, 0, {"phase": "bcc"})
    assert f"volume per atom of alpha-Mn: {metal('Mn').sources['a_A']}" in structure.phase_source


def test_a_crystal_from_elsewhere_is_stored_with_its_past(archive):
    crystal = crystal_of("Ti", "omega", file="POSCAR", sha256="0" * 64)
    out = build("Ti", "given", [2, 2, 2], 7.0, "image-distance", 3, None, crystal)
    stored = archive.get(Structure, out["structure_id"])
    assert (stored.phase, stored.phase_source) == ("omega", "a table of ours")
    assert (stored.basis, out["n_atoms"]) == ("given", 23)
    assert stored.provenance.inputs == {"crystal": crystal}
    # The past is no part of the identity.
    crystal["source"] = "another word"
    again = build("Ti", "given", [2, 2, 2], 7.0, "image-distance", 3, None, crystal)
    assert again == out


def test_standard_cells_of_a_crystal():
    crystal = crystal_of("Cu", "fcc")
    assert [len(unit_cell("Cu", basis, None, crystal)) for basis in BASES] == [1, 4, 1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("Ti", "given"), "basis 'given' is that of a file"),
        (("Zr", "given", None, crystal_of("Ti", "hcp")), "one of Ti, not of Zr"),
        (("Ti", "given", {"phase": "hcp"}, crystal_of("Ti", "hcp")), "choose one of the two"),
        (("Ti", "primitive", {"phase": "bct"}), "not a known phase"),
        (("Ti", "primitive", {"a_A": -1.0}), "positive"),
    ],
)
def test_cells_that_there_are_not(arguments, why):
    with pytest.raises(InputError, match=why):
        unit_cell(*arguments)
