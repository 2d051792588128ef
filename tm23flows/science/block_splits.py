"""Splits that keep blocks of time or whole temperatures together.

Owns these rules over frames with their places in time. A stretch of time between parts is left
out where one run feeds several. The part of a block or of a temperature does not depend on the
other frames, so frames that come later move no frame from one part to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.leaks import TIME_TOLERANCE_FS
from tm23flows.science.moments import Moment, by_temperature, time_of
from tm23flows.science.splits import Option, Split, check_counts

BLOCK_FS = 5000.0
"""Length of a block: a tenth of the article's runs."""

GAP_FS = 500.0
"""Time between parts: ten times the distance of the article's frames."""


def block_split(
    moments: Sequence[Moment],
    block_fs: float = BLOCK_FS,
    gap_fs: float = GAP_FS,
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
