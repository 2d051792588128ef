"""What every split guarantees, and the splits that are not the article's own."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.splits import Split, fraction_split, in_turn, validation_part


def frames(*counts, names=("cold", "warm", "melt", "more")):
    return {
        name: [f"{name}-{index:04d}" for index in range(count)]
        for name, count in zip(names, counts, strict=False)
    }


def number(frame_id):
    return int(frame_id.rpartition("-")[2])


def assert_sound(split, source):
    """No id twice, all ids known, time order kept within each temperature."""
    ids = list(chain.from_iterable(split.parts.values()))
    assert len(set(ids)) == len(ids)
    position = {frame: index for index, frame in enumerate(chain.from_iterable(source.values()))}
    for part in split.parts.values():
        places = [position[frame] for frame in part]
        assert places == sorted(places)


def test_frames_in_turn_are_those_that_there_are():
    ids = {"cold": ("c0", "c1", "c2", "c3"), "melt": ("m0", "m1")}
    assert in_turn(ids, 1, "any") == ("c0", "m0", "c1", "c2", "c3", "m1")
    with pytest.raises(InputError, match="n_test"):
        in_turn(ids, 0, "any")
    with pytest.raises(TooFewFramesError, match="of melt"):
        in_turn(ids, 2, "any")


def test_fraction_split_rounds_down_and_always_leaves_a_test_frame():
    assert fraction_split(frames(10, 5, 2), 0.8).counts == {"train": 8 + 4 + 1, "test": 2 + 1 + 1}
    assert fraction_split(frames(2), 0.99).counts == {"train": 1, "test": 1}
    assert fraction_split(frames(100), 0.29).counts["train"] == 29


@given(st.lists(st.integers(2, 40), min_size=1, max_size=4), st.floats(0.01, 0.99))
def test_fraction_split_is_sound_and_uses_every_frame(counts, fraction):
    source = frames(*counts)
    split = fraction_split(source, fraction)
    assert_sound(split, source)
    assert sum(split.counts.values()) == sum(counts)
    for name in source:
        last_train = max(number(i) for i in split.parts["train"] if i.startswith(name))
        first_test = min(number(i) for i in split.parts["test"] if i.startswith(name))
        assert last_train < first_test


@given(st.integers(2, 400), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_validation_part_is_a_seeded_ordered_subset(count, fraction, seed):
    ids = frames(count)["cold"]
    chosen = validation_part(ids, fraction, seed)
    assert chosen == validation_part(ids, fraction, seed)
    assert list(chosen) == sorted(set(chosen))
    assert set(chosen) < set(ids)
    assert abs(len(chosen) - fraction * count) <= 1


def test_validation_part_of_the_paper_is_270_random_frames():
    ids = frames(2700)["cold"]
    chosen = validation_part(ids, seed=1)
    assert len(chosen) == 270
    assert chosen != validation_part(ids, seed=2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: fraction_split({}),
        lambda: fraction_split(frames(5, 1)),
        lambda: fraction_split(frames(5), 1.0),
        lambda: validation_part(["a"]),
        lambda: validation_part(["a", "b"], fraction=0),
        lambda: validation_part(["a", "b"], seed=-1),
    ],
)
def test_too_few_frames_or_senseless_numbers_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_a_frame_in_two_parts_is_refused():
    with pytest.raises(InputError, match="used twice"):
        Split("own", {"train": ("a", "b"), "test": ("b",)})
    with pytest.raises(TooFewFramesError, match="no frames"):
        Split("own", {"train": ("a",), "test": ()})
