"""Enhanced training sets: parts that do not know each other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.enhanced_training import Enhancement, enhance
from tm23flows.science.moments import Moment

PLAIN = [Moment(f"p{i}", f"fp{i}", "warm", "run", 50.0 * i) for i in range(200)]
N_EVENTS = 10


def events_of(n=N_EVENTS, per=3, start=530.0, apart=900.0):
    return [
        Moment(f"e{i}-{j}", f"fe{i}-{j}", "warm", "run", start + apart * i + 5 * j, f"event{i}")
        for i in range(n)
        for j in range(per)
    ]


@given(st.integers(0, 50), st.floats(0.05, 1.0))
def test_parts_are_apart_and_the_sets_are_equally_large(seed, share):
    events = events_of()
    sets = enhance(PLAIN, events, Enhancement(share=share, seed=seed))
    moments = {one.id: one for one in [*PLAIN, *events]}
    assert len(sets.original) == len(sets.enhanced)
    assert len(set(sets.enhanced)) == len(sets.enhanced)
    assert len(set(sets.enhanced) - set(sets.original)) == sets.n_replaced
    assert not any(moments[one].event for one in sets.original)
    for train in (sets.original, sets.enhanced):
        for part in (sets.validation, sets.test):
            gaps = [abs(moments[a].time_fs - moments[b].time_fs) for a in train for b in part]
            assert min(gaps) >= 50.0
    by_part = [{moments[one].event for one in part} for part in
               (sets.validation, sets.test, sets.enhanced)]  # fmt: skip
    assert not by_part[0] & by_part[1]
    assert not (by_part[0] | by_part[1]) & by_part[2]
    assert sets.n_left_out == len(PLAIN) - len(sets.original) > 0


def test_as_many_frames_are_replaced_as_there_are():
    sets = enhance(PLAIN, events_of(), Enhancement(share=1.0))
    assert sets.n_replaced == 3 * 4  # four of ten events train
    sets = enhance(PLAIN, events_of(), Enhancement(share=0.02))
    assert sets.n_replaced == round(0.02 * len(sets.original))


def test_a_frame_of_an_event_is_no_original_one():
    events = events_of()
    twice = [replace(events[0], event=None, id="other")]
    sets = enhance([*twice, *PLAIN], events, Enhancement())
    assert "other" not in {*sets.original, *sets.enhanced}


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(TooFewFramesError):
        enhance(PLAIN, events_of(2), Enhancement())
    with pytest.raises(TooFewFramesError, match="No training frame"):
        enhance([], events_of(), Enhancement())
    with pytest.raises(InputError, match="which event"):
        enhance(PLAIN, PLAIN, Enhancement())
    with pytest.raises(InputError, match="share"):
        Enhancement(share=0)
    with pytest.raises(InputError, match="validation"):
        Enhancement(validation_fraction=0)


def test_frames_between_those_of_a_held_out_event_do_not_train():
    """Few steps of a long event are frames of it; the others show it all the same."""
    frames = [Moment(f"p{i}", f"fp{i}", "warm", "run", 50.0 * i) for i in range(240)]
    spans = {f"event{i}": (1000.0 + 1900 * i, 1400.0 + 1900 * i) for i in range(6)}
    events = [
        Moment(f"{name}-{t}", f"f{name}-{t}", "warm", "run", first + t, name)
        for name, (first, _) in spans.items()
        for t in (65.0, 200.0, 330.0)
    ]
    moments = {one.id: one for one in [*frames, *events]}
    sets = enhance(frames, events, Enhancement(), spans)
    held = {moments[one].event for one in (*sets.validation, *sets.test)}
    assert len(held) == 4
    for one in (*sets.original, *sets.enhanced):
        for event in held:
            first, last = spans[event]
            time = moments[one].time_fs
            assert time <= first - 50 or time >= last + 50
    assert sets.n_left_out == len(frames) - len(sets.original)
    elsewhere = [Moment(f"o{i}", f"fo{i}", "warm", "other", 50.0 * i) for i in range(240)]
    assert enhance(elsewhere, events, Enhancement(), spans).n_left_out == 0
