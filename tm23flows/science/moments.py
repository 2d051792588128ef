"""Frames as points in time, which is all that a split has to know of them.

Owns the value type and the distance in time between neighbouring frames of a run. Does not
read frames and does not split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low


@dataclass(frozen=True)
class Moment:
    """One frame of a run, under the id that a split hands on.

    Parameters
    ----------
    id
        What the split hands on: the id of a label, or of the frame.
    frame
        Id of the frame.
    temperature
        Name of its temperature, such as ``cold``.
    run
        Id of its run; None for a frame that no run is known of.
    time_fs
        Time in that run, fs; None where it is not known.
    event
        Id of the rare event that the frame belongs to.
    """

    id: str
    frame: str
    temperature: str
    run: str | None = None
    time_fs: float | None = None
    event: str | None = None

    @property
    def has_place(self) -> bool:
        """Whether its distance in time to other frames of its run is known."""
        return self.run is not None and self.time_fs is not None


def by_temperature(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    """Group frames by temperature.

    Parameters
    ----------
    moments
        Frames in the order of time.

    Returns
    -------
    Frames by name of the temperature, both in the order of the input.
    """
    groups: dict[str, list[Moment]] = {}
    for moment in moments:
        groups.setdefault(moment.temperature, []).append(moment)
    return groups


def by_run(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    """Group frames by run and sort each run by time.

    Parameters
    ----------
    moments
        Frames in any order; those without a place in time are left out.

    Returns
    -------
    Frames by run.
    """
    runs: dict[str, list[Moment]] = {}
    for moment in moments:
        if moment.has_place:
            runs.setdefault(str(moment.run), []).append(moment)
    return {run: sorted(frames, key=time_of) for run, frames in runs.items()}


def time_of(moment: Moment) -> float:
    """Return the time of a frame that has one.

    Parameters
    ----------
    moment
        A frame with a place in time.

    Returns
    -------
    Its time, fs.
    """
    if moment.time_fs is None:
        raise ValueError(f"frame {moment.frame[:12]} has no time")
    return moment.time_fs


def strides_fs(moments: Iterable[Moment]) -> dict[str, float]:
    """Return the usual distance in time between neighbouring frames of each run.

    It is the (lower) median, so that a frame that stands in for its neighbour does not count.

    Parameters
    ----------
    moments
        Frames in any order.

    Returns
    -------
    Distance by run, fs, for runs with at least two different times.
    """
    return {
        run: stride
        for run, frames in by_run(moments).items()
        if (stride := _usual_distance([time_of(frame) for frame in frames])) is not None
    }


def _usual_distance(times: Sequence[float]) -> float | None:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    real = [gap for gap in gaps if gap > 0]
    return median_low(real) if real else None
