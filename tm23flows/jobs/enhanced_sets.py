"""The job that makes two training sets of one dataset: as it is, and with frames of events.

Owns the two datasets, which differ in some training frames only. The rule is
:mod:`tm23flows.science.enhanced_training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.event_search import rows_of
from tm23flows.jobs.event_sets import labels_of_events
from tm23flows.science.enhanced_training import EnhancedSets, Enhancement, enhance
from tm23flows.science.moments import Moment
from tm23flows.store.datasets.names import name_dataset

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

VALIDATION, TEST = "event-validation", "event-test"
"""Parts of both datasets. None is called validation, so that no trainer stops early by them."""


@job
def make_enhanced_sets(
    name: str,
    part: str,
    found: dict[str, Any],
    recipe_ids: list[str | None],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Make the dataset with the original training frames, and the one with events among them.

    Parameters
    ----------
    name
        Beginning of the names of both.
    part
        Part of the dataset that was searched whose frames are the original ones.
    found
        Output of :func:`tm23flows.jobs.event_search.find_rare_events`.
    recipe_ids
        Recipe of the labels of events, as every labelling job reported it.
    settings
        Fields of :class:`tm23flows.science.enhanced_training.Enhancement`.

    Returns
    -------
    ``original_id`` and ``enhanced_id``, ``n_train``, ``n_replaced``, ``n_left_out``; where the sets
    cannot be made the ids are None and ``reason`` says why.
    """
    archive = open_archive()
    enhancement = Enhancement(**settings)
    dataset = archive.get(Dataset, found["dataset_id"])
    try:
        frames = _plain_moments(archive, dataset, part)
        events = _event_moments(archive, found, recipe_ids)
        spans = {one.event: one.event_fs for one in rows_of(found) if one.event and one.event_fs}
        sets = enhance(frames, events, enhancement, spans)
    except InputError as error:
        return {"original_id": None, "enhanced_id": None, "reason": str(error)}
    made = {
        word: name_dataset(archive, f"{name}-{word}", _dataset(dataset, sets, word, settings))
        for word in ("original", "enhanced")
    }
    return {
        "original_id": made["original"].dataset.id,
        "enhanced_id": made["enhanced"].dataset.id,
        "n_train": len(sets.original),
        "n_replaced": sets.n_replaced,
        "n_left_out": sets.n_left_out,
        "reason": None,
    }


def _plain_moments(archive: Archive, dataset: Dataset, part: str) -> list[Moment]:
    if part not in dataset.parts:
        raise InputError(f"The dataset has no part '{part}'; it has {', '.join(dataset.parts)}.")
    labels = archive.get_many(Label, dataset.parts[part])
    runs = {
        run.id: run.dynamics.timestep_fs
        for run in archive.get_many(
            Trajectory, sorted({one.trajectory_id for one in labels if one.trajectory_id})
        )
    }
    return [
        Moment(
            one.id,
            one.frame_id,
            one.regime or "unknown",
            one.trajectory_id,
            None
            if one.step is None or one.trajectory_id is None
            else (one.step - 1) * runs[one.trajectory_id],
        )
        for one in labels
    ]


def _event_moments(
    archive: Archive, found: Mapping[str, Any], recipe_ids: Sequence[str | None]
) -> list[Moment]:
    recipe, labels = labels_of_events(archive, found, recipe_ids)
    if recipe != found["recipe_id"]:
        raise InputError(
            "The labels of the events are of another recipe than those of the dataset: they cannot "
            "be trained on together."
        )
    by_frame = {one.frame_id: one for one in labels}
    return [
        Moment(
            by_frame[row.frame_id].id,
            row.frame_id,
            by_frame[row.frame_id].regime or "unknown",
            row.trajectory_id,
            row.time_fs,
            row.event,
        )
        for row in rows_of(found)
        if row.event is not None and row.frame_id in by_frame
    ]


def _dataset(base: Dataset, sets: EnhancedSets, word: str, settings: dict[str, Any]) -> Dataset:
    train = sets.enhanced if word == "enhanced" else sets.original
    return Dataset(
        provenance=Provenance.now(),
        element=base.element,
        parts={"train": train, VALIDATION: sets.validation, TEST: sets.test},
        rule=f"rare-events-{word}",
        split_options=dict(settings),
        query={"dataset": base.id},
        energy=base.energy,
        facts={"n_replaced": sets.n_replaced * (word == "enhanced"), "n_left_out": sets.n_left_out},
    )
