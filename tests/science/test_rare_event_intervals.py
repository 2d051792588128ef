"""Intervals over events: the values are those of the definition, the draws are of events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.rare_event_intervals import MEASURES, compare, event_sums, measure
from tm23flows.science.rare_events import rare_event_scores

DRAWS = Bootstrap(resamples=200)


def forces_of(n, seed=0, wrong=0.3):
    random = np.random.default_rng(seed)
    reference = random.normal(0, 1, (n, 3))
    return reference + random.normal(0, wrong, (n, 3)), reference


@given(st.integers(1, 40), st.integers(0, 99), st.sampled_from([2, 7, 50]))
@settings(max_examples=30)
def test_the_values_are_those_of_the_definition(n, seed, n_grid):
    pred, ref = forces_of(n, seed, wrong=1.0)
    pred[: n // 4] = 0.0  # no angle
    event = [str(place // 2) for place in range(n)]
    found = measure(event_sums(pred, ref, event, sorted(set(event)), n_grid), DRAWS)
    wanted = rare_event_scores(pred, ref, n_grid)
    for name in MEASURES:
        if (want := getattr(wanted, name)) is None:
            assert found[name] is None
        else:
            assert found[name].value == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(("length", "re_m"), [(0.5, 0.5), (0.01, 0.5 / 49), (0.0, 0.0), (3.0, 1.0)])
def test_oracles_of_the_definition(length, re_m):
    reference = np.tile([0.0, 0.0, 1.0], (6, 1))
    sums = event_sums(reference * (1 + length), reference, "aabbcc", "abc")
    assert measure(sums, DRAWS)["re_m_error"].value == pytest.approx(re_m, abs=1e-12)


def test_atoms_of_one_event_are_drawn_together():
    """Two atoms each that are wrong in the same way are no more than one."""
    pred, ref = forces_of(8)
    events = [str(place) for place in range(8)]
    single = measure(event_sums(pred, ref, events, events), DRAWS)
    twice = measure(
        event_sums(np.repeat(pred, 2, 0), np.repeat(ref, 2, 0), np.repeat(events, 2), events), DRAWS
    )
    for name in MEASURES:
        assert single[name].low == pytest.approx(twice[name].low)
        assert single[name].high == pytest.approx(twice[name].high)
        assert single[name].low <= single[name].value <= single[name].high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    inside = 0
    truth = measure(
        event_sums(*forces_of(4000, 5), np.arange(4000).tolist(), range(4000)),
        Bootstrap(resamples=100),
    )["re_m_error"].value
    for seed in range(100):
        pred, ref = forces_of(20, seed + 10)
        found = measure(event_sums(pred, ref, range(20), range(20)), DRAWS)["re_m_error"]
        inside += found.low <= truth <= found.high
    assert 88 <= inside <= 100


def test_few_events_have_no_interval_and_no_event_no_value():
    pred, ref = forces_of(3)
    found = measure(event_sums(pred, ref, "abc", "abc"), DRAWS)
    assert found["re_m_error"].low is None
    none = np.empty((0, 3))
    assert measure(event_sums(none, none, [], "abc"), DRAWS)["re_a_error"] is None


def test_a_difference_is_paired():
    pred, ref = forces_of(30, wrong=1.0)
    events = list(range(30))
    first = event_sums(pred, ref, events, events)
    same = compare(first, first, DRAWS)["re_m_error"]
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    worse = ref + (pred - ref) * 1.2
    found = compare(event_sums(worse, ref, events, events), first, DRAWS)["re_f_error_eV_per_A"]
    wide = measure(first, DRAWS)["re_f_error_eV_per_A"]
    assert found.low > 0
    assert found.high - found.low < wide.high - wide.low
    other = event_sums(pred[:20], ref[:20], events[:20], events)
    with pytest.raises(InputError, match="same atoms"):
        compare(first, other, DRAWS)


def test_an_atom_needs_an_event():
    pred, ref = forces_of(2)
    with pytest.raises(InputError, match="needs one event"):
        event_sums(pred, ref, "a", "ab")
    with pytest.raises(InputError, match="needs one event"):
        event_sums(pred, ref, "ac", "ab")
