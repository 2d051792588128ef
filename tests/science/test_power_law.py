"""Power laws: exact ones are found, and the interval of the exponent knows of correlated frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap, choose_blocks, draw_sums
from tm23flows.science.power_law import bootstrap_power_law, fit_power_law

SIZES = np.array([100, 300, 500, 700, 900])
QUICK = Bootstrap(resamples=300, level=0.9)

exponents = st.floats(-2, 1)
prefactors = st.floats(1e-4, 1e3)
factors = st.floats(1e-3, 1e3)


def correlated(random, rho, shape):
    """Series of unit variance along the last axis whose correlation decays as rho ** lag."""
    values = random.standard_normal((*shape[:-1], shape[-1] + 200))
    for t in range(1, values.shape[-1]):
        values[..., t] = rho * values[..., t - 1] + np.sqrt(1 - rho**2) * values[..., t]
    return values[..., 200:]


def frame_errors(seed, rho, n_frames, exponent=-0.4):
    """Errors of a true power law; hard frames are hard for all sizes, for some more than others."""
    noise = correlated(np.random.default_rng(seed), rho, (7, n_frames))
    tilt = 0.5 * np.log(SIZES / 300)[:, None] * noise[1]
    means = 0.1 * (SIZES / 100.0) ** exponent
    return means[:, None] * np.maximum(1 + 0.2 * (noise[0] + tilt) + 0.1 * noise[2:], 0.01)


def interval(errors, bootstrap=QUICK, weights=None, runs=None, sizes=SIZES):
    n = errors.shape[1]
    weights = np.full(n, 93) if weights is None else weights
    return bootstrap_power_law(sizes, errors, weights, runs or [0] * n, bootstrap)


def width(found):
    return found.exponent[1] - found.exponent[0]


@given(exponents, prefactors)
def test_an_exact_power_law_is_found(exponent, prefactor):
    law = fit_power_law(SIZES, prefactor * SIZES**exponent)
    assert law.exponent == pytest.approx(exponent, abs=1e-9)
    assert law.prefactor == pytest.approx(prefactor, rel=1e-8)
    if abs(exponent) > 1e-6:
        assert law.r_squared == pytest.approx(1, abs=1e-6)
    assert law.at([100, 900]) == pytest.approx([prefactor * n**exponent for n in (100, 900)])


@given(st.lists(st.floats(1e-3, 10), min_size=5, max_size=5), factors, factors)
def test_units_of_errors_and_sizes_change_the_prefactor_only(errors, in_errors, in_sizes):
    law = fit_power_law(SIZES, errors)
    other = fit_power_law(SIZES * in_sizes, np.array(errors) * in_errors)
    assert other.exponent == pytest.approx(law.exponent, abs=1e-7)
    expected = law.prefactor * in_errors * in_sizes**-law.exponent
    assert other.prefactor == pytest.approx(expected, rel=1e-6)
    if law.r_squared is not None and np.ptp(np.log(errors)) > 1e-3:
        assert other.r_squared == pytest.approx(law.r_squared, abs=1e-6)


@given(st.lists(st.floats(1e-3, 10), min_size=5, max_size=5), st.permutations(range(5)))
def test_the_order_of_the_sizes_does_not_matter(errors, order):
    law, other = (
        fit_power_law(SIZES[list(some)], np.array(errors)[list(some)]) for some in (range(5), order)
    )
    assert other.exponent == pytest.approx(law.exponent, abs=1e-9)


def test_it_is_the_line_of_least_squares_in_logarithms():
    errors = np.array([0.2, 0.11, 0.09, 0.085, 0.07])
    law = fit_power_law(SIZES, errors)
    slope, intercept = np.polyfit(np.log(SIZES), np.log(errors), 1)
    residual = np.log(errors) - np.log(law.at(SIZES))
    assert (law.exponent, np.log(law.prefactor)) == pytest.approx((slope, intercept))
    assert law.r_squared == pytest.approx(1 - residual.var() / np.log(errors).var())
    assert 0 < law.r_squared < 1


def test_with_fewer_than_three_sizes_nothing_is_claimed():
    law = fit_power_law([100, 900], [0.2, 0.1])
    assert law.exponent == pytest.approx(np.log(0.5) / np.log(9))
    assert law.r_squared is None
    assert interval(frame_errors(0, 0.0, 50)[:2], sizes=SIZES[:2]) is None
    with pytest.raises(InputError, match="at least two sizes"):
        fit_power_law([100], [0.2])


def test_errors_that_are_all_the_same_have_no_r_squared():
    law = fit_power_law(SIZES, [0.1] * 5)
    assert law.exponent == pytest.approx(0, abs=1e-12)
    assert law.r_squared is None


@pytest.mark.parametrize("wrong", [0.0, -0.1, np.nan, np.inf])
def test_what_has_no_logarithm_is_refused(wrong):
    with pytest.raises(InputError, match=r"positive|not finite"):
        fit_power_law(SIZES, [0.2, 0.1, wrong, 0.1, 0.1])
    with pytest.raises(InputError, match=r"positive|not finite"):
        fit_power_law([100, 300, wrong], [0.2, 0.1, 0.1])
    errors = frame_errors(0, 0.0, 20)
    errors[2] = wrong
    with pytest.raises(InputError):
        interval(errors)


def test_sizes_and_shapes_are_checked():
    with pytest.raises(InputError, match="another one"):
        fit_power_law([100, 300, 100], [0.2, 0.1, 0.1])
    with pytest.raises(InputError, match="do not fit"):
        interval(frame_errors(0, 0.0, 20)[:4])
    with pytest.raises(InputError, match="do not fit"):
        interval(frame_errors(0, 0.0, 20), weights=np.ones(19))
    with pytest.raises(InputError, match="positive weight"):
        interval(frame_errors(0, 0.0, 20), weights=np.zeros(20))


def test_frames_that_are_all_alike_leave_no_doubt():
    means = 0.1 * (SIZES / 100.0) ** -0.3
    found = interval(np.repeat(means[:, None], 40, axis=1))
    assert found.exponent == pytest.approx((-0.3, -0.3))
    assert found.band == pytest.approx(np.column_stack([means, means]))
    assert (found.block_length, found.effective_frames) == (1, 40)


def test_a_seed_is_a_result():
    errors = frame_errors(1, 0.5, 100)
    first = interval(errors)
    assert interval(errors).exponent == first.exponent
    assert interval(errors, Bootstrap(300, 0.9, seed=1)).exponent != first.exponent
    assert width(interval(errors, Bootstrap(300, 0.5))) < width(first)


def test_interval_and_band_hold_the_fit():
    errors = frame_errors(2, 0.5, 200)
    law, found = fit_power_law(SIZES, errors.mean(axis=1)), interval(errors)
    assert found.exponent[0] < law.exponent < found.exponent[1]
    assert (found.band[:, 0] < law.at(SIZES)).all()
    assert (law.at(SIZES) < found.band[:, 1]).all()


@given(factors, factors)
def test_units_do_not_change_the_interval(in_errors, in_sizes):
    errors = frame_errors(3, 0.5, 60)
    bootstrap = Bootstrap(100, 0.9, block_length=5)
    found = interval(errors, bootstrap)
    other = interval(errors * in_errors, bootstrap, sizes=SIZES * in_sizes)
    assert other.exponent == pytest.approx(found.exponent, abs=1e-7)
    assert other.band == pytest.approx(found.band * in_errors, rel=1e-6)


def test_frames_weigh_as_much_as_they_have_atoms():
    errors = frame_errors(4, 0.0, 60)
    # A frame of twice the atoms is as good as the same frame twice, in the fit at least.
    weights = np.where(np.arange(60) < 30, 2, 1)
    heavy = interval(errors, Bootstrap(2000), weights=weights)
    twice = np.concatenate([errors[:, :30], errors], axis=1)
    middle = np.mean(heavy.exponent)
    assert middle == pytest.approx(fit_power_law(SIZES, twice.mean(axis=1)).exponent, abs=0.01)
    assert middle != pytest.approx(fit_power_law(SIZES, errors.mean(axis=1)).exponent, abs=1e-4)


def test_all_sizes_are_drawn_together():
    # Frames differ a lot, but for all sizes alike: that says nothing against the exponent.
    hardness = np.random.default_rng(5).uniform(0.2, 5.0, 80)
    means = 0.1 * (SIZES / 100.0) ** -0.3
    found = interval(means[:, None] * hardness)
    assert width(found) < 1e-9
    assert found.exponent[0] == pytest.approx(-0.3)
    assert found.band[0, 1] / found.band[0, 0] > 1.1


def test_blocks_do_not_span_runs():
    # Two runs, each of one constant error: drawn by run, every draw is the same.
    means = 0.1 * (SIZES / 100.0) ** -0.3
    tilt = (SIZES / 300.0) ** 0.2
    errors = np.concatenate(
        [np.repeat(means[:, None], 20, axis=1), np.repeat((means * tilt)[:, None], 20, axis=1)],
        axis=1,
    )
    apart = interval(errors, Bootstrap(300, block_length=4), runs=["a"] * 20 + ["b"] * 20)
    together = interval(errors, Bootstrap(300, block_length=4))
    assert width(apart) < 1e-9 < width(together)
    # Also when the frames of the runs take turns.
    order = np.arange(40).reshape(2, 20).T.ravel()
    mixed = interval(errors[:, order], Bootstrap(300, block_length=4), runs=["a", "b"] * 20)
    assert mixed.exponent == pytest.approx(apart.exponent)


def test_with_few_blocks_the_ends_are_further_out():
    errors = frame_errors(7, 0.0, 16)
    bootstrap = Bootstrap(300, 0.9, block_length=4)
    blocks = choose_blocks(errors, [0] * 16, bootstrap)
    means = draw_sums(errors, blocks, bootstrap) / 16
    slopes = np.polyfit(np.log(SIZES), np.log(means), 1)[0]
    low, high = blocks.ends(0.9)
    assert low < 0.05
    assert high > 0.95
    assert interval(errors, bootstrap).exponent == pytest.approx(np.quantile(slopes, [low, high]))


def test_few_blocks_give_no_interval():
    errors = frame_errors(6, 0.0, 12)
    assert interval(errors, Bootstrap(300, block_length=3)) is not None
    assert interval(errors, Bootstrap(300, block_length=4)) is None
    assert interval(errors[:, :3]) is None


def coverage(rho, n_frames, bootstrap=QUICK):
    found = [interval(frame_errors(seed, rho, n_frames), bootstrap) for seed in range(100)]
    hits = [one.exponent[0] <= -0.4 <= one.exponent[1] for one in found]
    return np.mean(hits), np.mean([width(one) for one in found]), found


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_an_interval_of_90_percent_holds_the_truth_about_that_often(rho):
    share, _, found = coverage(rho, 300)
    assert 0.78 <= share <= 0.97
    assert all(one.is_trusted for one in found)


def test_single_frames_drawn_from_a_slow_run_promise_too_much():
    blocks, wide, found = coverage(0.85, 300)
    single, narrow, _ = coverage(0.85, 300, Bootstrap(300, 0.9, block_length=1))
    assert wide > 2 * narrow
    assert single < 0.6
    assert blocks > 0.7
    # A run of 300 such frames is worth 24 independent ones.
    assert np.median([one.effective_frames for one in found]) == pytest.approx(24, rel=0.4)
    assert np.mean([one.is_trusted for one in found]) < 0.9
