import numpy as np
import pytest
import spglib

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.kpoints import points, read_kpoints


def mesh(text):
    return read_kpoints("comment\n0\n" + text)


def test_the_gamma_point():
    assert mesh("Gamma\n1 1 1\n").is_gamma_only
    assert mesh("Gamma\n1 1 1\n0 0 0\n").is_gamma_only
    assert mesh("Monkhorst\n1 1 1\n").is_gamma_only
    assert not mesh("Gamma\n1 1 1\n0.5 0 0\n").is_gamma_only
    assert not mesh("Gamma\n1 1 2\n").is_gamma_only


def test_even_meshes_of_monkhorst_and_pack_miss_gamma():
    assert mesh("Monkhorst-pack\n2 3 4\n").offset == (0.5, 0.0, 0.5)
    assert mesh("gamma\n2 3 4\n0.5 0 0\n").offset == (0.5, 0.0, 0.0)


@pytest.mark.parametrize("text", ["G\n3 3 3\n", "G\n2 3 4\n", "M\n2 2 2\n", "M\n4 4 3\n"])
def test_points_are_those_of_spglib(text):
    ours = mesh(text)
    cell = (
        np.array([[4, 0.1, 0.2], [0, 5, 0.3], [0.4, 0, 6]]),
        [[0, 0, 0], [0.3, 0.2, 0.1]],
        [1, 2],
    )
    shift = [int(2 * o) for o in ours.offset]
    mapping, _ = spglib.get_ir_reciprocal_mesh(ours.divisions, cell, is_shift=shift)
    where, weights = points(ours)
    assert len(where) == len(np.unique(mapping))
    counts = np.unique(mapping, return_counts=True)[1] / len(mapping)
    assert sorted(weights) == pytest.approx(sorted(counts))


def test_weights_of_a_shifted_mesh_sum_to_one():
    where, weights = points(mesh("G\n2 2 2\n0.3 0 0\n"))
    assert len(where) == 8
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "text",
    ["", "c\n4\nReciprocal\n0 0 0 1\n", "c\n0\nAuto\n20\n", "c\n0\nG\n3 3\n", "c\n0\nG\n0 1 1\n"],
)
def test_other_files_are_refused(text):
    with pytest.raises(InputError):
        read_kpoints(text)
