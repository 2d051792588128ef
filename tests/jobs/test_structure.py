"""The job that makes a structure."""

import numpy as np
import pytest

from tm23flows.documents.structure import Structure
from tm23flows.errors import InputError
from tm23flows.jobs.structure import build_structure, make_structure, unit_cell

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
