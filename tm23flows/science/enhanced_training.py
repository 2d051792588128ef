"""Training sets with frames of events in place of some.

Owns which frames train: those of events are kept apart from the events that validate and test, and
from frames close to these in time, in both sets, so that the two differ in nothing else (the
article replaced about half). The choice between models is :mod:`tm23flows.science.model_choice`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.event_splits import STRIDE_FS, event_split
from tm23flows.science.leaks import TIME_TOLERANCE_FS, check_leaks
from tm23flows.science.moments import Moment, time_of
from tm23flows.science.splits import Split


@dataclass(frozen=True)
class EnhancedSets:
    """Parts of two datasets by ids of labels; validation and test are the same in both.

    Parameters
    ----------
    original, enhanced
        Training frames of the two, as many in one as in the other.
    validation, test
        Frames of events.
    n_replaced
        Frames of the enhanced set that are not in the original one.
    n_left_out
        Original frames that are in neither, being close in time to events that validate or test.
    """

    original: tuple[str, ...]
    enhanced: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    n_replaced: int
    n_left_out: int


@dataclass(frozen=True)
class Enhancement:
    """Settings of the sets.

    Parameters
    ----------
    share
        Share of the training frames that is replaced, where there are so many frames of events.
    test_fraction, validation_fraction
        Shares of the events.
    gap_fs
        Least time between frames of one run in two parts, fs.
    seed
        Seed of the draws.
    """

    share: float = 0.5
    test_fraction: float = 0.3
    validation_fraction: float = 0.3
    gap_fs: float = STRIDE_FS
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"The share of frames to replace is above 0 and at most 1, not {self.share}."
            )
        if not self.validation_fraction > 0:
            raise InputError("Models are chosen on validation events, so their share is above 0.")


def enhance(
    frames: Sequence[Moment],
    events: Sequence[Moment],
    settings: Enhancement,
    spans_fs: Mapping[str, tuple[float, float]] | None = None,
) -> EnhancedSets:
    """Divide events, and put those that train in place of training frames.

    Parameters
    ----------
    frames
        Original training frames.
    events
        Frames with events; one that is among the others, too, counts as one of an event only.
    settings
        Shares, gap and seed.
    spans_fs
        First and last time of events in their runs, fs. Few steps of an event are frames of it:
        an original frame between two of them shows the same event.

    Returns
    -------
        The sets.

    Raises
    ------
    InputError
        A frame of an event has none, or parts would know each other.
    TooFewFramesError
        There are too few events for three parts, or no training frame is left.
    """
    split, moments, n_plain = _divide(frames, events, settings)
    kept_apart = (*split.parts["validation"], *split.parts["test"])
    held = _spans_by_run([moments[one] for one in kept_apart], spans_fs or {})
    original = [
        one
        for one in split.parts["train"]
        if moments[one].event is None and not _shows(moments[one], held, settings.gap_fs)
    ]
    fresh = [one for one in split.parts["train"] if moments[one].event is not None]
    if not original:
        raise TooFewFramesError(
            "No training frame is left: all are close in time to events that validate or test."
        )
    n_replaced = min(max(1, round(settings.share * len(original))), len(fresh))
    random = np.random.default_rng(settings.seed)
    gone = set(random.choice(len(original), n_replaced, replace=False).tolist())
    taken = sorted(random.choice(len(fresh), n_replaced, replace=False).tolist())
    kept = [one for place, one in enumerate(original) if place not in gone]
    return EnhancedSets(
        original=tuple(original),
        enhanced=(*kept, *(fresh[place] for place in taken)),
        validation=split.parts["validation"],
        test=split.parts["test"],
        n_replaced=n_replaced,
        n_left_out=n_plain - len(original),
    )


def _spans_by_run(
    events: Sequence[Moment], spans_fs: Mapping[str, tuple[float, float]]
) -> list[tuple[str | None, tuple[float, float]]]:
    known = {(one.run, one.event) for one in events if one.event in spans_fs}
    return [(run, spans_fs[str(event)]) for run, event in known]


def _shows(
    frame: Moment, held: Sequence[tuple[str | None, tuple[float, float]]], gap_fs: float
) -> bool:
    """Say whether a frame is within an event, or nearer to it than the gap."""
    if not frame.has_place:
        return False
    reach, time = gap_fs - TIME_TOLERANCE_FS, time_of(frame)
    return any(
        frame.run == run and first - reach < time < last + reach for run, (first, last) in held
    )


def _divide(
    frames: Sequence[Moment], events: Sequence[Moment], settings: Enhancement
) -> tuple[Split, dict[str, Moment], int]:
    """Return the split of all frames, the frames by id, and the number of original ones."""
    if any(one.event is None for one in events):
        raise InputError("Frames of events say which event they are of.")
    known = {one.frame for one in events}
    plain = [one for one in frames if one.frame not in known and one.event is None]
    every = [*plain, *events]
    split = event_split(
        every,
        settings.test_fraction,
        settings.validation_fraction,
        others="train",
        gap_fs=settings.gap_fs,
        seed=settings.seed,
    )
    moments = {one.id: one for one in every}
    check_leaks(
        {name: [moments[one] for one in ids] for name, ids in split.parts.items()}, settings.gap_fs
    )
    return split, moments, len(plain)
