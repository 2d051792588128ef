"""Which frames train and which test: the splits of the paper as pure functions.

Owns the rules of the paper, over frame ids in time order. Functions that take
``frames`` expect a mapping from the name of a temperature (``cold``, ``warm``,
``melt`` or any other) to the ids of its trajectory, first frame first. Every rule
guarantees that no id is in two parts, that the order of the input is kept, that
counts are exact, and that too few frames or senseless counts raise InputError. Does not
read data sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science import protocol

Frames = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Split:
    """Named, disjoint parts of a set of frames, with the rule that made them.

    ``parts`` maps the name of a part (``train``, ``test``, ...) to ids in time order;
    ``options`` holds the numbers that the rule was used with.
    """

    rule: str
    parts: dict[str, tuple[str, ...]]
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, ids in self.parts.items():
            if not ids:
                raise InputError(f"The part '{name}' of the {self.rule} split has no frames.")
        everything = list(chain.from_iterable(self.parts.values()))
        if len(set(everything)) != len(everything):
            raise InputError(
                f"A frame would be used twice in the {self.rule} split: remove repeated frames."
            )

    @property
    def counts(self) -> dict[str, int]:
        """Number of frames in each part."""
        return {name: len(ids) for name, ids in self.parts.items()}


def _require(available: int, needed: int, where: str, rule: str) -> None:
    if available < needed:
        raise InputError(
            f"The {rule} split needs {needed} frames of {where} but there are {available}: "
            f"add frames or ask for fewer."
        )


def _check_counts(*, minimum: int = 1, **counts: int) -> None:
    for name, count in counts.items():
        if count < minimum:
            raise InputError(f"{name} must be at least {minimum}, not {count}.")


def _check_frames(frames: Frames, rule: str) -> None:
    if not frames:
        raise InputError(f"The {rule} split got no frames: select at least one temperature.")


def full_split(
    frames: Frames,
    n_train: int = protocol.FULL_TRAIN_PER_TEMPERATURE,
    n_test: int = protocol.FULL_TEST_PER_TEMPERATURE,
) -> Split:
    """Split each temperature in time: the first frames train, the last frames test.

    The paper takes the first 900 and the last 100 of each temperature, which makes its
    2700/300 set (stated in the article).

    Parameters
    ----------
    frames
        Time-ordered ids per temperature.
    n_train
        Training frames per temperature, taken from the start.
    n_test
        Test frames per temperature, taken from the end.

    Returns
    -------
        Parts ``train`` and ``test``, temperatures in the order of the input.
    """
    _check_frames(frames, "full")
    _check_counts(n_train=n_train, n_test=n_test)
    for name, ids in frames.items():
        _require(len(ids), n_train + n_test, name, "full")
    train = tuple(chain.from_iterable(ids[:n_train] for ids in frames.values()))
    test = tuple(chain.from_iterable(ids[-n_test:] for ids in frames.values()))
    return Split("full", {"train": train, "test": test}, {"n_train": n_train, "n_test": n_test})


def fraction_split(frames: Frames, train_fraction: float = 0.8) -> Split:
    """Split each temperature in time by a fraction, for runs smaller than the paper's.

    Parameters
    ----------
    frames
        Time-ordered ids per temperature, at least two of each.
    train_fraction
        Share of each temperature that trains, rounded down; at least one frame of each
        temperature trains and at least one tests.

    Returns
    -------
        Parts ``train`` (the first frames) and ``test`` (all others).
    """
    _check_frames(frames, "fraction")
    if not 0 < train_fraction < 1:
        raise InputError(f"train_fraction must lie between 0 and 1, not {train_fraction}.")
    train: list[str] = []
    test: list[str] = []
    for name, ids in frames.items():
        _require(len(ids), 2, name, "fraction")
        # The small term keeps a product such as 0.29 * 100 = 28.999... from losing a frame.
        cut = min(max(1, int(train_fraction * len(ids) + 1e-9)), len(ids) - 1)
        train.extend(ids[:cut])
        test.extend(ids[cut:])
    parts = {"train": tuple(train), "test": tuple(test)}
    return Split("fraction", parts, {"train_fraction": train_fraction})


def transfer_split(
    frames: Frames,
    train_on: str = protocol.Regime.COLD,
    n_frames: int | None = protocol.FRAMES_PER_TEMPERATURE,
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

    Returns
    -------
        Parts ``train`` and one ``test_<temperature>`` for each other temperature.
    """
    if train_on not in frames:
        raise InputError(f"The transfer split trains on '{train_on}', which has no frames.")
    if len(frames) < 2:
        raise InputError("The transfer split needs at least one other temperature to test on.")
    options: dict[str, float] = {}
    if n_frames is not None:
        _check_counts(n_frames=n_frames)
        options["n_frames"] = n_frames
        for name, ids in frames.items():
            _require(len(ids), n_frames, name, "transfer")
    parts = {"train": tuple(frames[train_on][:n_frames])}
    for name, ids in frames.items():
        if name != train_on:
            parts[f"test_{name}"] = tuple(ids[:n_frames])
    return Split("transfer", parts, options)


def learning_curve_splits(
    ids: Sequence[str],
    sizes: Sequence[int] = protocol.LEARNING_CURVE_SIZES,
    n_test: int = protocol.FULL_TEST_PER_TEMPERATURE,
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

    Returns
    -------
        One split with parts ``train`` and ``test`` per size, in the order of ``sizes``. Smaller
        training sets are contained in larger ones.
    """
    _check_counts(n_test=n_test, number_of_sizes=len(sizes))
    _check_counts(smallest_size=min(sizes))
    _require(len(ids), max(sizes) + n_test, "the trajectory", "learning-curve")
    test = tuple(ids[-n_test:])
    return tuple(
        Split(
            "learning-curve",
            {"train": tuple(ids[:size]), "test": test},
            {"n_train": size, "n_test": n_test},
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
    _check_frames(frames, "grid")
    _check_counts(n_train=n_train, n_test=n_test)
    _check_counts(minimum=0, n_reserved=n_reserved)
    train: list[str] = []
    test: list[str] = []
    shares = zip(_shares(n_train, len(frames)), _shares(n_test, len(frames)), strict=True)
    for (name, ids), (share_train, share_test) in zip(frames.items(), shares, strict=True):
        _require(len(ids), share_train + share_test + n_reserved, name, "grid")
        usable = ids[: len(ids) - n_reserved]
        train.extend(usable[:share_train])
        test.extend(usable[len(usable) - share_test :])
    options = {"n_train": n_train, "n_test": n_test, "n_reserved": n_reserved}
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
    _check_counts(n_train=n_train, n_test=n_test)
    _require(len(ids), n_train + n_test, "the trajectory", "finite-size")
    parts = {"train": tuple(ids[:n_train]), "test": tuple(ids[n_train : n_train + n_test])}
    return Split("finite-size", parts, {"n_train": n_train, "n_test": n_test})


def validation_part(
    train_ids: Sequence[str],
    fraction: float = protocol.NEQUIP.validation_fraction,
    seed: int = 0,
) -> tuple[str, ...]:
    """Draw the validation frames from the training frames, as the paper does for NequIP.

    A random 10 % of the training frames: 270 of 2700 (stated in the article).

    Parameters
    ----------
    train_ids
        Ids of the training part, at least two.
    fraction
        Share that validates, rounded to the nearest count; at least one frame validates and at
        least one is left to train.
    seed
        Seed of the draw.

    Returns
    -------
        The validation ids in the order of ``train_ids``; the others are left to train.
    """
    if not 0 < fraction < 1:
        raise InputError(f"The validation fraction must lie between 0 and 1, not {fraction}.")
    if seed < 0:
        raise InputError(f"The seed of the validation part must not be negative, not {seed}.")
    _require(len(train_ids), 2, "the training part", "validation")
    count = min(max(1, round(fraction * len(train_ids))), len(train_ids) - 1)
    chosen = np.random.default_rng(seed).choice(len(train_ids), size=count, replace=False)
    return tuple(train_ids[index] for index in sorted(chosen))
