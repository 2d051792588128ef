"""Autocorrelation against processes whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.decorrelation import (
    autocorrelation,
    correlation,
    energy_correlation,
    force_correlation,
    independent_every,
)


def ar1(phi, n, count=1, seed=0):
    """Series x(i) = phi x(i-1) + noise, begun in equilibrium; rho(t) = phi**t."""
    noise = np.random.default_rng(seed).normal(size=(n, count))
    series = np.empty((n, count))
    series[0] = noise[0] / np.sqrt(1 - phi**2)
    for i in range(1, n):
        series[i] = phi * series[i - 1] + noise[i]
    return series


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.8, 0.9, 0.95])
def test_the_inefficiency_of_an_ar1_process(phi):
    expected = (1 + phi) / (1 - phi)
    found = correlation(ar1(phi, 20_000, count=20))
    # Sokal's window of 5 tau leaves out exp(-5) of the sum.
    assert found.inefficiency == pytest.approx(expected, rel=0.05)
    assert found.effective_size == pytest.approx(20_000 / expected, rel=0.05)
    assert found.is_long_enough
    assert found.window == pytest.approx(5 * found.time, abs=0.35 * 5 * found.time + 2)


def test_several_series_have_the_mean_of_their_times():
    slow, fast = ar1(0.9, 5000), ar1(0.0, 5000, seed=1)
    both = correlation(np.hstack([slow, fast])).time
    assert both == pytest.approx((correlation(slow).time + correlation(fast).time) / 2)


def test_the_autocorrelation_is_the_sum_that_defines_it():
    series = np.random.default_rng(3).normal(size=40)
    shifted = series - series.mean()
    by_hand = [np.sum(shifted[: 40 - lag] * shifted[lag:]) for lag in range(40)]
    assert autocorrelation(series) == pytest.approx(np.array(by_hand) / by_hand[0], abs=1e-12)


def test_a_series_that_swings_is_worth_no_more_than_its_length():
    found = correlation(ar1(-0.8, 4000, count=4))
    assert found.inefficiency == 1.0
    assert found.effective_size == 4000


def test_a_short_series_is_not_trusted():
    assert not correlation(ar1(0.9, 100)).is_long_enough
    assert correlation(ar1(0.9, 20_000)).is_long_enough


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60),
    st.floats(-100, 100),
    st.floats(0.01, 100),
)
@settings(max_examples=100)
def test_units_and_zero_do_not_matter_and_the_size_is_sane(values, shift, scale):
    series = np.array(values)
    if np.ptp(series) < 1e-3:
        return
    found = correlation(series)
    assert found.inefficiency >= 1.0
    assert 0 < found.effective_size <= len(series)
    other = correlation(scale * series + shift)
    assert other.time == pytest.approx(found.time, rel=1e-6)


def test_forces_leave_out_what_does_not_move():
    moving = ar1(0.8, 3000, count=6).reshape(3000, 2, 3)
    fixed = np.zeros((3000, 1, 3))
    found = force_correlation(list(np.concatenate([moving, fixed], axis=1)))
    assert found == correlation(moving.reshape(3000, 6))
    assert force_correlation(list(fixed)) is None
    assert force_correlation([np.ones((2, 3))]) is None
    assert force_correlation([]) is None


def test_energies_that_say_nothing_say_nothing():
    assert energy_correlation([-3.0]) is None
    assert energy_correlation([-3.0] * 10) is None
    assert energy_correlation(ar1(0.5, 100)[:, 0]).n == 100


def test_the_slowest_decides_which_frames_are_independent():
    fast, slow = correlation(ar1(0.0, 5000)), correlation(ar1(0.8, 5000))
    assert independent_every(fast) == 1
    assert independent_every(fast, None, slow) == round(slow.inefficiency) == 9
    assert independent_every(None) == independent_every() == 1
    every = independent_every(slow)
    assert correlation(ar1(0.8, 20_000, count=20)[::every]).inefficiency < 1.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: correlation([1.0]),
        lambda: correlation(3.0),
        lambda: correlation([2.0, 2.0, 2.0]),
        lambda: correlation([[1.0, 2.0], [1.0, 3.0]]),
        lambda: correlation([1.0, np.nan]),
        lambda: correlation([1.0, 2.0], window=0),
        lambda: force_correlation([np.zeros((2, 3)), np.zeros((3, 3))]),
    ],
)
def test_what_has_no_answer_is_refused(make):
    with pytest.raises(InputError):
        make()
