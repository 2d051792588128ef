"""The jobs that make a dataset of labelled events, and that let a model predict it.

Owns the step from labels of event frames to a dataset and to evaluations that fail alone: a
model that cannot be used is a reason in words, not the end of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobflow import Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import evaluation_id
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.model import Model
from tm23flows.errors import (
    InputError,
    MissingDependencyError,
    OutOfTimeError,
    PhysicsError,
    TrainingError,
)
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.evaluation import evaluate_or_find
from tm23flows.jobs.event_search import rows_of
from tm23flows.store.datasets.names import name_dataset

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

PART = "test"
"""The one part of a dataset of events: nothing may be trained on it."""

NO_MODEL = "there is no model: its training failed, or did not run"
NO_FRAMES = "there are no labelled frames to measure it on"
ENERGY_REFERENCE = "mean-per-atom"


@job
def make_event_set(
    name: str, found: dict[str, Any], recipe_ids: list[str | None], rule: dict[str, Any]
) -> dict[str, Any]:
    """Make a dataset of the labels of event frames; quiet frames are in it, too.

    Parameters
    ----------
    name
        Name of the dataset.
    found
        Output of :func:`tm23flows.jobs.event_search.find_rare_events`.
    recipe_ids
        Recipe of the labels, as every labelling job reported it. None of them: the recipe of the
        dataset that was searched, or else that of the runs themselves.
    rule
        How events were looked for, to be kept with the dataset.

    Returns
    -------
    ``dataset_id`` and ``recipe_id``, None where there is no label; ``n_unlabelled`` frames.

    Raises
    ------
    InputError
        If the labelling jobs used different recipes.
    """
    archive = open_archive()
    rows = list(rows_of(found))
    recipe, labels = labels_of_events(archive, found, recipe_ids)
    if not labels:
        return {"dataset_id": None, "recipe_id": recipe, "n_unlabelled": len(rows)}
    events = {one.event for one in rows if one.event is not None}
    dataset = Dataset(
        provenance=Provenance.now(),
        element=found["element"],
        parts={PART: tuple(one.id for one in labels)},
        rule="rare-events",
        split_options={key: value for key, value in rule.items() if key != "name"},
        query={"recipe": recipe, "dataset": found["dataset_id"]},
        energy=archive.get(Dataset, found["dataset_id"]).energy,
        facts={"n_events": len(events), "n_left_out": len(rows) - len(labels)},
    )
    named = name_dataset(archive, name, dataset)
    return {
        "dataset_id": named.dataset.id,
        "recipe_id": recipe,
        "n_unlabelled": len(rows) - len(labels),
    }


def labels_of_events(
    archive: Archive, found: Mapping[str, Any], recipe_ids: Sequence[str | None]
) -> tuple[str | None, list[Label]]:
    """Find the labels that are the truth about event frames.

    Parameters
    ----------
    archive
        The archive.
    found
        Output of :func:`tm23flows.jobs.event_search.find_rare_events`.
    recipe_ids
        As in :func:`make_event_set`.

    Returns
    -------
    Their recipe and the labels in the order of the frames; frames without one are left out.

    Raises
    ------
    InputError
        If there are labels of several recipes, none of which is the one.
    """
    asked = [one for one in dict.fromkeys(recipe_ids) if one is not None]
    if len(asked) > 1:
        raise InputError("The labels of rare events must come from one recipe.")
    frames = [one.frame_id for one in rows_of(found)]
    for recipe in asked or [found["recipe_id"], *found["run_recipe_ids"]]:
        wanted = [label_id(frame, recipe) for frame in frames]
        there = archive.existing(Label, wanted)
        if there or asked:
            return recipe, archive.get_many(Label, [one for one in wanted if one in there])
    return None, []


@job
def evaluate_on_events(
    model_id: str | None, dataset_id: str | None, part: str = PART
) -> dict[str, Any] | Response:
    """Let a model predict a dataset of events; what goes wrong is said and stops nobody else.

    Parameters
    ----------
    model_id
        The model, which may be missing; None if its training failed.
    dataset_id
        The dataset; None where no frame has a label.
    part
        Part of it.

    Returns
    -------
    ``model_id``, ``evaluation_id`` and ``failure``, one of the last two being None. Where the
    worker had to stop first, the job begins anew as a detour.
    """
    known = open_archive().existing(Model, [model_id]) if model_id is not None else ()
    if not known:
        return {"model_id": None, "evaluation_id": None, "failure": NO_MODEL}
    if dataset_id is None:
        return {"model_id": model_id, "evaluation_id": None, "failure": NO_FRAMES}
    begin_job()
    try:
        done = evaluate_or_find(model_id, dataset_id, part, ENERGY_REFERENCE)
    except OutOfTimeError:
        key = evaluation_id(model_id, dataset_id, part, ENERGY_REFERENCE)
        wait_for_deadline(key, 0)
        again = as_this_job(evaluate_on_events(model_id, dataset_id, part))
        unfinished = {"model_id": model_id, "evaluation_id": key, "failure": None}
        return Response(unfinished, detour=again)
    except (InputError, MissingDependencyError, PhysicsError, TrainingError) as error:
        return {"model_id": model_id, "evaluation_id": None, "failure": str(error)}
    return {"model_id": model_id, "evaluation_id": done["evaluation_id"], "failure": None}
