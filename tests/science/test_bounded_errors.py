"""Errors from sums over frames: they are those of the metrics, and intervals hold the truth."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.bounded_errors import measure, measure_groups
from tm23flows.science.force_bins import MAGNITUDE_EDGES_EV_PER_A, bins_of
from tm23flows.science.frame_sums import sums_of_frames
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import error_table, errors_by_group

QUICK = Bootstrap(resamples=300, level=0.9)
BINS = [name for name, _, _ in bins_of(MAGNITUDE_EDGES_EV_PER_A)]


def labels(n_frames=60, seed=0, missing=()):
    """Frames of two to six atoms; some have no stress."""
    random = np.random.default_rng(seed)
    n_atoms = np.random.default_rng(1).integers(2, 7, n_frames)
    stress = random.normal(size=(n_frames, 6))
    stress[list(missing)] = np.nan
    energies = -3.0 * n_atoms + random.normal(size=n_frames)
    forces = random.normal(0, 0.8, (n_atoms.sum(), 3))
    return LabelArrays(energies, n_atoms, forces, stress)


def only(arrays, places):
    """The chosen frames, frame by frame."""
    starts = np.cumsum([0, *arrays.n_atoms])
    return LabelArrays.from_frames(
        arrays.energies_eV[places],
        [arrays.forces_eV_per_A[starts[i] : starts[i + 1]] for i in places],
        arrays.stresses_eV_per_A3[places],
    )


def close(bounded, errors):
    assert (bounded.mae.value, bounded.rmse.value, bounded.mav) == pytest.approx(
        (errors.mae, errors.rmse, errors.mav), rel=1e-12
    )
    assert bounded.percent.value == pytest.approx(errors.percent, rel=1e-12)


@pytest.mark.parametrize("reference_of_energy", ["mean-per-atom", "none"])
def test_groups_have_the_errors_of_the_error_table(reference_of_energy):
    predicted, reference = labels(seed=1, missing=[3]), labels(seed=2, missing=[7])
    groups = ["cold"] * 20 + ["melt"] * 40
    sums = sums_of_frames(predicted, reference, reference_of_energy)
    found = measure_groups(sums, groups, groups, QUICK)
    assert list(found) == ["all", "cold", "melt"]
    places = np.arange(60)
    for name, rows in (("all", places), ("cold", places[:20]), ("melt", places[20:])):
        table = error_table(only(predicted, rows), only(reference, rows), reference_of_energy)
        assert found[name].n_frames == len(rows)
        assert found[name].errors["stress"].n_components == 6 * table.n_stress_frames
        for quantity in ("energy", "force", "stress"):
            close(found[name].errors[quantity], getattr(table, quantity))
            assert found[name].errors[quantity].mae.low < found[name].errors[quantity].mae.high


def test_bins_have_the_errors_of_their_atoms():
    predicted, reference = labels(seed=1), labels(seed=2)
    found = measure(sums_of_frames(predicted, reference), ["a"] * 60, QUICK).errors
    norms = np.linalg.norm(reference.forces_eV_per_A, axis=1)
    names = np.array(BINS)[np.digitize(norms, MAGNITUDE_EDGES_EV_PER_A) - 1].tolist()
    expected = errors_by_group(predicted.forces_eV_per_A, reference.forces_eV_per_A, names)
    assert set(expected) == set(BINS)
    for name, errors in expected.items():
        close(found[name], errors)
    assert sum(found[name].n_components for name in BINS) == found["force"].n_components


def test_nothing_to_measure_is_left_out_and_no_magnitude_is_undefined():
    crystal = LabelArrays([-3.0] * 8, [2] * 8, np.zeros((16, 3)))
    predicted = LabelArrays([-3.1] * 8, [2] * 8, np.full((16, 3), 0.1))
    found = measure(sums_of_frames(predicted, crystal), ["a"] * 8, QUICK).errors
    assert set(found) == {"energy", "force", BINS[0]}
    assert found["force"].percent is None
    assert found["energy"].percent is None
    assert found["force"].mae.value == pytest.approx(0.1)


def test_a_bin_that_some_draws_do_not_have_has_no_interval():
    forces = np.full((40, 3), 0.1)
    forces[3] = 5.0
    reference = LabelArrays(np.zeros(40), [1] * 40, forces)
    predicted = LabelArrays(np.zeros(40), [1] * 40, forces + 0.01)
    found = measure(sums_of_frames(predicted, reference), ["a"] * 40, QUICK).errors
    assert found[BINS[-1]].mae.low is None
    assert found[BINS[-1]].mae.value == pytest.approx(0.01)
    assert found[BINS[0]].percent.low is not None


def test_few_frames_have_numbers_and_a_reason_in_place_of_an_interval():
    found = measure(sums_of_frames(labels(3, 1), labels(3, 2)), ["a"] * 3, QUICK)
    assert found.errors["force"].mae.low is None
    assert "too few" in found.reason
    assert measure(sums_of_frames(labels(), labels()), ["a"] * 60, QUICK).reason == ""


def test_the_true_error_is_in_the_interval_about_as_often_as_it_should_be():
    hits = {"mae": 0, "rmse": 0, "percent": 0}
    truth = {"mae": np.sqrt(2 / np.pi) * 0.1, "rmse": 0.1, "percent": 10.0}
    for seed in range(100):
        random = np.random.default_rng(seed)
        reference = LabelArrays(np.zeros(50), [4] * 50, random.normal(size=(200, 3)))
        off = random.normal(0, 0.1, (200, 3))
        predicted = LabelArrays(np.zeros(50), [4] * 50, reference.forces_eV_per_A + off)
        sums = sums_of_frames(predicted, reference, edges_eV_per_A=())
        force = measure(sums, ["a"] * 50, QUICK).errors["force"]
        for name in hits:
            found = getattr(force, name)
            hits[name] += found.low <= truth[name] <= found.high
    assert all(80 <= count <= 98 for count in hits.values()), hits


def test_correlated_frames_have_longer_blocks_and_wider_intervals():
    random = np.random.default_rng(0)
    scales = np.exp(0.5 * random.normal(size=30))
    runs = ["a"] * 300
    found = {}
    for name, scale in (
        ("slow", np.repeat(scales, 10)),
        ("fast", random.permutation(np.repeat(scales, 10))),
    ):
        off = (np.where(random.random((600, 3)) < 0.5, -1, 1).T * np.repeat(scale, 2)).T
        reference = LabelArrays(np.zeros(300), [2] * 300, np.ones((600, 3)))
        predicted = LabelArrays(np.zeros(300), [2] * 300, 1 + off)
        found[name] = measure(sums_of_frames(predicted, reference), runs, QUICK)
    slow, fast = found["slow"], found["fast"]
    assert slow.block_length > fast.block_length
    assert slow.effective_frames < 0.4 * fast.effective_frames
    widths = [one.errors["force"].mae.high - one.errors["force"].mae.low for one in (slow, fast)]
    assert widths[0] > 1.5 * widths[1]


def test_one_group_is_measured_once_and_the_same_seed_gives_the_same():
    sums = sums_of_frames(labels(seed=1), labels(seed=2))
    found = measure_groups(sums, ["a"] * 60, ["cold"] * 60, QUICK)
    assert found["cold"] is found["all"]
    assert measure_groups(sums, ["a"] * 60, ["cold"] * 60, QUICK) == found


def test_what_does_not_fit_is_refused():
    sums = sums_of_frames(labels(5), labels(5))
    with pytest.raises(InputError, match="do not fit"):
        measure(sums, ["a"], QUICK)
    with pytest.raises(InputError, match="do not fit"):
        measure_groups(sums, ["a"] * 5, ["a"], QUICK)
