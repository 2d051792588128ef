"""Metrics: small numbers by hand, identities and guards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import (
    error_table,
    errors_by_group,
    mae,
    mav,
    percent_error,
    rmse,
)

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


weights_of_rows = arrays(float, 7, elements=st.floats(0, 10, width=32)).filter(
    lambda one: one.sum() > 0.1
)


@given(values, values, weights_of_rows)
def test_weights_are_those_of_scikit_learn(predicted, reference, weights):
    sklearn = pytest.importorskip("sklearn.metrics")
    found = mae(predicted, reference, weights), rmse(predicted, reference, weights)
    expected = (
        sklearn.mean_absolute_error(reference, predicted, sample_weight=weights),
        np.sqrt(sklearn.mean_squared_error(reference, predicted, sample_weight=weights)),
    )
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)
    # Flattened, with the weight of a row at each of its values, it is the root of one column.
    flat = [one.ravel() for one in (reference, predicted, np.repeat(weights, 3))]
    root = sklearn.root_mean_squared_error(flat[0], flat[1], sample_weight=flat[2])
    assert rmse(flat[1], flat[0], flat[2]) == pytest.approx(root, rel=1e-12, abs=1e-300)
    assert mav(reference, weights) == pytest.approx(
        sklearn.mean_absolute_error(reference, np.zeros((7, 3)), sample_weight=weights), rel=1e-12
    )


def test_a_weight_says_how_often_a_row_counts():
    predicted, reference = np.random.default_rng(0).normal(size=(2, 4, 3))
    often = [1, 0, 3, 2]
    many = [np.repeat(one, often, axis=0) for one in (predicted, reference)]
    for metric in (mae, rmse, percent_error):
        assert metric(predicted, reference, often) == pytest.approx(metric(*many))
        per_value = np.repeat(often, 3).reshape(4, 3)
        assert metric(predicted, reference, per_value) == pytest.approx(metric(*many))


@pytest.mark.parametrize(
    "weights", [[1, 2], [1, -1, 1], [0, 0, 0], [1, np.nan, 1], np.ones((3, 2))]
)
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(InputError):
        mae(np.ones((3, 3)), np.ones((3, 3)), weights)


def test_groups_are_measured_on_their_own():
    sklearn = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    predicted, reference = random.normal(size=(2, 20, 3))
    groups, weights = random.choice(["melt", "cold"], 20).tolist(), random.uniform(0, 2, 20)
    found = errors_by_group(predicted, reference, groups, weights)
    assert list(found) == list(dict.fromkeys(groups))
    for name, errors in found.items():
        rows = [i for i, one in enumerate(groups) if one == name]
        chosen = reference[rows], predicted[rows]
        expected = sklearn.mean_absolute_error(*chosen, sample_weight=weights[rows])
        assert errors.mae == pytest.approx(expected, rel=1e-12)
        square = sklearn.mean_squared_error(*chosen, sample_weight=weights[rows])
        assert errors.rmse == pytest.approx(np.sqrt(square), rel=1e-12)
        size = np.average(np.abs(reference[rows]).mean(axis=1), weights=weights[rows])
        assert errors.percent == pytest.approx(100 * errors.mae / size)
    alone = errors_by_group(predicted, reference, ["x"] * 20)["x"]
    assert (alone.mae, alone.rmse) == (mae(predicted, reference), rmse(predicted, reference))
    with pytest.raises(InputError, match="do not fit"):
        errors_by_group(predicted, reference, ["x"] * 3)
    with pytest.raises(InputError, match="do not fit"):
        errors_by_group(predicted, reference, groups, np.ones(3))
