"""Blocks and temperatures stay whole, with time between the parts."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.block_splits import block_split, temperature_split
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


def test_blocks_of_the_papers_runs():
    split = block_split(PAPER)
    assert_sound(split, PAPER, 500.0)
    # Blocks 4 and 9 of 5 ps test; a block that follows one of the other part loses 500 fs.
    assert split.counts == {"train": 3 * (8 * 100 - 20), "test": 3 * (2 * 100 - 20)}
    assert split.options["gap_fs"] == 500.0
    times = sorted(one.time_fs for one in placed(split, PAPER)["test"] if one.run == "cold")
    assert (times[0], times[-1]) == (20545.0, 49995.0)


runs = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 400)), unique=True, min_size=1, max_size=80
)


@given(
    runs, st.integers(1, 60), st.integers(0, 60), st.integers(0, 3), st.integers(0, 2),
    st.integers(0, 2), st.randoms(),
)  # fmt: skip
@settings(max_examples=200)
def test_blocks_are_whole_apart_and_do_not_care_who_else_is_there(
    drawn, block, gap, train, validation, test, random
):
    assume(train + validation + test > 0)
    assume(gap <= block)
    frames = [frame(run, time) for run, time in drawn]
    counts = {"train": train, "validation": validation, "test": test}
    try:
        split = block_split(frames, float(block), float(gap), **counts)
    except TooFewFramesError:
        return
    assert_sound(split, frames, float(gap))
    part_of = {one: name for name, ids in split.parts.items() for one in ids}
    for one in frames:
        if one.id in part_of:
            place = (one.time_fs // block) % (train + validation + test)
            expected = "train" if place < train else "validation"
            expected = expected if place < train + validation else "test"
            assert part_of[one.id] == expected
    fewer = random.sample(frames, max(1, len(frames) // 2))
    try:
        again = block_split(fewer, float(block), float(gap), **counts)
    except TooFewFramesError:
        return
    for name, ids in again.parts.items():
        assert set(ids) == {one.id for one in fewer if part_of.get(one.id) == name}


def test_whole_temperatures():
    split = temperature_split(PAPER, {"train": ["cold", "warm"], "test": ["melt"]})
    assert split.counts == {"train": 2000, "test": 1000}
    assert {one.temperature for one in placed(split, PAPER)["train"]} == {"cold", "warm"}
    assert split.options == {"train": "cold,warm", "test": "melt"}
    assert temperature_split(PAPER, {"test": ["melt"]}).counts == {"test": 1000}


LOST = [Moment("x", "x", "cold")]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: block_split(LOST), "no time in a run"),
        (lambda: block_split(PAPER, block_fs=0.0), "positive"),
        (lambda: block_split(PAPER, block_fs=100.0, gap_fs=101.0), "no longer than a block"),
        (lambda: block_split(PAPER, train=-1), "train must be at least 0"),
        (lambda: block_split(PAPER, train=0, test=0), "at least 1"),
        (lambda: block_split(PAPER[:10]), "'test' of the block split has no frames"),
        (lambda: block_split([]), "no frames"),
        (lambda: temperature_split(PAPER, {}), "wants the temperatures"),
        (lambda: temperature_split(PAPER, {"train": ["hot"]}), "'hot'"),
        (lambda: temperature_split(PAPER, {"a": ["cold"], "b": ["cold"]}), "two parts"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, why):
    with pytest.raises(InputError, match=why) as caught:
        make()
    assert "\n" not in str(caught.value)
