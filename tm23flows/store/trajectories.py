"""Trajectories that grow segment by segment.

Owns appending a segment so that nothing is lost at a seam and nothing is there
twice, and reading steps back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.effort import Effort
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Segment, Trajectory
from tm23flows.errors import DatabaseError

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def append_segment(
    archive: Archive,
    trajectory: Trajectory,
    arrays: dict[str, np.ndarray],
    restart: bytes | None = None,
    program: str | None = None,
    corrections: tuple[str, ...] = (),
    effort: Effort | None = None,
) -> Trajectory:
    """Add finished steps to a run.

    Parameters
    ----------
    archive
        The archive, which has the trajectory.
    trajectory
        The run as this writer knows it.
    arrays
        All of :data:`tm23flows.documents.trajectory.SEGMENT_ARRAYS`.
    restart
        The program's own restart file after the last step, where it has one.
    program
        Program that ran the steps.
    corrections
        What was changed to make it run.
    effort
        What the steps cost.

    Returns
    -------
    The longer trajectory.

    Raises
    ------
    DatabaseError
        If the steps do not follow the last ones, or another worker was faster.
    """
    _check_follows(trajectory, arrays)
    segment = Segment(
        first_step=int(arrays["step"][0]),
        last_step=int(arrays["step"][-1]),
        blob=archive.blobs.put_arrays(**arrays),
        restart=None if restart is None else archive.blobs.put(restart),
        program=program,
        corrections=corrections,
        effort=effort,
    )
    if not archive.push_segment(trajectory.id, len(trajectory.segments), segment):
        raise DatabaseError(
            f"Another worker is running trajectory {trajectory.id[:12]}; this one stops."
        )
    return trajectory.model_copy(update={"segments": (*trajectory.segments, segment)})


def _check_follows(trajectory: Trajectory, arrays: dict[str, np.ndarray]) -> None:
    if missing := set(SEGMENT_ARRAYS) - set(arrays):
        raise DatabaseError(f"A segment lacks {', '.join(sorted(missing))}.")
    steps = arrays["step"]
    if not len(steps):
        raise DatabaseError("A segment has no steps.")
    if not np.array_equal(steps, np.arange(len(steps)) + trajectory.n_steps + 1):
        raise DatabaseError(
            f"A segment has steps {steps[0]} to {steps[-1]} ({len(steps)} of them), which do not "
            f"follow the {trajectory.n_steps} steps that are done."
        )


def announce_folder(archive: Archive, trajectory: Trajectory, folder: str) -> None:
    """Write down where a run goes on, so that nothing computed there is lost.

    Parameters
    ----------
    archive
        The archive.
    trajectory
        The run.
    folder
        ``host:path`` of the folder.
    """
    archive.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {"run_folder": folder}}
    )


def read_segments(archive: Archive, trajectory: Trajectory) -> Iterator[dict[str, np.ndarray]]:
    """Stream the arrays of a run, one segment at a time.

    Parameters
    ----------
    archive
        The archive.
    trajectory
        The run.

    Yields
    ------
    Arrays by name.
    """
    for segment in trajectory.segments:
        yield archive.blobs.get_arrays(segment.blob)
