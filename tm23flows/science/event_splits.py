"""The split that keeps rare events whole.

Owns the rule over frames with their events and places in time: frames of one hop are nearly
identical, so an event is in one part, and a stretch of time around it is in no other.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import protocol
from tm23flows.science.leaks import TIME_TOLERANCE_FS
from tm23flows.science.moments import Moment, time_of
from tm23flows.science.splits import Option, Split

STRIDE_FS = protocol.STRIDE_STEPS * protocol.TIMESTEP_FS
"""Distance of the article's frames in time, 50 fs."""

LEAVE_OUT = "leave_out"
"""What the option ``others`` says instead of a part."""


def event_split(
    moments: Sequence[Moment],
    test_fraction: float = 0.2,
    validation_fraction: float = 0.0,
    others: str = "train",
    gap_fs: float = STRIDE_FS,
    seed: int = 0,
) -> Split:
    """Give whole rare events to the parts, because frames of one hop are nearly identical.

    The rule is ours. Events of one run that are less than ``gap_fs`` apart count as one. Which
    events test and which validate is drawn by a hash of seed and event, so it depends on
    nothing else but how many events there are.

    Parameters
    ----------
    moments
        Frames, some with an event, in the order that the parts keep.
    test_fraction, validation_fraction
        Shares of the events, rounded; at least one event tests, and one validates unless its
        share is 0; at least one is left to train.
    others
        Part of the frames without an event: one of the parts or a name of its own, or
        ``leave_out``. Those less than ``gap_fs`` from an event of another part are left out.
    gap_fs
        Smallest time between frames of one run in two parts, fs.
    seed
        Seed of the draw.

    Returns
    -------
        Parts ``train``, ``validation`` (where asked for), ``test`` and what ``others`` names.

    Raises
    ------
    InputError
        A share makes no sense.
    TooFewFramesError
        There are fewer events than parts.
    """
    _check_shares(test_fraction, validation_fraction, gap_fs)
    groups = _joined_events(moments, gap_fs)
    drawn = _draw_events(sorted(set(groups.values())), test_fraction, validation_fraction, seed)
    part_of = {m.id: drawn[groups[m.event]] for m in moments if m.event is not None}
    if others != LEAVE_OUT:
        part_of |= dict.fromkeys(_far_from_events(moments, part_of, others, gap_fs), others)
    order = [n for n in ("train", "validation", "test") if n in drawn.values()]
    order += [others] * (others not in (*order, LEAVE_OUT))
    parts = {n: tuple(m.id for m in moments if part_of.get(m.id) == n) for n in order}
    shares = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    options: dict[str, Option] = {**shares, "others": others, "gap_fs": gap_fs, "seed": seed}
    return Split("event", parts, options)


def _check_shares(test_fraction: float, validation_fraction: float, gap_fs: float) -> None:
    if not 0 < test_fraction < 1 or not 0 <= validation_fraction < 1 - test_fraction:
        raise InputError(
            "The shares of events that test and validate must lie between 0 and 1, and leave "
            f"events to train on: they are {test_fraction:g} and {validation_fraction:g}."
        )
    if not 0 <= gap_fs < float("inf"):
        raise InputError(f"A gap of {gap_fs:g} fs is no length of time.")


def _joined_events(moments: Sequence[Moment], gap_fs: float) -> dict[str | None, str]:
    """Return for each event the name of the group it belongs to."""
    groups: dict[str | None, str] = {m.event: m.event for m in moments if m.event is not None}
    placed = [m for m in moments if m.event is not None and m.has_place]
    placed.sort(key=lambda m: (str(m.run), time_of(m)))
    for one, other in pairwise(placed):
        if one.run == other.run and time_of(other) - time_of(one) < gap_fs - TIME_TOLERANCE_FS:
            old, new = sorted((groups[one.event], groups[other.event]), reverse=True)
            groups = {event: new if group == old else group for event, group in groups.items()}
    return groups


def _draw_events(
    events: Sequence[str], test_fraction: float, validation_fraction: float, seed: int
) -> dict[str, str]:
    ranked = sorted(events, key=lambda e: hashlib.sha256(f"{seed}:{e}".encode()).digest())
    n_test = max(1, round(test_fraction * len(ranked)))
    n_validation = round(validation_fraction * len(ranked))
    if validation_fraction:
        n_validation = max(1, n_validation)
    if n_test + n_validation >= len(ranked):
        raise TooFewFramesError(
            f"The event split cannot divide {len(ranked)} separate events into {n_test} for test, "
            f"{n_validation} for validation and at least one for training: frames say their "
            "event with the tag 'event'."
        )
    names = ["test"] * n_test + ["validation"] * n_validation
    names += ["train"] * (len(ranked) - len(names))
    return dict(zip(ranked, names, strict=True))


def _far_from_events(
    moments: Sequence[Moment], part_of: Mapping[str, str], part: str, gap_fs: float
) -> list[str]:
    """Return the frames without an event that are not near one of another part."""
    foreign: dict[str | None, list[float]] = {}
    for moment in moments:
        if moment.event is not None and moment.has_place and part_of[moment.id] != part:
            foreign.setdefault(moment.run, []).append(time_of(moment))
    times = {run: sorted(found) for run, found in foreign.items()}
    reach = gap_fs - TIME_TOLERANCE_FS

    def is_far(moment: Moment) -> bool:
        if not moment.has_place or moment.run not in times:
            return True
        near, time = times[moment.run], time_of(moment)
        return bisect_right(near, time - reach) == bisect_left(near, time + reach)

    return [moment.id for moment in moments if moment.event is None and is_far(moment)]
