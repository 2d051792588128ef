"""Hops joined to events, and the frames that are taken of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.science.event_rule import EventRule
from tm23flows.science.hop_events import (
    choose_event_steps,
    choose_quiet_steps,
    join_hops,
)
from tm23flows.science.hops import NO_SITE, Hop, HopRule, HopSearch, Lattice

N_STEPS = 400


def search_of(*spans, n_steps=N_STEPS):
    """A search whose hops begin and end where it is said."""
    hops = tuple(Hop(i, i, i + 1, left, entered) for i, (left, entered) in enumerate(spans))
    return HopSearch(
        hops=hops, undecided=0, no_lattice_sites=None, share_on_site=1.0, order=1.0,
        sites=np.zeros((n_steps, 5), dtype=np.int32), shifts_A=np.zeros((n_steps, 3)),
        lattice=Lattice(np.zeros((1, 3)), 5 * np.eye(3)), rule=HopRule(),
    )  # fmt: skip


def test_hops_that_overlap_or_nearly_touch_are_one_event():
    search = search_of((10, 20), (15, 30), (39, 45), (60, 61), (100, 110))
    events = join_hops(search, 10)
    assert [one.hops for one in events] == [(0, 1, 2), (3,), (4,)]
    assert events[0].steps == (*range(11, 30), *range(40, 45))
    assert events[1].steps == ()  # it jumped within one step
    assert len(join_hops(search, 9)) == 4
    assert len(join_hops(search, 1000)) == 1
    assert join_hops(search_of(), 10) == ()


def test_a_long_hop_reaches_over_a_short_one_inside():
    assert len(join_hops(search_of((10, 100), (20, 30), (105, 120)), 10)) == 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(2, 40)), min_size=1, max_size=8),
       st.integers(0, 60))  # fmt: skip
def test_events_are_apart_and_hold_every_hop(spans, join):
    search = search_of(*((left, left + length) for left, length in spans))
    events = join_hops(search, join)
    assert sorted(place for one in events for place in one.hops) == list(range(len(spans)))
    ends = [
        (min(search.hops[p].left for p in one.hops), max(search.hops[p].entered for p in one.hops))
        for one in events
    ]
    assert all(later[0] - earlier[1] >= join for earlier, later in pairwise(ends))


def test_frames_of_an_event_are_spread_over_it_and_usable():
    events = join_hops(search_of((10, 20), (200, 203)), 10)
    rule = EventRule(frames_per_event=3)
    assert choose_event_steps(events, rule) == {0: (12, 15, 18), 1: (201, 202)}
    assert choose_event_steps(events, rule, {201, 202}) == {0: (12, 15, 18)}
    assert 15 not in choose_event_steps(events, rule, {15})[0]


def test_of_many_events_some_are_drawn_by_seed_and_run():
    events = join_hops(search_of(*((i, i + 5) for i in range(0, 400, 20))), 10)
    rule = EventRule(max_events=4)
    first = choose_event_steps(events, rule, run="a")
    assert len(first) == 4
    assert choose_event_steps(events, rule, run="a") == first
    assert choose_event_steps(events, rule, run="b") != first
    assert choose_event_steps(events, replace(rule, seed=1), run="a") != first


def test_quiet_frames_are_far_from_events():
    steps = choose_quiet_steps(search_of((0, 60), (300, 399)), 2)
    assert len(steps) == 2
    assert steps[0] == 180  # as far from 60 as from 300
    assert 200 <= steps[1] < 300
    assert choose_quiet_steps(search_of(), 2) == (100, 300)
    assert choose_quiet_steps(search_of((0, 399)), 2) == ()
    assert choose_quiet_steps(search_of(), 0) == ()
    assert choose_quiet_steps(search_of(n_steps=4), 2, {0, 1}) == (3,)


def test_quiet_frames_are_none_of_a_hop_that_the_end_cuts_off():
    search = search_of((200, 210))
    assert choose_quiet_steps(search, 2)[1] == N_STEPS - 1
    search.sites[N_STEPS - 6 :, 3] = NO_SITE
    assert choose_quiet_steps(search, 2)[1] == N_STEPS - 7
    search.sites[:, 3] = NO_SITE
    assert choose_quiet_steps(search, 2)[1] == N_STEPS - 1
