"""The article's splits: exact counts, no leak, order kept, loud on too few frames."""

from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.paper_splits import (
    finite_size_split,
    full_split,
    grid_split,
    learning_curve_splits,
    transfer_split,
)


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


def test_full_split_of_the_paper():
    split = full_split(frames(1000, 1000, 1000))
    assert split.counts == {"train": 2700, "test": 300}
    assert split.parts["train"][899:901] == ("cold-0899", "warm-0000")
    assert split.parts["test"][99:101] == ("cold-0999", "warm-0900")
    assert split.rule == "full"
    assert split.options == {"n_train": 900, "n_test": 100}


def test_transfer_split_of_the_paper_uses_all_frames():
    split = transfer_split(frames(1000, 1000, 1000))
    assert split.counts == {"train": 1000, "test_warm": 1000, "test_melt": 1000}
    assert split.parts["train"][0] == "cold-0000"


def test_transfer_split_of_a_small_run_takes_what_there_is():
    split = transfer_split(frames(5, 3, 7), n_frames=None)
    assert split.counts == {"train": 5, "test_warm": 3, "test_melt": 7}


def test_learning_curve_of_the_paper_shares_the_test_frames():
    splits = learning_curve_splits(frames(1000)["cold"])
    assert [split.counts["train"] for split in splits] == [100, 300, 500, 700, 900]
    assert {split.parts["test"] for split in splits} == {tuple(frames(1000)["cold"][900:])}
    for smaller, larger in pairwise(splits):
        assert set(smaller.parts["train"]) < set(larger.parts["train"])


def test_grid_split_of_the_paper_spreads_over_temperatures_and_spares_the_final_test():
    source = frames(1000, 1000, 1000)
    split = grid_split(source)
    assert split.counts == {"train": 200, "test": 100}
    per_temperature = [sum(i.startswith(name) for i in split.parts["train"]) for name in source]
    assert per_temperature == [67, 67, 66]
    used = set(split.parts["train"]) | set(split.parts["test"])
    assert not used & set(full_split(source).parts["test"])
    assert used <= set(full_split(source).parts["train"])


def test_finite_size_split_of_the_paper_is_sequential():
    split = finite_size_split(frames(300)["cold"])
    assert split.counts == {"train": 200, "test": 50}
    together = [*split.parts["train"], *split.parts["test"]]
    assert [number(i) for i in together] == list(range(250))


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(0, 5),
)
@settings(max_examples=200)
def test_counted_splits_are_exact_or_refused(counts, n_train, n_test, n_reserved):
    source = frames(*counts)
    if min(counts) >= n_train + n_test:
        split = full_split(source, n_train, n_test)
        assert_sound(split, source)
        assert split.counts == {"train": n_train * len(counts), "test": n_test * len(counts)}
    else:
        with pytest.raises(InputError, match=f"needs {n_train + n_test} frames of"):
            full_split(source, n_train, n_test)
    try:
        split = grid_split(source, n_train, n_test, n_reserved)
    except InputError:
        share = -(-n_train // len(counts)) + -(-n_test // len(counts))
        assert min(counts) < share + n_reserved
    else:
        assert_sound(split, source)
        assert split.counts == {"train": n_train, "test": n_test}


def test_one_rejected_label_of_a_thousand_costs_a_training_frame_and_must_be_allowed():
    source = frames(1000, 999, 1000)
    with pytest.raises(TooFewFramesError, match="allow_missing=1"):
        full_split(source)
    split = full_split(source, allow_missing=1)
    assert split.counts == {"train": 2699, "test": 300}
    assert split.missing == {"warm": 1}
    assert split.options["allow_missing"] == 1
    complete = full_split(source | {"warm": [*source["warm"], "warm-0999"]})
    assert set(split.parts["train"]) < set(complete.parts["train"])
    assert complete.missing == {}
    with pytest.raises(TooFewFramesError, match="allow_missing=2"):
        full_split(frames(1000, 998, 1000), allow_missing=1)


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 12), st.integers(0, 45))
def test_what_may_be_missing_is_missing_from_training_only(n_train, n_test, allowed, there):
    source = frames(there)
    wanted = n_train + n_test
    try:
        split = full_split(source, n_train, n_test, allowed)
    except TooFewFramesError:
        assert wanted - there > min(allowed, n_train - 1)
        return
    assert_sound(split, source)
    assert split.counts == {"train": min(n_train, there - n_test), "test": n_test}
    assert split.missing == ({"cold": wanted - there} if there < wanted else {})
    assert split.parts["test"] == tuple(source["cold"][-n_test:])


def test_transfer_and_learning_curve_may_miss_frames_too():
    split = transfer_split(frames(1000, 999, 998), allow_missing=2)
    assert split.counts == {"train": 1000, "test_warm": 999, "test_melt": 998}
    assert split.missing == {"warm": 1, "melt": 2}
    assert split.options["train_on"] == "cold"
    splits = learning_curve_splits(frames(998)["cold"], allow_missing=5)
    assert [one.counts["train"] for one in splits] == [100, 300, 500, 700, 898]
    assert [one.missing for one in splits] == [{}, {}, {}, {}, {"train": 2}]
    assert {one.parts["test"] for one in splits} == {tuple(frames(998)["cold"][898:])}


@pytest.mark.parametrize(
    "make",
    [
        lambda: full_split({}),
        lambda: full_split(frames(1000, 999)),
        lambda: full_split(frames(10), 0, 1),
        lambda: full_split(frames(10), 9, 1, -1),
        lambda: full_split({"cold": ["a", "b"], "warm": ["c", "a"]}, 1, 1),
        lambda: transfer_split(frames(1000, 1000, 999)),
        lambda: transfer_split({"warm": ["a"], "melt": ["b"]}, n_frames=None),
        lambda: transfer_split(frames(5), n_frames=None),
        lambda: transfer_split(frames(5, 0), n_frames=None),
        lambda: learning_curve_splits(frames(999)["cold"]),
        lambda: learning_curve_splits(frames(999)["cold"], sizes=()),
        lambda: learning_curve_splits(frames(999)["cold"], sizes=(0, 10)),
        lambda: learning_curve_splits(frames(999)["cold"], sizes=(10, 10)),
        lambda: grid_split(frames(200, 200, 200)),
        lambda: grid_split(frames(900), n_reserved=-1),
        lambda: finite_size_split(frames(249)["cold"]),
    ],
)
def test_too_few_frames_or_senseless_numbers_are_refused(make):
    with pytest.raises(InputError):
        make()
