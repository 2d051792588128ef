"""Sites of a supercell from what is left of its atoms."""

import numpy as np
import pytest
from ase.build import bulk, make_supercell

from tm23flows.errors import InputError
from tm23flows.science.lattice_sites import sites_before_vacancy

MATRICES = [np.diag([2, 2, 2]), np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * 2,
            np.array([[2, 0, 1], [0, 2, 0], [0, 1, 3]])]  # fmt: skip


def same_places(one, other, cell):
    """Whether two sets of points are the same but for order and vectors of the cell."""
    apart = (one[:, None] - other[None]) @ np.linalg.inv(cell)
    away = np.linalg.norm((apart - np.round(apart)) @ cell, axis=-1)
    return len(one) == len(other) and (away < 1e-6).sum() == len(one)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("unit", [bulk("Cu"), bulk("Ti"), bulk("Fe", cubic=True)])
@pytest.mark.parametrize("missing", [None, 0, 5])
def test_the_missing_site_comes_back(unit, matrix, missing):
    whole = make_supercell(unit, matrix)
    left = whole.copy()
    left.rotate(20, "x", rotate_cell=True)
    whole.rotate(20, "x", rotate_cell=True)
    if missing is not None:
        del left[missing]
    found = sites_before_vacancy(left.positions, left.cell.array, matrix)
    assert same_places(found, whole.positions, whole.cell.array)


def test_atoms_on_no_lattice_are_refused():
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.rattle(0.3, seed=1)
    with pytest.raises(InputError, match="not on the sites of a crystal"):
        sites_before_vacancy(atoms.positions, atoms.cell.array, 2 * np.eye(3))
    with pytest.raises(InputError, match="singular"):
        sites_before_vacancy(atoms.positions, atoms.cell.array, np.zeros((3, 3)))
