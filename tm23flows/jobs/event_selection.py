"""The job that chooses between models trained with and without events.

Owns the way from evaluations on validation and test events to a study that says which model is
chosen by force RMSE and which by rare-event errors. The rule is
:mod:`tm23flows.science.model_choice`, the training sets are :mod:`tm23flows.jobs.enhanced_sets`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.studies.rare_events import Candidate, RareEventResults, Selection
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.enhanced_sets import TEST, VALIDATION
from tm23flows.jobs.event_scores import EventSet, force_rmse, predicted_forces, score
from tm23flows.jobs.event_search import rows_of
from tm23flows.jobs.studies.rare_events import KIND
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.model_choice import choose_model

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def make_selection_study(
    wired: dict[str, dict[str, Any]], settings: dict[str, Any]
) -> dict[str, Any]:
    """Choose a model of each metal by force RMSE and one by rare-event errors; store the study.

    Parameters
    ----------
    wired
        By chemical symbol: ``found``; ``sets``, the output of
        :func:`tm23flows.jobs.enhanced_sets.make_enhanced_sets`; ``candidates``, each with
        ``trainer``, ``hyperparameters``, ``training_set``, and outputs of
        :func:`tm23flows.jobs.event_sets.evaluate_on_events` as ``validation`` and ``test``.
    settings
        ``resampling`` and ``rmse_filter`` are used, all are stored.

    Returns
    -------
    ``study_id``, and by metal the chosen models ``by_rmse`` and ``by_score``.
    """
    archive = open_archive()
    parents = _parents(wired)
    key = study_id(KIND, tuple(wired), settings, parents)
    if not archive.existing(Study, [key]):
        bootstrap = Bootstrap(**Resampling(**settings["resampling"]).model_dump())
        selections = tuple(
            _select(archive, element, one, bootstrap, settings["rmse_filter"])
            for element, one in wired.items()
        )
        study = Study(
            provenance=Provenance.now(
                inputs={"sets": {e: one["sets"] for e, one in wired.items()}}
            ),
            elements=tuple(wired),
            settings=settings,
            parents=parents,
            results=RareEventResults(selections=selections),
            warnings=tuple(one for some in selections for one in _warnings(some)),
        )
        archive.put(study)
    found = archive.get(Study, key).results.selections
    return {
        "study_id": key,
        "by_rmse": {one.element: _chosen(one, one.by_rmse) for one in found},
        "by_score": {one.element: _chosen(one, one.by_score) for one in found},
    }


def _chosen(selection: Selection, place: int | None) -> str | None:
    return None if place is None else selection.candidates[place].model_id


def _parents(wired: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    sets = [one["sets"] for one in wired.values()]
    tests = [
        c[part]
        for one in wired.values()
        for c in one["candidates"]
        for part in ("validation", "test")
    ]
    return sorted_parents(
        datasets=[
            *(one["found"]["dataset_id"] for one in wired.values()),
            *(one[key] for one in sets for key in ("original_id", "enhanced_id") if one[key]),
        ],
        models=[one["model_id"] for one in tests if one["model_id"]],
        evaluations=[one["evaluation_id"] for one in tests if one["evaluation_id"]],
    )


def _select(
    archive: Archive, element: str, wired: Mapping[str, Any], bootstrap: Bootstrap, limit: float
) -> Selection:
    sets = wired["sets"]
    parts = _event_parts(archive, wired)
    candidates = tuple(_candidate(archive, one, parts, bootstrap) for one in wired["candidates"])
    names = [str(place) for place in range(len(candidates))]
    chosen = choose_model(
        {n: _rmse(c) for n, c in zip(names, candidates, strict=True)},
        {n: _errors(c) for n, c in zip(names, candidates, strict=True)},
        limit,
    )
    return Selection(
        element=element,
        original_id=sets["original_id"],
        enhanced_id=sets["enhanced_id"],
        n_train=sets.get("n_train", 0),
        n_replaced=sets.get("n_replaced", 0),
        candidates=candidates,
        by_rmse=None if chosen.by_rmse is None else int(chosen.by_rmse),
        by_score=None if chosen.by_score is None else int(chosen.by_score),
        reason=sets["reason"] or chosen.reason,
    )


def _rmse(one: Candidate) -> float | None:
    # Errors on the frames that a model did not fail on are no errors on the same frames.
    return None if one.failure is not None else one.validation_force_rmse_eV_per_A


def _errors(one: Candidate) -> tuple[float | None, float | None]:
    row = one.validation
    if row is None or row.re_m is None or row.re_a is None:
        return None, None
    return row.re_m.value, row.re_a.value


def _event_parts(
    archive: Archive, wired: Mapping[str, Any]
) -> dict[str, tuple[EventSet, dict[str, str]]]:
    """Return the frames of each part with their true forces, and the frame of each label."""
    if wired["sets"]["original_id"] is None:
        return {}
    dataset = archive.get(Dataset, wired["sets"]["original_id"])
    rows = {one.frame_id: one for one in rows_of(wired["found"])}
    parts = {}
    for word, part in (("validation", VALIDATION), ("test", TEST)):
        labels = archive.get_many(Label, dataset.parts[part])
        truth = {one.frame_id: np.asarray(one.forces, float) for one in labels}
        events = EventSet(tuple(rows[one.frame_id] for one in labels), truth)
        parts[word] = (events, {one.id: one.frame_id for one in labels})
    return parts


def _candidate(
    archive: Archive,
    given: Mapping[str, Any],
    parts: Mapping[str, tuple[EventSet, dict[str, str]]],
    bootstrap: Bootstrap,
) -> Candidate:
    fields: dict[str, Any] = {}
    failure = None
    for word in ("validation", "test"):
        done = given[word]
        if done["evaluation_id"] is None or word not in parts:
            failure = failure or done["failure"] or "there are no events to measure it on"
            continue
        events, frames = parts[word]
        predicted = predicted_forces(archive, done["evaluation_id"], frames)
        if lost := sum(one.frame_id not in predicted for one in events.rows):
            failure = failure or f"it has no forces of {lost} of {len(events.rows)} {word} frames"
        fields[word] = score(events, predicted, bootstrap)
        fields[f"{word}_force_rmse_eV_per_A"] = force_rmse(events.rows, events.truth, predicted)
    return Candidate(
        trainer=given["trainer"],
        hyperparameters=given["hyperparameters"],
        training_set=given["training_set"],
        model_id=given["validation"]["model_id"],
        failure=failure,
        **fields,
    )


def _warnings(selection: Selection) -> Iterator[str]:
    name = selection.element
    if selection.by_score is None:
        yield f"{name}: no model could be chosen by rare-event errors: {selection.reason}"
    for one in selection.candidates:
        if one.failure is not None:
            who = f"{one.trainer} on the {one.training_set} set"
            yield f"{name}: {who} cannot be chosen: {one.failure}"
