"""k-point meshes from a spacing, on oblique cells too."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.kpoints import kmesh_for_spacing

lengths = st.floats(2.0, 30.0)
slants = st.floats(-0.4, 0.4)


def reciprocal_lengths(cell):
    return 2 * np.pi * np.linalg.norm(np.linalg.inv(cell).T, axis=1)


@given(st.tuples(lengths, lengths, lengths), st.tuples(slants, slants, slants), st.floats(0.05, 2))
def test_no_two_points_are_further_apart_and_no_mesh_is_finer_than_needed(sides, slant, spacing):
    cell = np.diag(sides)
    cell[1, 0], cell[2, 0], cell[2, 1] = np.array(slant) * sides[0]
    mesh = np.array(kmesh_for_spacing(cell, spacing))
    reach = reciprocal_lengths(cell)
    assert (reach / mesh <= spacing * (1 + 1e-6)).all()
    coarser = mesh[mesh > 1] - 1
    assert (reach[mesh > 1] / coarser > spacing * (1 - 1e-6)).all()


def test_known_meshes():
    assert kmesh_for_spacing(np.eye(3) * 2 * np.pi, 0.25) == (4, 4, 4)  # an exact multiple
    assert kmesh_for_spacing(np.eye(3) * 2 * np.pi, 10) == (1, 1, 1)
    assert kmesh_for_spacing(np.diag([5.0, 10.0, 20.0]), 0.4) == (4, 2, 1)
    primitive = bulk("Cu", "fcc", a=3.61).cell.array
    assert len(set(kmesh_for_spacing(primitive, 0.2))) == 1


@pytest.mark.parametrize("spacing", [0, -0.2, float("nan")])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(InputError, match="positive"):
        kmesh_for_spacing(np.eye(3), spacing)
