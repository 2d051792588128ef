"""Label arrays refuse what would spoil a metric."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import LabelArrays, finite_array


def test_frames_of_different_size_are_joined_in_order():
    first, second = np.arange(6.0).reshape(2, 3), np.arange(9.0).reshape(3, 3)
    labels = LabelArrays.from_frames([-1.0, -2.0], [first, second], [np.ones(6), None])
    assert labels.n_atoms.tolist() == [2, 3]
    assert np.array_equal(labels.forces_eV_per_A, np.concatenate([first, second]))
    assert labels.has_stress.tolist() == [True, False]


def test_stresses_that_all_frames_lack_are_none():
    forces = [np.zeros((1, 3))] * 2
    assert LabelArrays.from_frames([1, 2], forces, [None, None]).stresses_eV_per_A3 is None
    labels = LabelArrays.from_frames([1, 2], forces)
    assert labels.stresses_eV_per_A3 is None
    assert not labels.has_stress.any()


@pytest.mark.parametrize(
    ("energies", "n_atoms", "forces", "stresses"),
    [
        ([], [], np.zeros((0, 3)), None),
        ([1.0], [1, 2], np.zeros((3, 3)), None),
        ([1.0], [2], np.zeros((1, 3)), None),
        ([1.0], [1], np.zeros((1, 2)), None),
        ([1.0], [0], np.zeros((0, 3)), None),
        ([np.nan], [1], np.zeros((1, 3)), None),
        ([1.0], [1], [[0, np.inf, 0]], None),
        ([1.0], [1], np.zeros((1, 3)), np.zeros((1, 5))),
        ([1.0], [1], np.zeros((1, 3)), [[0, 0, np.nan, 0, 0, 0]]),
    ],
)
def test_wrong_shapes_and_values_are_refused(energies, n_atoms, forces, stresses):
    with pytest.raises(InputError):
        LabelArrays(energies, n_atoms, forces, stresses)


def test_a_frame_without_forces_is_not_dropped_in_silence():
    with pytest.raises(InputError, match="2 energies and forces of 1 frames"):
        LabelArrays.from_frames([1.0, 2.0], [np.zeros((1, 3))])


def test_sets_of_different_frames_are_refused():
    one = LabelArrays([1.0, 1.0], [1, 2], np.zeros((3, 3)))
    other = LabelArrays([1.0, 1.0], [2, 1], np.zeros((3, 3)))
    one.require_same_frames(one)
    with pytest.raises(InputError, match="same frames"):
        one.require_same_frames(other)


def test_finite_array_names_what_is_wrong():
    with pytest.raises(InputError, match="forces hold 2 values"):
        finite_array([np.nan, 1, np.inf], "forces")
    with pytest.raises(InputError, match="forces are not an array"):
        finite_array([[1, 2], [3]], "forces")
