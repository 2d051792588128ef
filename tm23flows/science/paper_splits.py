"""Which frames train and which test in the article: its five splits as pure functions.

Owns the rules of Owen et al., npj Comput. Mater. 10, 92 (2024), over frame ids in time order.
Functions that take ``frames`` expect a mapping from the name of a temperature (``cold``,
``warm``, ``melt`` or any other) to the ids of its trajectory, first frame first. What all
splits guarantee is in :mod:`tm23flows.science.splits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import protocol
from tm23flows.science.splits import (
    Frames,
    Option,
    Split,
    check_counts,
    check_frames,
    missing_frames,
    only_missing,
    require_frames,
)


def full_split(
    frames: Frames,
    n_train: int = protocol.FULL_TRAIN_PER_TEMPERATURE,
    n_test: int = protocol.FULL_TEST_PER_TEMPERATURE,
    allow_missing: int = 0,
) -> Split:
    """Split each temperature in time: the first frames train, the last frames test.

    The paper takes the first 900 and the last 100 of each temperature, which makes its
    2700/300 set (stated in the article). Where labels were rejected the last frames still
    test, as many as asked for, so that errors stay comparable, and fewer train.

    Parameters
    ----------
    frames
        Time-ordered ids per temperature.
    n_train
        Training frames per temperature, taken from the start.
    n_test
        Test frames per temperature, taken from the end.
    allow_missing
        How many training frames each temperature may have less.

    Returns
    -------
        Parts ``train`` and ``test``, temperatures in the order of the input.
    """
    check_frames(frames, "full")
    check_counts(n_train=n_train, n_test=n_test)
    check_counts(minimum=0, allow_missing=allow_missing)
    missing = {
        name: missing_frames(
            len(ids), n_train + n_test, min(allow_missing, n_train - 1), name, "full"
        )
        for name, ids in frames.items()
    }
    train = chain.from_iterable(ids[: n_train - missing[name]] for name, ids in frames.items())
    test = chain.from_iterable(ids[-n_test:] for ids in frames.values())
    options: dict[str, Option] = {"n_train": n_train, "n_test": n_test}
    if allow_missing:
        options["allow_missing"] = allow_missing
    parts = {"train": tuple(train), "test": tuple(test)}
    return Split("full", parts, options, only_missing(missing))


def transfer_split(
    frames: Frames,
    train_on: str = protocol.Regime.COLD,
    n_frames: int | None = protocol.FRAMES_PER_TEMPERATURE,
    allow_missing: int = 0,
) -> Split:
    """Train on one temperature and test on each of the others.

    The paper trains on all 1000 cold frames and tests on all 1000 warm and, separately, all
    1000 melt frames; not on 900/100 parts of them (stated in the article).

    Parameters
    ----------
    frames
        Time-ordered ids per temperature.
    train_on
        Name of the training temperature.
    n_frames
        Frames of each temperature, taken from the start; None takes all there are.
    allow_missing
        How many frames each temperature may have less.

    Returns
    -------
        Parts ``train`` and one ``test_<temperature>`` for each other temperature.

    Raises
    ------
    InputError
        There are no frames to train on or to test on, too few of a temperature, or a number is no
        count.
    """
    if train_on not in frames:
        raise TooFewFramesError(f"The transfer split trains on '{train_on}', which has no frames.")
    if len(frames) < 2:
        raise TooFewFramesError(
            "The transfer split needs at least one other temperature to test on."
        )
    check_counts(minimum=0, allow_missing=allow_missing)
    options: dict[str, Option] = {"train_on": str(train_on)}
    missing: dict[str, int] = {}
    if n_frames is not None:
        check_counts(n_frames=n_frames)
        options["n_frames"] = n_frames
        allowed = min(allow_missing, n_frames - 1)
        missing = {
            name: missing_frames(len(ids), n_frames, allowed, name, "transfer")
            for name, ids in frames.items()
        }
        if allow_missing:
            options["allow_missing"] = allow_missing
    parts = {"train": tuple(frames[train_on][:n_frames])}
    for name, ids in frames.items():
        if name != train_on:
            parts[f"test_{name}"] = tuple(ids[:n_frames])
    return Split("transfer", parts, options, only_missing(missing))


def learning_curve_splits(
    ids: Sequence[str],
    sizes: Sequence[int] = protocol.LEARNING_CURVE_SIZES,
    n_test: int = protocol.FULL_TEST_PER_TEMPERATURE,
    allow_missing: int = 0,
) -> tuple[Split, ...]:
    """Make one split per training-set size, all with the same test frames.

    The sizes and the melt trajectory are stated in the article. That the test set is the last
    100 melt frames and that the N training frames are the first N is inferred.

    Parameters
    ----------
    ids
        Time-ordered ids of one trajectory (melt in the paper).
    sizes
        Numbers of training frames.
    n_test
        Test frames, taken from the end.
    allow_missing
        How many training frames the largest sizes may have less.

    Returns
    -------
        One split with parts ``train`` and ``test`` per size, in the order of ``sizes``. Smaller
        training sets are contained in larger ones.

    Raises
    ------
    InputError
        There are too few frames, a size is named twice, or a number is no count.
    """
    check_counts(n_test=n_test, number_of_sizes=len(sizes))
    check_counts(smallest_size=min(sizes))
    check_counts(minimum=0, allow_missing=allow_missing)
    if len(set(sizes)) < len(sizes):
        raise InputError("Every size of a learning curve must be another one.")
    short = {
        size: missing_frames(
            len(ids), size + n_test, allow_missing, "the trajectory", "learning-curve"
        )
        for size in sizes
    }
    test = tuple(ids[-n_test:])
    options: dict[str, Option] = {"allow_missing": allow_missing} if allow_missing else {}
    return tuple(
        Split(
            "learning-curve",
            {"train": tuple(ids[: max(0, size - short[size])]), "test": test},
            {"n_train": size, "n_test": n_test, **options},
            only_missing({"train": short[size]}),
        )
        for size in sizes
    )


def _shares(total: int, n_groups: int) -> list[int]:
    base, left = divmod(total, n_groups)
    return [base + (index < left) for index in range(n_groups)]


def grid_split(
    frames: Frames,
    n_train: int = protocol.GRID_TRAIN,
    n_test: int = protocol.GRID_TEST,
    n_reserved: int = protocol.FULL_TEST_PER_TEMPERATURE,
) -> Split:
    """Make the small split on which hyper-parameters are compared.

    Stated in the article: 200 training and 100 test frames per metal. Inferred, because it is
    not stated: the counts are spread evenly over the temperatures (67 + 67 + 66 and
    34 + 33 + 33; the first ones get the remainder); the last ``n_reserved`` frames of each
    temperature are left out, so that the test frames of the full split choose nothing; of what
    remains the first frames train and the last frames test.

    Parameters
    ----------
    frames
        Time-ordered ids per temperature.
    n_train
        Training frames in all.
    n_test
        Test frames in all.
    n_reserved
        Frames at the end of each temperature that are not used.

    Returns
    -------
        Parts ``train`` and ``test``.
    """
    check_frames(frames, "grid")
    check_counts(n_train=n_train, n_test=n_test)
    check_counts(minimum=0, n_reserved=n_reserved)
    train: list[str] = []
    test: list[str] = []
    shares = zip(_shares(n_train, len(frames)), _shares(n_test, len(frames)), strict=True)
    for (name, ids), (share_train, share_test) in zip(frames.items(), shares, strict=True):
        require_frames(len(ids), share_train + share_test + n_reserved, name, "grid")
        usable = ids[: len(ids) - n_reserved]
        train.extend(usable[:share_train])
        test.extend(usable[len(usable) - share_test :])
    options: dict[str, Option] = {
        "n_train": n_train,
        "n_test": n_test,
        "n_reserved": n_reserved,
    }
    return Split("grid", {"train": tuple(train), "test": tuple(test)}, options)


def finite_size_split(
    ids: Sequence[str],
    n_train: int = protocol.FINITE_SIZE_TRAIN,
    n_test: int = protocol.FINITE_SIZE_TEST,
) -> Split:
    """Split sequential frames: training frames from the start, test frames directly after.

    The paper uses 200/50 sequential frames of its 640-atom Os cell (stated in the article).

    Parameters
    ----------
    ids
        Time-ordered ids of one trajectory.
    n_train
        Training frames.
    n_test
        Test frames.

    Returns
    -------
        Parts ``train`` and ``test``.
    """
    check_counts(n_train=n_train, n_test=n_test)
    require_frames(len(ids), n_train + n_test, "the trajectory", "finite-size")
    parts = {"train": tuple(ids[:n_train]), "test": tuple(ids[n_train : n_train + n_test])}
    return Split("finite-size", parts, {"n_train": n_train, "n_test": n_test})
