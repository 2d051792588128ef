"""Which events are apart from everything that a model was trained on.

Owns the question, because frames of an event that lies close to a training frame of the same run
are nearly known to the model, and errors on them are too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.documents.studies.rare_events import EventRow
from tm23flows.documents.trajectory import Trajectory
from tm23flows.science.label_arrays import FloatArray
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def unseen_events(
    archive: Archive, model: Model, rows: Sequence[EventRow], gap_fs: float
) -> set[str | None]:
    """Find the events that are apart from everything a model was trained on.

    Parameters
    ----------
    archive
        The archive.
    model
        The model; one without a dataset has seen nothing that is known.
    rows
        Frames with events; where they say when the whole event was, that counts.
    gap_fs
        Least distance in time of an event to a training frame of the same run, fs.

    Returns
    -------
    Their names. An event of which one frame is too near is not among them.
    """
    events = {one.event for one in rows if one.event is not None}
    if model.dataset_id is None:
        return set(events)
    frames, times = _training(archive, model)
    near = {
        one.event
        for one in rows
        if one.frame_id in frames
        or (
            one.time_fs is not None
            and one.trajectory_id in times
            and _nearest_fs(times[one.trajectory_id], one.event_fs or (one.time_fs,) * 2) < gap_fs
        )
    }
    return events - near


def _nearest_fs(times: FloatArray, span_fs: tuple[float, float]) -> float:
    """Return the least time between training frames and a whole event; 0 within it."""
    first, last = span_fs
    return float(np.maximum(np.maximum(first - times, times - last), 0).min())


def _training(archive: Archive, model: Model) -> tuple[set[str], dict[str, FloatArray]]:
    """Return ids of the training frames, and times by run."""
    wanted = {"frame_id": 1, "trajectory_id": 1, "step": 1}
    frames: set[str] = set()
    steps: dict[str, list[int]] = {}
    parts = archive.get(Dataset, str(model.dataset_id)).parts
    for some in batched([*parts[model.part], *parts.get("validation", ())]):
        for one in archive.database["labels"].find({"_id": {"$in": some}}, wanted):
            frames.add(one["frame_id"])
            if one.get("trajectory_id") and one.get("step"):
                steps.setdefault(one["trajectory_id"], []).append(one["step"])
    runs = archive.get_many(Trajectory, steps)
    return frames, {
        run.id: (np.array(steps[run.id]) - 1) * run.dynamics.timestep_fs for run in runs
    }
