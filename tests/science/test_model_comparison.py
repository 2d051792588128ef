"""Two models on the same frames: the numbers, the pairing, the p value and the verdict."""

import numpy as np
import pytest
from scipy import stats

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap, Estimate
from tm23flows.science.frame_sums import sums_of_frames
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import error_table
from tm23flows.science.model_comparison import (
    Difference,
    compare_models,
    independent_difference,
    judge_all,
)

QUICK = Bootstrap(resamples=400, level=0.95)
N_FRAMES, N_ATOMS = 60, 5
RUNS = ["cold"] * 30 + ["melt"] * 30


def reference(stress=True):
    random = np.random.default_rng(0)
    return LabelArrays(
        random.normal(size=N_FRAMES),
        [N_ATOMS] * N_FRAMES,
        random.normal(0, 0.6, (N_FRAMES * N_ATOMS, 3)),
        random.normal(size=(N_FRAMES, 6)) if stress else None,
    )


def model(seed, size, stress=True):
    """Labels that are off by noise; its size may be one for each frame."""
    true, random = reference(stress), np.random.default_rng([seed, 7])
    size = np.broadcast_to(size, N_FRAMES)
    return LabelArrays(
        true.energies_eV + size * random.normal(size=N_FRAMES),
        true.n_atoms,
        true.forces_eV_per_A
        + np.repeat(size, N_ATOMS)[:, None] * random.normal(size=(N_FRAMES * N_ATOMS, 3)),
        true.stresses_eV_per_A3 + size[:, None] * random.normal(size=(N_FRAMES, 6))
        if stress
        else None,
    )


def sums(predicted, energy_reference="mean-per-atom"):
    return sums_of_frames(predicted, reference(), energy_reference)


def verdicts(differences, level=0.95):
    return {one.difference.quantity: one.verdict for one in judge_all(differences, level)}


def test_the_differences_are_those_of_the_error_tables():
    first, second = model(1, 0.05), model(2, 0.08)
    tables = [error_table(one, reference()) for one in (first, second)]
    found = compare_models([sums(first), sums(second)], RUNS, QUICK)
    assert [one.quantity for one in found] == ["energy", "force", "stress"]
    for one in found:
        errors = [getattr(table, one.quantity) for table in tables]
        assert one.mae.value == pytest.approx(errors[0].mae - errors[1].mae)
        assert one.percent.value == pytest.approx(errors[0].percent - errors[1].percent)
        assert one.mae.low < one.mae.value < one.mae.high
        assert one.n_frames == N_FRAMES
    assert verdicts(found)["force"] == "first"
    turned = compare_models([sums(second), sums(first)], RUNS, QUICK)
    assert verdicts(turned)["force"] == "second"
    assert turned[1].p_value == pytest.approx(found[1].p_value)
    assert turned[1].mae.value == pytest.approx(-found[1].mae.value)


def test_what_makes_a_frame_hard_for_both_cancels():
    hard = np.random.default_rng(3).uniform(0.2, 3, N_FRAMES)
    first, second = model(1, 0.05 * hard), model(1, 0.045 * hard)
    found = compare_models([sums(first), sums(second)], RUNS, QUICK)
    assert verdicts(found)["force"] == "second"
    # The same errors on other frames would not be told apart.
    shuffled = model(2, 0.045 * np.random.default_rng(5).permutation(hard))
    assert (
        found[1].p_value
        < 1e-3 * compare_models([sums(first), sums(shuffled)], RUNS, QUICK)[1].p_value
    )


def test_the_p_value_is_that_of_the_paired_t_test_where_frames_are_independent():
    first, second = model(1, 0.05), model(2, 0.055)
    draws = Bootstrap(4000, block_length=1)
    found = compare_models([sums(first), sums(second)], ["a"] * N_FRAMES, draws)
    true = reference().forces_eV_per_A
    of_frame = [
        np.abs(one.forces_eV_per_A - true).reshape(N_FRAMES, -1).mean(axis=1)
        for one in (first, second)
    ]
    assert found[1].p_value == pytest.approx(stats.ttest_rel(*of_frame).pvalue, rel=0.25)


def test_equally_good_models_are_told_apart_as_rarely_as_the_level_says():
    p_values = [
        compare_models([sums(model(s, 0.05)), sums(model(s + 500, 0.05))], RUNS, QUICK)[1].p_value
        for s in range(150)
    ]
    assert 0.005 <= np.mean(np.array(p_values) < 0.05) <= 0.11
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_a_model_is_no_better_than_itself():
    found = compare_models([sums(model(1, 0.05))] * 2, RUNS, QUICK)
    assert [one.p_value for one in found] == [1.0] * 3
    assert set(verdicts(found).values()) == {"unresolved"}


def test_every_two_models_are_compared():
    models = [sums(model(s, size)) for s, size in enumerate((0.05, 0.08, 0.2))]
    found = compare_models(models, RUNS, QUICK)
    assert [(one.first, one.second) for one in found[::3]] == [(0, 1), (0, 2), (1, 2)]
    assert compare_models(models[:1], RUNS, QUICK) == []


def test_a_quantity_that_one_does_not_have_is_not_compared():
    plain = model(2, 0.05, stress=False)
    found = compare_models([sums(model(1, 0.05)), sums(plain)], RUNS, QUICK)
    assert [one.quantity for one in found] == ["energy", "force"]
    half = model(3, 0.05)
    half.stresses_eV_per_A3[:50] = np.nan
    stress = compare_models([sums(model(1, 0.05)), sums(half)], RUNS, QUICK)[2]
    assert stress.n_frames == 10
    expected = [
        np.abs(one.stresses_eV_per_A3[50:] - reference().stresses_eV_per_A3[50:]).mean()
        for one in (model(1, 0.05), half)
    ]
    assert stress.mae.value == pytest.approx(expected[0] - expected[1])


def test_few_frames_have_a_difference_and_no_verdict():
    few = [sums(model(s, size)).only(range(3)) for s, size in enumerate((0.05, 0.5))]
    found = compare_models(few, ["a"] * 3, QUICK)
    assert found[1].mae.value < 0
    assert (found[1].mae.low, found[1].p_value) == (None, None)
    assert "too few" in found[1].reason
    assert set(verdicts(found).values()) == {"unresolved"}


def test_other_frames_or_another_reference_are_refused():
    one = sums(model(1, 0.05))
    for other in (one.only(range(30)), sums(model(1, 0.05), "none"), one.only(range(59, -1, -1))):
        with pytest.raises(InputError, match="same frames"):
            compare_models([one, other], RUNS, QUICK)


def difference(p_value, low, high, trusted=True):
    mae = Estimate((low + high) / 2, low, high) if p_value is not None else Estimate(1.0)
    return Difference(0, 1, "force", mae, None, p_value, 60, 1, 60.0, trusted, "")


def test_the_verdict_wants_interval_and_adjusted_p():
    many = [difference(0.02, -2, -1), *[difference(0.5, -1, 1)] * 3]
    assert [one.verdict for one in judge_all(many[:1], 0.95)] == ["first"]
    assert judge_all(many, 0.95)[0].adjusted_p == pytest.approx(0.08)
    assert judge_all(many, 0.95)[0].verdict == "unresolved"
    assert judge_all([difference(0.01, 1, 2)], 0.95)[0].verdict == "second"
    assert judge_all([difference(0.01, -1, 2)], 0.95)[0].verdict == "unresolved"
    assert judge_all([difference(0.01, 1, 2, trusted=False)], 0.95)[0].verdict == "unresolved"
    mixed = judge_all([difference(None, 0, 0), difference(0.01, 1, 2)], 0.95)
    assert [(one.adjusted_p, one.verdict) for one in mixed] == [
        (None, "unresolved"),
        (0.01, "second"),
    ]


def test_values_of_different_frames_differ_with_an_interval_of_their_own():
    found = independent_difference(Estimate(5.0, 2.0, 7.0), Estimate(1.0, 0.0, 5.0))
    assert (found.value, found.low, found.high) == pytest.approx((4.0, -1.0, 4.0 + np.sqrt(5)))
    assert independent_difference(Estimate(5.0, 2.0, 7.0), Estimate(1.0)) == Estimate(4.0)


def test_the_interval_of_an_independent_difference_holds_the_truth():
    hits, z = 0, stats.norm.ppf(0.95)
    for seed in range(2000):
        means = np.random.default_rng(seed).normal([3.0, 1.0], [0.5, 1.0])
        one, other = (
            Estimate(mean, mean - z * width, mean + z * width)
            for mean, width in zip(means, (0.5, 1.0), strict=True)
        )
        found = independent_difference(one, other)
        hits += found.low <= 2.0 <= found.high
    assert hits / 2000 == pytest.approx(0.9, abs=0.02)
