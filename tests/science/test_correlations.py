"""Correlations of synthetic metals, for which the answer is known."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from tm23flows.errors import InputError
from tm23flows.science.correlations import (
    CORRELATED,
    NOT_TESTED,
    NULL_RESULT,
    Analysis,
    correct,
    group_contrast,
    linear_trend,
    verdict,
)

FAST = Analysis(resamples=300, permutations=999)


def metals(n=27, slope=2.0, noise=0.5, seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(-5, 0, n)
    return x, 10 + slope * x + noise * random.standard_normal(n)


def test_a_line_is_found_with_its_interval():
    x, y = metals()
    found = linear_trend(x, y, Analysis())
    assert found.n == 27
    assert found.slope == pytest.approx(2.0, abs=0.2)
    assert found.intercept == pytest.approx(10.0, abs=0.5)
    assert found.pearson == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.pearson_p == found.spearman_p == pytest.approx(2 / 10_000)
    low, high = found.slope_ends
    assert low < 2.0 < high
    assert 0.1 < high - low < 0.6
    assert found.pearson_ends[0] < found.pearson < found.pearson_ends[1]
    assert found.reason == ""


def test_the_interval_is_about_that_of_the_theory_of_lines():
    x, y = metals(n=200)
    found = linear_trend(x, y, Analysis())
    line = stats.linregress(x, y)
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    assert found.slope_ends == pytest.approx([line.slope - half, line.slope + half], abs=0.3 * half)


def test_p_values_of_few_metals_are_counted_out():
    x, y = np.array([1.0, 2.0, 4.0, 9.0, 3.0]), np.array([1.0, 0.5, 3.0, 2.5, 2.0])
    found = linear_trend(x, y, FAST)
    own = abs(np.corrcoef(x, y)[0, 1])
    all_of_them = [abs(np.corrcoef(x, y[list(order)])[0, 1]) for order in permutations(range(5))]
    # scipy doubles the smaller tail, which is nearly the same as counting both.
    upper = np.mean(
        [np.corrcoef(x, y[list(o)])[0, 1] >= own - 1e-9 for o in permutations(range(5))]
    )
    assert found.pearson_p == pytest.approx(2 * upper, abs=1e-9)
    assert found.pearson_p == pytest.approx(np.mean(np.array(all_of_them) >= own - 1e-9), abs=0.15)


def test_a_monotonous_curve_is_found_by_ranks_more_than_by_the_line():
    x = np.linspace(0, 8, 20)
    found = linear_trend(x, np.exp(x), FAST)
    assert found.spearman == pytest.approx(1.0)
    assert found.pearson < 0.8


def test_one_outlier_moves_the_line_and_not_the_ranks():
    random = np.random.default_rng(3)
    x, y = random.standard_normal(26), random.standard_normal(26)
    found = linear_trend(np.append(x, 40.0), np.append(y, 40.0), FAST)
    assert found.pearson > 0.95
    assert abs(found.spearman) < 0.5


@pytest.mark.parametrize(
    ("n", "fitted", "interval", "tested", "why"),
    [(0, False, False, False, "too few"), (2, False, False, False, "always on a line"),
     (3, True, False, False, "too few for an interval"),
     (4, True, True, False, "no p-value can be below 0.083"), (5, True, True, True, "")],
)  # fmt: skip
def test_few_metals_are_said_to_be_few(n, fitted, interval, tested, why):
    x, y = metals(n)
    found = linear_trend(x, y, FAST)
    assert (found.pearson is not None, found.slope_ends is not None) == (fitted, interval)
    assert why in found.reason
    # Of six orders the best is one, so three metals can never show anything: that is no test.
    assert [p is not None for p in (found.pearson_p, found.spearman_p)] == [tested] * 2


def test_a_level_that_can_be_reached_is_tested():
    x, y = np.arange(4.0), np.array([1.0, 2.0, 3.0, 5.0])
    found = linear_trend(x, y, Analysis(level=0.1, resamples=300, permutations=999))
    assert (found.spearman_p, found.reason) == (pytest.approx(2 / 24), "")


def test_what_does_not_vary_correlates_with_nothing():
    found = linear_trend([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], FAST)
    assert (found.pearson, found.pearson_p) == (None, None)
    assert "the same for all" in found.reason
    found = linear_trend([0.0] * 9 + [1.0], np.arange(10.0), FAST)
    assert found.slope_ends is not None
    assert linear_trend([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], FAST).slope is None


def test_the_same_seed_gives_the_same_and_metals_may_come_in_any_order():
    x, y = metals(12, slope=0.1)
    assert linear_trend(x, y, FAST) == linear_trend(x, y, FAST)
    other = linear_trend(x, y, Analysis(resamples=300, permutations=999, seed=1))
    assert other.slope_ends != linear_trend(x, y, FAST).slope_ends
    turned = linear_trend(x[::-1], y[::-1], FAST)
    assert turned.pearson == pytest.approx(linear_trend(x, y, FAST).pearson)


def test_null_tests_are_found_as_often_as_the_level_says_and_not_after_correction():
    random = np.random.default_rng(11)
    analysis = Analysis(resamples=100, permutations=999)
    p_values = []
    for _ in range(100):
        trend = linear_trend(random.standard_normal(15), random.standard_normal(15), analysis)
        p_values.append(trend.spearman_p)
    raw = sum(one <= 0.05 for one in p_values)
    assert 1 <= raw <= 12
    assert sum(one <= 0.05 for one in correct(p_values, "bh")) == 0
    # A true one among them is still seen.
    x, y = metals(15, noise=0.1)
    true = linear_trend(x, y, Analysis(permutations=9999)).spearman_p
    assert correct([*p_values, true], "bh")[-1] <= 0.05


def test_correction_counts_what_was_tested_and_keeps_the_gaps():
    given = [0.01, None, 0.02, 0.5]
    assert correct(given, "bh") == pytest.approx([0.03, None, 0.03, 0.5])
    assert correct(given, "by")[0] == pytest.approx(0.03 * (1 + 1 / 2 + 1 / 3))
    assert correct([None, None], "bh") == [None, None]
    assert correct([], "bh") == []


def test_verdicts():
    assert verdict([0.04, 0.9], 0.05) == CORRELATED
    assert verdict([0.06, None], 0.05) == NULL_RESULT
    assert verdict([None, None], 0.05) == NOT_TESTED


def test_groups_that_differ_are_seen_and_single_metals_left_out():
    random = np.random.default_rng(0)
    groups = ["fcc"] * 8 + ["hcp"] * 8 + ["omega"]
    apart = np.concatenate([random.normal(5, 1, 8), random.normal(12, 1, 8), [30.0]])
    found = group_contrast(groups, apart, FAST)
    assert found.n == 16
    assert found.p <= 2 / 1000
    assert found.statistic == pytest.approx(stats.kruskal(apart[:8], apart[8:16]).statistic)
    assert "omega" in found.reason
    assert found.medians["omega"] == 30.0
    alike = group_contrast(groups[:16], random.standard_normal(16), FAST)
    assert alike.p > 0.05


def test_p_values_of_groups_are_near_those_of_large_samples_where_these_hold():
    random = np.random.default_rng(4)
    groups = ["a"] * 30 + ["b"] * 30 + ["c"] * 30
    errors = random.standard_normal(90) + np.repeat([0, 0.3, 0.5], 30)
    found = group_contrast(groups, errors, Analysis())
    large = stats.kruskal(*np.split(errors, 3))
    assert found.p == pytest.approx(large.pvalue, abs=0.02)


def test_groups_that_cannot_be_compared():
    found = group_contrast(["a", "a", "b"], [1.0, 2.0, 3.0], FAST)
    assert (found.p, found.statistic) == (None, None)
    assert "no two groups" in found.reason
    assert group_contrast(["a", "a", "b", "b"], [1.0] * 4, FAST).p is None
    assert group_contrast([], [], FAST).n == 0


@pytest.mark.parametrize(("sizes", "least"), [((2, 2), 1 / 3), ((3, 3), 0.1), ((2, 3), 0.2)])
def test_groups_that_could_never_differ_are_not_tested(sizes, least):
    groups = [name for name, size in zip("ab", sizes, strict=True) for _ in range(size)]
    errors = np.arange(len(groups)) + 10.0
    found = group_contrast(groups, errors, FAST)
    assert (found.p, found.statistic is None) == (None, False)
    assert f"no p-value can be below {least:.2g}" in found.reason
    # The bound is the p-value of groups that are wholly apart.
    loose = Analysis(level=0.5, resamples=300, permutations=999)
    assert group_contrast(groups, errors, loose).p == pytest.approx(least)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"level": 0.0}, "level"),
        ({"confidence": 1.0}, "confidence"),
        ({"resamples": 10}, "resamples"),
        ({"permutations": 10}, "permutations"),
        ({"seed": -1}, "seed"),
        ({"correction": "none"}, "no correction 'none'"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(fields, why):
    with pytest.raises(InputError, match=why):
        Analysis(**fields)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        linear_trend([1.0, 2.0], [1.0, 2.0, 3.0], FAST)
    with pytest.raises(InputError):
        linear_trend([1.0, np.nan, 2.0], [1.0, 2.0, 3.0], FAST)
    with pytest.raises(InputError, match="do not fit"):
        group_contrast(["a"], [1.0, 2.0], FAST)
