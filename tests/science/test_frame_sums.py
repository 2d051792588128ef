"""Sums over frames: by hand, of chosen frames, and of what is not there."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.frame_sums import sums_of_frames
from tm23flows.science.label_arrays import LabelArrays


def pair():
    """Two frames of one and two atoms; the second has no stress in the labels."""
    stress = np.array([[1.0] * 6, [np.nan] * 6])
    reference = LabelArrays([-1.0, -6.0], [1, 2], [[1, 0, 0], [0, 2, 0], [0, 0, 0.1]], stress)
    forces = [[1.5, 0, 0], [0, 2, -1], [0.2, 0, 0.1]]
    return LabelArrays([-1.5, -5.0], [1, 2], forces, np.full((2, 6), 0.5)), reference


def test_sums_by_hand():
    sums = sums_of_frames(*pair())
    assert sums.of("energy") == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.25], [1, 1], [1, 1]]))
    expected = np.array([[0.5, 1.2], [0.25, 1.04], [1, 2.1], [3, 6]])
    assert sums.of("force") == pytest.approx(expected)
    assert sums.of("stress") == pytest.approx(np.array([[3, 0], [1.5, 0], [6, 0], [6, 0]]))
    assert sums.of("force from 2")[:, 1] == pytest.approx([1, 1, 2, 3])
    assert sums.of("force 0 to 0.25")[:, 1] == pytest.approx([0.2, 0.04, 0.1, 3])
    bins = [sums.of(name) for name in sums.names[3:]]
    assert np.sum(bins, axis=0) == pytest.approx(sums.of("force"))


def test_the_energies_of_chosen_frames_are_measured_from_their_own_mean():
    sums = sums_of_frames(*pair())
    alone = sums.only([1])
    assert alone.n_frames == 1
    assert alone.of("energy")[:, 0] == pytest.approx([0.5, 0.25, 0.0, 1])
    assert sums.of("energy")[2].tolist() == [1, 1]  # the others are as they were
    raw = sums_of_frames(*pair(), "none")
    assert raw.of("energy")[2] == pytest.approx([1, 3])
    assert raw.only([1]).of("energy")[2] == pytest.approx([3])
    assert sums.only([1, 0]).of("force")[0] == pytest.approx([1.2, 0.5])


def test_an_edge_belongs_to_the_bin_above_and_the_last_one_is_open():
    forces = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.49, 0], [50, 0, 0]])
    one = LabelArrays([0.0], [4], forces)
    sums = sums_of_frames(one, one, edges_eV_per_A=(0, 0.5, 2))
    assert sums.names[3:] == ("force 0 to 0.5", "force 0.5 to 2", "force from 2")
    assert [sums.of(name)[3, 0] for name in sums.names[3:]] == [6, 3, 3]
    assert sums_of_frames(one, one, edges_eV_per_A=()).names == ("energy", "force", "stress")


@pytest.mark.parametrize("edges", [(0.5, 1), (0, 1, 1)])
def test_edges_that_make_no_bins_are_refused(edges):
    with pytest.raises(InputError, match="rise from 0"):
        sums_of_frames(*pair(), edges_eV_per_A=edges)


def test_what_does_not_fit_is_refused():
    predicted, reference = pair()
    other = LabelArrays(predicted.energies_eV[:1], [3], predicted.forces_eV_per_A)
    with pytest.raises(InputError, match="same frames"):
        sums_of_frames(other, reference)
    with pytest.raises(InputError, match="energy reference"):
        sums_of_frames(predicted, reference, "absolute")
