"""What a split is, and what every rule guarantees.

Owns the value type, the checks that rules share, the fraction that small runs are split by,
and the draw of validation frames. Every rule guarantees that no id is in two parts, that the
order of the input is kept, that counts are exact, and that too few frames or senseless counts
raise InputError. The article's rules are in :mod:`tm23flows.science.paper_splits`, those that
keep something whole in :mod:`tm23flows.science.block_splits` and
:mod:`tm23flows.science.event_splits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

import numpy as np

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import protocol

Frames = Mapping[str, Sequence[str]]
Option = float | str


@dataclass(frozen=True)
class Split:
    """Named, disjoint parts of a set of frames, with the rule that made them.

    ``parts`` maps the name of a part (``train``, ``test``, ...) to ids in time order;
    ``options`` holds what the rule was used with; ``missing`` says by temperature how many
    frames the rule would have taken and did not find.
    """

    rule: str
    parts: dict[str, tuple[str, ...]]
    options: dict[str, Option] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, ids in self.parts.items():
            if not ids:
                raise TooFewFramesError(
                    f"The part '{name}' of the {self.rule} split has no frames."
                )
        everything = list(chain.from_iterable(self.parts.values()))
        if len(set(everything)) != len(everything):
            raise InputError(
                f"A frame would be used twice in the {self.rule} split: remove repeated frames."
            )

    @property
    def counts(self) -> dict[str, int]:
        """Number of frames in each part."""
        return {name: len(ids) for name, ids in self.parts.items()}


def require_frames(available: int, needed: int, where: str, rule: str) -> None:
    """Refuse a split that wants more frames than there are.

    Parameters
    ----------
    available, needed
        Numbers of frames.
    where
        What they are of, for the message.
    rule
        Name of the rule, for the message.

    Raises
    ------
    TooFewFramesError
        If there are too few.
    """
    if available < needed:
        raise TooFewFramesError(
            f"The {rule} split needs {needed} frames of {where} but there are {available}: "
            f"add frames or ask for fewer."
        )


def missing_frames(available: int, needed: int, allowed: int, where: str, rule: str) -> int:
    """Return how many frames a part has to do without, if that many may be missing.

    Parameters
    ----------
    available, needed
        Numbers of frames.
    allowed
        How many may be missing.
    where
        What they are of, for the message.
    rule
        Name of the rule, for the message.

    Returns
    -------
        Number of missing frames.

    Raises
    ------
    TooFewFramesError
        If more are missing.
    """
    short = max(0, needed - available)
    if short > allowed:
        raise TooFewFramesError(
            f"The {rule} split needs {needed} frames of {where} but there are {available}: "
            f"add frames, ask for fewer, or do without some with allow_missing={short}."
        )
    return short


def only_missing(missing: Mapping[str, int]) -> dict[str, int]:
    """Return the temperatures of which frames are missing, with how many.

    Parameters
    ----------
    missing
        Missing frames by temperature, zeros included.

    Returns
    -------
        The ones that are not zero.
    """
    return {name: count for name, count in missing.items() if count}


def check_counts(*, minimum: int = 1, **counts: int) -> None:
    """Refuse counts that are too small.

    Parameters
    ----------
    minimum
        Smallest count that makes sense.
    **counts
        Counts by their name in the message.

    Raises
    ------
    InputError
        If one is smaller.
    """
    for name, count in counts.items():
        if count < minimum:
            raise InputError(f"{name} must be at least {minimum}, not {count}.")


def check_frames(frames: Mapping[str, object], rule: str) -> None:
    """Refuse a selection of nothing.

    Parameters
    ----------
    frames
        Frames by temperature.
    rule
        Name of the rule, for the message.

    Raises
    ------
    TooFewFramesError
        If there is no temperature.
    """
    if not frames:
        raise TooFewFramesError(f"The {rule} split got no frames: select at least one temperature.")


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

    Raises
    ------
    InputError
        The share does not lie between 0 and 1, or a temperature has fewer than two frames.

    Examples
    --------
    The test frames are the last ones, so that no test frame lies between training frames.

    >>> fraction_split({"cold": ["a", "b", "c", "d", "e"]}).parts
    {'train': ('a', 'b', 'c', 'd'), 'test': ('e',)}
    """
    check_frames(frames, "fraction")
    if not 0 < train_fraction < 1:
        raise InputError(f"train_fraction must lie between 0 and 1, not {train_fraction}.")
    train: list[str] = []
    test: list[str] = []
    for name, ids in frames.items():
        require_frames(len(ids), 2, name, "fraction")
        # The small term keeps a product such as 0.29 * 100 = 28.999... from losing a frame.
        cut = min(max(1, int(train_fraction * len(ids) + 1e-9)), len(ids) - 1)
        train.extend(ids[:cut])
        test.extend(ids[cut:])
    parts = {"train": tuple(train), "test": tuple(test)}
    return Split("fraction", parts, {"train_fraction": train_fraction})


def in_turn(frames: Frames, n_last: int, rule: str) -> tuple[str, ...]:
    """Order frames so that any beginning has about as many of each temperature.

    Parameters
    ----------
    frames
        Time-ordered ids per temperature.
    n_last
        Frames at the end of each temperature that come after all others.
    rule
        Name of the rule, for messages.

    Returns
    -------
        The first of each temperature, the second of each, and so on; then the last ones,
        temperature by temperature.

    Raises
    ------
    InputError
        A temperature has no other frames than the last ones, or their number is no count.

    Examples
    --------
    >>> in_turn({"cold": ["a", "b", "c"], "melt": ["x", "y", "z"]}, 1, "learning-curve")
    ('a', 'x', 'b', 'y', 'c', 'z')
    """
    check_frames(frames, rule)
    check_counts(n_test=n_last)
    for name, ids in frames.items():
        require_frames(len(ids), n_last + 1, name, rule)
    rounds = zip_longest(*(ids[:-n_last] for ids in frames.values()))
    last = chain.from_iterable(ids[-n_last:] for ids in frames.values())
    return (*(one for some in rounds for one in some if one is not None), *last)


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

    Raises
    ------
    InputError
        The share does not lie between 0 and 1, the seed is negative, or there are fewer than two
        frames.
    """
    if not 0 < fraction < 1:
        raise InputError(f"The validation fraction must lie between 0 and 1, not {fraction}.")
    if seed < 0:
        raise InputError(f"The seed of the validation part must not be negative, not {seed}.")
    require_frames(len(train_ids), 2, "the training part", "validation")
    count = min(max(1, round(fraction * len(train_ids))), len(train_ids) - 1)
    chosen = np.random.default_rng(seed).choice(len(train_ids), size=count, replace=False)
    return tuple(train_ids[index] for index in sorted(chosen))
