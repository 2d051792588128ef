"""Rare events are in one part, with time around them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.event_splits import event_split
from tm23flows.science.leaks import check_leaks
from tm23flows.science.moments import Moment


def frame(run, time, event=None, temperature=None):
    return Moment(f"{run} {time}", f"f {run} {time}", temperature or run, run, float(time), event)


def placed(split, frames):
    by_id = {one.id: one for one in frames}
    return {name: [by_id[one] for one in ids] for name, ids in split.parts.items()}


def assert_sound(split, frames, gap):
    """Order kept, nothing twice, and the gap in time is there."""
    place = {one.id: number for number, one in enumerate(frames)}
    for ids in split.parts.values():
        assert [place[one] for one in ids] == sorted(place[one] for one in ids)
    check_leaks(placed(split, frames), gap)


PAPER = [frame(run, t) for run in ("cold", "warm", "melt") for t in range(5045, 55000, 50)]


def events(count, spread=1000, length=4, run="warm"):
    return [frame(run, spread * n + 5 * k, f"hop {n}") for n in range(count) for k in range(length)]


def test_an_event_is_in_one_part_and_counts_are_exact():
    frames = events(10)
    split = event_split(frames, test_fraction=0.2, validation_fraction=0.1)
    assert split.counts == {"train": 28, "validation": 4, "test": 8}
    seen = [{one.event for one in part} for part in placed(split, frames).values()]
    assert sum(map(len, seen)) == 10
    other = event_split(frames, test_fraction=0.2, validation_fraction=0.1, seed=1)
    assert other.parts != split.parts
    assert event_split(frames, 0.2, 0.1).parts == split.parts


def test_frames_without_an_event_go_where_asked_and_not_near_an_event():
    frames = sorted(
        [*events(5), *(frame("warm", t) for t in range(2, 5000, 25))], key=lambda one: one.time_fs
    )
    split = event_split(frames)
    assert_sound(split, frames, 50.0)
    plain = [one for one in placed(split, frames)["train"] if one.event is None]
    assert 190 < len(plain) < 200  # those around the one event of the test are missing
    assert all(one.event for one in placed(split, frames)["test"])
    apart = event_split(frames, others="background")
    assert_sound(apart, frames, 50.0)
    assert set(apart.parts) == {"train", "test", "background"}
    assert sum(event_split(frames, others="leave_out").counts.values()) == 20


def test_events_that_touch_are_one():
    frames = [*events(3), *events(3, run="melt"), frame("warm", 2040, "hop 9"),
              frame("warm", 2080, "hop 8")]  # fmt: skip
    frames = [one for one in frames if one.run == "warm" or one.event != "hop 2"]
    split = event_split(frames, test_fraction=0.4)
    together = {"hop 2", "hop 8", "hop 9"}
    seen = [{one.event for one in part} & together for part in placed(split, frames).values()]
    assert sorted(map(len, seen)) == [0, 3]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 300), st.sampled_from(["", *"vwxyz"])),
        unique_by=lambda one: one[:2],
        max_size=60,
    ),
    st.integers(0, 30),
    st.sampled_from(["train", "test", "background", "leave_out"]),
    st.integers(0, 3),
)
@settings(max_examples=200)
def test_events_are_whole_and_apart(drawn, gap, others, seed):
    frames = [frame(run, time, f"{run}{event}" if event else None) for run, time, event in drawn]
    try:
        split = event_split(frames, 0.3, 0.2, others, float(gap), seed)
    except TooFewFramesError:
        return
    assert_sound(split, frames, float(gap))
    parts = placed(split, frames)
    homes = [(one.event, name) for name, part in parts.items() for one in part if one.event]
    assert len(set(homes)) == len({one.event for one in frames if one.event})
    assert len(homes) == sum(one.event is not None for one in frames)
    plain = {name for name, part in parts.items() for one in part if not one.event}
    assert plain <= {others}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: event_split(PAPER), "0 separate events"),
        (lambda: event_split(events(1)), "1 separate events"),
        (lambda: event_split(events(9), test_fraction=0.0), "between 0 and 1"),
        (lambda: event_split(events(9), 0.5, 0.5), "between 0 and 1"),
        (lambda: event_split(events(9), gap_fs=-1.0), "no length of time"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, why):
    with pytest.raises(InputError, match=why) as caught:
        make()
    assert "\n" not in str(caught.value)
