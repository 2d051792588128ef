"""The job that looks for rare events in the runs of a dataset and stores frames of them.

Owns the way from a dataset to stored frames with their events. One run is searched by
:mod:`tm23flows.jobs.event_runs`. What is found is the output of the job, not the tags of frames: a
frame that was stored before keeps its own. Tags are written besides, so that the split rule
``event`` finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.studies.rare_events import EventRow, SearchedRun
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.event_runs import SearchedEvents, search_run
from tm23flows.jobs.frame import take_steps
from tm23flows.science.event_frames import EventFrame
from tm23flows.science.event_rule import EventRule
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def find_rare_events(
    dataset_id: str, rule: dict[str, Any], max_frames: int, batch_size: int
) -> dict[str, Any]:
    """Find events in all runs of a dataset; store frames of them with the run's own labels.

    A dataset whose frames say themselves which of their atoms are in the middle of an event, as
    those of an imported folder do, is not searched: its frames are taken.

    Parameters
    ----------
    dataset_id
        The dataset.
    rule
        Fields of :class:`tm23flows.science.event_rule.EventRule`.
    max_frames
        Frames that are taken at most; events of all runs take turns.
    batch_size
        Frames of a batch of labels.

    Returns
    -------
    ``frames``, each as the fields of :class:`tm23flows.documents.studies.rare_events.EventRow`;
    ``batches`` of their ids, which are never empty: where there are too few frames, one that has a
    label already stands in; ``runs`` that were searched; ``source``, ``recipe_id`` and ``mesh``
    of the dataset; ``run_recipe_ids`` of the labels that came out of the runs.

    Raises
    ------
    InputError
        If the rule or the numbers make no sense.
    """
    if max_frames < 1 or batch_size < 1:
        raise InputError(f"Of {max_frames} frames in batches of {batch_size} nothing is learnt.")
    archive = open_archive()
    labels = archive.get_many(Label, archive.get(Dataset, dataset_id).label_ids)
    tagged = _tagged(archive, labels)
    runs: list[SearchedEvents] = []
    if not tagged:
        ids = sorted({one.trajectory_id for one in labels if one.trajectory_id})
        runs = [search_run(archive, one, EventRule(**rule)) for one in ids]
    frames = tagged or _store(archive, runs, max_frames)
    recipe = labels[0].recipe
    ids = [one.frame_id for one in frames] or [labels[-1].frame_id]
    known = recipe.kmesh is not None and recipe.kmesh_offset is not None
    mesh = (
        {"kmesh": list(recipe.kmesh), "kmesh_offset": list(recipe.kmesh_offset)} if known else None
    )
    taken = {one.event for one in frames}
    return {
        "dataset_id": dataset_id,
        "element": labels[0].element,
        "source": "tags" if tagged else "runs",
        "frames": [one.model_dump(mode="json") for one in frames],
        "batches": _batches(ids, -(-max_frames // batch_size)),
        "runs": [_row(one, taken).model_dump(mode="json") for one in runs],
        "recipe_id": recipe.id,
        "mesh": mesh,
        "run_recipe_ids": sorted({one.trajectory.recipe.id for one in runs}),
    }


def _batches(ids: Sequence[str], n_batches: int) -> list[list[str]]:
    cut = [part.tolist() for part in np.array_split(np.array(ids, dtype=object), n_batches)]
    return [part or [ids[0]] for part in cut]


def _row(found: SearchedEvents, taken: set[str | None]) -> SearchedRun:
    return found.row.model_copy(update={"n_sampled": len(taken & set(found.events))})


def _tagged(archive: Archive, labels: Sequence[Label]) -> list[EventRow]:
    """Return frames of a dataset that say themselves what happens in them."""
    rows = []
    for some in batched([one.frame_id for one in labels]):
        for frame in archive.get_many(Frame, some):
            atoms = tuple(frame.tags.get("re_atoms") or ())
            # Where frames do not say which event they are of, each is one of its own.
            event = str(frame.tags.get("event") or f"frame-{frame.id[:16]}")
            rows.append(
                EventRow(
                    frame_id=frame.id,
                    trajectory_id=frame.trajectory_id,
                    time_fs=frame.time_fs,
                    event=event if atoms else None,
                    re_atoms=atoms,
                    vacant_sites_A=tuple(frame.tags.get("vacant_sites_A") or ()),
                )
            )
    return rows if any(one.re_atoms for one in rows) else []


def _store(archive: Archive, runs: Sequence[SearchedEvents], max_frames: int) -> list[EventRow]:
    """Store frames of events and quiet ones with the labels that the runs have of them."""
    rows: list[EventRow] = []
    # Events come first where there is little room.
    n_quiet = max_frames // (2 * max(1, len(runs)))
    runs = [replace(one, quiet=one.quiet[:n_quiet]) for one in runs]
    chosen = _within(runs, max_frames)
    for found in runs:
        events = {event: found.events[event] for event in found.events if event in chosen}
        frames = [(event, one) for event, some in events.items() for one in some]
        frames += [(None, one) for one in found.quiet]
        # Steps of a run are counted from 1, places from 0.
        by_step = {one.step + 1: (event, one) for event, one in frames}
        tags = {step: _tags(event, one) for step, (event, one) in by_step.items()}
        pairs = list(take_steps(archive, found.trajectory, set(by_step), tags))
        archive.put(*(frame for frame, _ in pairs))
        archive.put(*(label for _, label in pairs))
        rows += [
            _event_row(frame, *by_step[frame.step], found.spans_fs)
            for frame, _ in pairs
            if frame.step
        ]
    return rows


def _within(runs: Sequence[SearchedEvents], max_frames: int) -> set[str]:
    """Choose as many events as there is room for; the runs take turns."""
    room = max_frames - sum(len(one.quiet) for one in runs)
    chosen: set[str] = set()
    for turn in zip_longest(*(one.events.items() for one in runs)):
        for event, frames in (one for one in turn if one is not None):
            if len(frames) <= room:
                chosen.add(event)
                room -= len(frames)
    return chosen


def _tags(event: str | None, found: EventFrame) -> dict[str, Any]:
    tags: dict[str, Any] = {"re_atoms": list(found.migrating)}
    if event is not None:
        tags["event"] = event
    if found.vacant_sites:
        tags["vacant_sites_A"] = found.vacant_sites_A.tolist()
    return tags


def _event_row(
    frame: Frame,
    event: str | None,
    found: EventFrame,
    spans_fs: Mapping[str, tuple[float, float]],
) -> EventRow:
    return EventRow(
        frame_id=frame.id,
        trajectory_id=frame.trajectory_id,
        time_fs=frame.time_fs,
        event=event,
        event_fs=None if event is None else spans_fs.get(event),
        re_atoms=found.migrating,
        r_A=_plain(found.r_A),
        r_v_A=_plain(found.r_v_A),
        vacant_sites_A=tuple(tuple(one) for one in found.vacant_sites_A.tolist()),
    )


def _plain(values: np.ndarray | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values.tolist())


def rows_of(found: Mapping[str, Any]) -> Iterator[EventRow]:
    """Read the frames out of what the job returned.

    Parameters
    ----------
    found
        Output of :func:`find_rare_events`.

    Yields
    ------
    The frames.
    """
    yield from (EventRow(**one) for one in found["frames"])
