"""Splits that keep something whole: blocks of time, temperatures, rare events.

Owns these rules over frames with their places in time. What belongs together never comes into
two parts, and a stretch of time between parts is left out where one run feeds several. The part
of a block or of a temperature does not depend on the other frames, so frames that come later
move no frame from one part to another.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import protocol
from tm23flows.science.leaks import TIME_TOLERANCE_FS
from tm23flows.science.moments import Moment, by_temperature, time_of
from tm23flows.science.splits import Option, Split, check_counts

STRIDE_FS = protocol.STRIDE_STEPS * protocol.TIMESTEP_FS
"""Distance of the article's frames in time, 50 fs."""

LEAVE_OUT = "leave_out"
"""What the option ``others`` of the event split says instead of a part."""


def block_split(
    moments: Sequence[Moment],
    block_fs: float = 5000.0,
    gap_fs: float = 10 * STRIDE_FS,
    train: int = 4,
    validation: int = 0,
    test: int = 1,
) -> Split:
    """Cut every run into blocks of time and give the blocks to the parts in turns.

    The rule is ours, not the article's. Blocks count from the start of the run. The first
    ``train`` blocks train, the next ``validation`` validate, the next ``test`` test, and so
    on from the beginning. At the start of a block that follows one of another part, the frames
    of the first ``gap_fs`` are left out.

    Parameters
    ----------
    moments
        Frames with their times, in the order that the parts keep.
    block_fs
        Length of a block, fs.
    gap_fs
        Smallest time between frames of one run in two parts, fs; at most a block.
    train, validation, test
        Blocks of each part in one turn; a part with none does not exist.

    Returns
    -------
        The parts; frames in a gap are in none.

    Raises
    ------
    InputError
        A frame has no place in time, or the numbers make no sense.
    TooFewFramesError
        A part gets no frame.
    """
    check_counts(minimum=0, train=train, validation=validation, test=test)
    check_counts(blocks_in_a_turn=train + validation + test)
    _check_blocks(moments, block_fs, gap_fs)
    turn = ["train"] * train + ["validation"] * validation + ["test"] * test
    parts: dict[str, list[str]] = {name: [] for name in dict.fromkeys(turn)}
    for moment in moments:
        time = time_of(moment) + TIME_TOLERANCE_FS
        block = int(time // block_fs)
        part, before = turn[block % len(turn)], turn[(block - 1) % len(turn)]
        if block == 0 or part == before or time - block * block_fs >= gap_fs:
            parts[part].append(moment.id)
    if empty := [name for name, ids in parts.items() if not ids]:
        raise TooFewFramesError(
            f"The part '{empty[0]}' of the block split has no frames: add frames, or try shorter "
            f"blocks than block_fs={block_fs:g}."
        )
    counts = {"train": train, "validation": validation, "test": test}
    options: dict[str, Option] = {"block_fs": block_fs, "gap_fs": gap_fs, **counts}
    return Split("block", {name: tuple(ids) for name, ids in parts.items()}, options)


def _check_blocks(moments: Sequence[Moment], block_fs: float, gap_fs: float) -> None:
    if not 0 < block_fs < float("inf") or not 0 <= gap_fs <= block_fs:
        raise InputError(
            f"Blocks of {block_fs:g} fs with gaps of {gap_fs:g} fs cannot be: block_fs must be "
            "positive and gap_fs no longer than a block."
        )
    if lost := sum(not moment.has_place for moment in moments):
        raise InputError(
            f"{lost} of {len(moments)} frames have no time in a run, so that they are in no "
            "block of time: take another split."
        )


def temperature_split(moments: Sequence[Moment], parts: Mapping[str, Sequence[str]]) -> Split:
    """Give whole temperatures to the parts.

    Parameters
    ----------
    moments
        Frames in the order that the parts keep.
    parts
        Names of temperatures by part, such as ``{"train": ["cold", "warm"], "test": ["melt"]}``;
        a temperature that is not named is left out.

    Returns
    -------
        The parts.

    Raises
    ------
    InputError
        No part is named, a temperature is named twice or has no frames.
    """
    groups = by_temperature(moments)
    if not parts:
        raise InputError(
            "The temperature split wants the temperatures of each part, such as train=cold,warm "
            f"and test=melt; there is {', '.join(groups) or 'none'}."
        )
    named = [one for names in parts.values() for one in names]
    if twice := sorted({one for one in named if named.count(one) > 1}):
        raise InputError(f"The temperature {twice[0]} would be in two parts.")
    if unknown := [one for one in named if one not in groups]:
        raise TooFewFramesError(
            f"The temperature split wants '{unknown[0]}', of which there are no frames; there is "
            f"{', '.join(groups) or 'none'}."
        )
    chosen = {
        part: tuple(moment.id for name in names for moment in groups[name])
        for part, names in parts.items()
    }
    return Split("temperature", chosen, {part: ",".join(names) for part, names in parts.items()})


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
