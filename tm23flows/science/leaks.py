"""Whether two parts of a split know the same thing.

Owns the check: no frame in two parts, under whatever recipe, and no two frames of one run in
two parts that are closer in time than a minimum gap. Fails loudly; does not mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tm23flows.errors import InputError
from tm23flows.science.moments import Moment, by_run, strides_fs, time_of

TIME_TOLERANCE_FS = 1e-6
"""Times are products of step and time step, so equal gaps differ in the last digits."""


@dataclass(frozen=True)
class LeakReport:
    """What the check measured.

    Parameters
    ----------
    required_gap_fs
        Smallest distance in time that was required between frames of one run in two parts,
        fs; of several runs with strides of their own the smallest. None if no run has frames
        in two parts.
    smallest_gap_fs
        Smallest distance that was found, fs.
    n_without_time
        Frames whose place in a run is not known; for them only identity was checked.
    """

    required_gap_fs: float | None
    smallest_gap_fs: float | None
    n_without_time: int


def check_leaks(
    parts: Mapping[str, Sequence[Moment]], min_gap_fs: float | None = None
) -> LeakReport:
    """Refuse parts that share a frame, or frames too close in time.

    Parameters
    ----------
    parts
        Frames by name of the part.
    min_gap_fs
        Smallest allowed distance in time between frames of one run in two parts, fs; None
        takes the stride of each run, the median distance of its frames in all parts.

    Returns
    -------
    What was measured.

    Raises
    ------
    InputError
        A frame is in two parts, or two frames of one run in two parts are closer than that.
    """
    _check_frames(parts)
    everything = [moment for frames in parts.values() for moment in frames]
    part_of = {moment.id: name for name, frames in parts.items() for moment in frames}
    strides = strides_fs(everything)
    required: list[float] = []
    found: list[float] = []
    for run, frames in by_run(everything).items():
        wanted = strides.get(run, 0.0) if min_gap_fs is None else min_gap_fs
        closest = _closest(frames, part_of)
        if closest is None:
            continue
        gap, one, other = closest
        required.append(wanted)
        found.append(gap)
        if gap < wanted - TIME_TOLERANCE_FS:
            raise InputError(
                f"Frames of run {run[:12]} that are {gap:g} fs apart would be in the parts "
                f"'{part_of[one.id]}' and '{part_of[other.id]}' ({one.frame[:12]} and "
                f"{other.frame[:12]}), but {wanted:g} fs are required: take a rule with a gap, "
                f"thin the frames out, or allow it with min_gap_fs={gap:g}."
            )
    return LeakReport(
        required_gap_fs=min(required, default=None),
        smallest_gap_fs=min(found, default=None),
        n_without_time=sum(not moment.has_place for moment in everything),
    )


def _check_frames(parts: Mapping[str, Sequence[Moment]]) -> None:
    seen: dict[str, str] = {}
    for name, frames in parts.items():
        for moment in frames:
            if moment.frame in seen:
                where = (
                    f"twice in the part '{name}'"
                    if seen[moment.frame] == name
                    else f"in the parts '{seen[moment.frame]}' and '{name}'"
                )
                raise InputError(
                    f"The frame {moment.frame[:12]} would be {where}: labels of one frame must "
                    "stay together, and one of them is enough."
                )
            seen[moment.frame] = name


def _closest(
    frames: Sequence[Moment], part_of: Mapping[str, str]
) -> tuple[float, Moment, Moment] | None:
    """Return the two frames of different parts that are closest in time.

    Between two frames of different parts lie, in the order of time, two neighbours of
    different parts, so neighbours are enough.
    """
    pairs = pairwise(frames)
    gaps = [
        (time_of(later) - time_of(earlier), earlier, later)
        for earlier, later in pairs
        if part_of[earlier.id] != part_of[later.id]
    ]
    return min(gaps, key=lambda one: one[0], default=None)
