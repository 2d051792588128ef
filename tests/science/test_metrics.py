"""Metrics: small numbers by hand, identities and guards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import error_table, mae, mav, percent_error, rmse

values = arrays(float, (7, 3), elements=st.floats(-100, 100, width=32))


def labels(energies, n_atoms, stresses=None, seed=0):
    forces = np.random.default_rng(seed).normal(size=(sum(n_atoms), 3))
    return LabelArrays(np.array(energies, float), n_atoms, forces, stresses)


def test_numbers_by_hand():
    predicted, reference = [[1.0, 2.0], [3.0, -4.0]], [[1.0, 1.0], [5.0, -1.0]]
    assert mae(predicted, reference) == pytest.approx(1.5)
    assert rmse(predicted, reference) == pytest.approx(np.sqrt(14 / 4))
    assert mav(reference) == pytest.approx(2.0)
    assert percent_error(predicted, reference) == pytest.approx(75.0)


@given(values, values, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_identities(predicted, reference, scale, random):
    order = list(range(7))
    random.shuffle(order)
    assert mae(predicted, predicted) == rmse(predicted, predicted) == 0
    assert mae(predicted, reference) == mae(reference, predicted)
    assert rmse(predicted, reference) >= mae(predicted, reference) * (1 - 1e-12)
    assert mae(predicted[order], reference[order]) == pytest.approx(mae(predicted, reference))
    assert mae(scale * predicted, scale * reference) == pytest.approx(
        scale * mae(predicted, reference)
    )
    assert mav(reference) == pytest.approx(mae(reference, np.zeros_like(reference)))
    if mav(reference) > 1e-6:
        percent = percent_error(predicted, reference)
        assert percent_error(scale * predicted, scale * reference) == pytest.approx(percent)
        assert percent_error(predicted[order], reference[order]) == pytest.approx(percent)
        assert percent_error(np.zeros_like(reference), reference) == pytest.approx(100)


@pytest.mark.parametrize("size", [0.0, 1e-16])
def test_percent_error_of_a_perfect_crystal_is_undefined_and_not_infinite(size):
    assert percent_error(np.ones((4, 3)), np.full((4, 3), size)) is None


@pytest.mark.parametrize("function", [mae, rmse, percent_error])
@pytest.mark.parametrize(
    ("predicted", "reference"),
    [
        (np.ones(3), np.ones(4)),
        (np.ones((2, 3)), np.ones(6)),
        (np.ones((3, 1)), np.ones(3)),
        ([np.nan, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [1.0, np.inf]),
        ([], []),
        (["a"], [1.0]),
    ],
)
def test_what_cannot_be_compared_is_refused(function, predicted, reference):
    with pytest.raises(InputError):
        function(predicted, reference)


@pytest.mark.parametrize("reference", [[], [np.nan]])
def test_mav_refuses_nothing_and_nan(reference):
    with pytest.raises(InputError):
        mav(reference)


def test_table_by_hand():
    reference = LabelArrays([-8.0, -10.0], [2, 2], np.full((4, 3), 2.0), np.full((2, 6), -0.1))
    predicted = LabelArrays([-8.2, -10.0], [2, 2], np.full((4, 3), 1.9), np.full((2, 6), -0.09))
    table = error_table(predicted, reference)
    assert table.energy.mae == pytest.approx(0.05)
    assert table.energy.mav == pytest.approx(0.5)
    assert table.energy.percent == pytest.approx(10)
    assert table.force.mae == pytest.approx(0.1)
    assert table.force.percent == pytest.approx(5)
    assert table.stress is not None
    assert table.stress.percent == pytest.approx(10)
    assert (table.n_frames, table.n_atoms, table.n_stress_frames) == (2, 4, 2)
    assert table.energy_reference == "mean-per-atom"


def test_the_energy_reference_changes_mav_and_percent_only():
    reference, predicted = labels([-8.0, -15.0], [2, 3]), labels([-8.1, -15.3], [2, 3])
    centred = error_table(predicted, reference).energy
    raw = error_table(predicted, reference, "none").energy
    assert (centred.mae, centred.rmse) == (raw.mae, raw.rmse)
    assert raw.mav == pytest.approx(4.5)
    assert centred.mav == pytest.approx(0.5)
    assert error_table(predicted, reference, "none").energy_reference == "none"
    with pytest.raises(InputError, match="mean-per-atom or none"):
        error_table(predicted, reference, "absolute")


@given(st.floats(-1000, 1000))
def test_a_shift_of_all_energies_leaves_the_energy_percent_alone(shift):
    reference, predicted = labels([-8.0, -16.0, -7.0], [2, 3, 2]), labels([-8, -15, -7], [2, 3, 2])
    atoms = np.array([2, 3, 2])
    moved = error_table(
        labels(predicted.energies_eV + shift * atoms, [2, 3, 2]),
        labels(reference.energies_eV + shift * atoms, [2, 3, 2]),
    )
    expected = error_table(predicted, reference).energy.percent
    assert moved.energy.percent == pytest.approx(expected, rel=1e-6)


def test_one_frame_has_no_energy_spread_so_its_percent_is_undefined():
    table = error_table(labels([-8.0], [2]), labels([-8.1], [2]))
    assert table.energy.mae == pytest.approx(0.05)
    assert table.energy.percent is None


def test_stress_is_compared_where_both_sets_have_it():
    half = np.array([[0.1] * 6, [np.nan] * 6])
    full = np.full((2, 6), 0.2)
    table = error_table(labels([1, 2], [1, 1], half), labels([1, 2], [1, 1], full))
    assert table.n_stress_frames == 1
    assert table.stress is not None
    assert table.stress.mae == pytest.approx(0.1)
    other_half = half[::-1]
    for stresses in (None, other_half):
        table = error_table(labels([1, 2], [1, 1], half), labels([1, 2], [1, 1], stresses))
        assert table.stress is None
        assert table.n_stress_frames == 0


def test_different_frames_are_refused():
    with pytest.raises(InputError, match="same frames"):
        error_table(labels([1, 2], [1, 2]), labels([1, 2], [2, 1]))
