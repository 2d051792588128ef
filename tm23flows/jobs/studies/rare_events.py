"""The job that scores models and cheap labels on the events of some metals.

Owns who is scored and what the bar is. The bar was fixed before any data: labels of the same frames
with a cheap k-mesh, as "predictions" of the labels that are taken for true. A model that does no
worse is at the level of the noise of a cheap calculation. The numbers are made in
:mod:`tm23flows.jobs.event_scores`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model
from tm23flows.documents.recipe import MODEL, Recipe
from tm23flows.documents.studies.rare_events import (
    Predictor,
    RareEventMetal,
    RareEventResults,
    SearchedRun,
)
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.event_scores import (
    EventSet,
    Forces,
    curves,
    difference,
    force_rmse,
    predicted_forces,
    score,
)
from tm23flows.jobs.event_search import rows_of
from tm23flows.jobs.studies.rare_event_words import undefined_because, warnings_of
from tm23flows.jobs.unseen_events import unseen_events
from tm23flows.science.block_bootstrap import Bootstrap

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KIND = "rare-events"
NO_BAR = (
    "no other labels of these frames are there: a cheap k-mesh was not asked for, is the one of "
    "the labels, or cannot be computed"
)


@dataclass(frozen=True)
class _Metal:
    """What is known of one metal before anything is measured."""

    wired: Mapping[str, Any]
    truth: tuple[Label, ...]
    others: dict[str, list[Label]]


@job
def make_rare_event_study(
    wired: dict[str, dict[str, Any]], settings: dict[str, Any]
) -> dict[str, Any]:
    """Score everybody on the events of each metal and store the study; one that is there stays.

    Parameters
    ----------
    wired
        By chemical symbol: ``found``, the output of
        :func:`tm23flows.jobs.event_search.find_rare_events`; ``set``, that of
        :func:`tm23flows.jobs.event_sets.make_event_set`; ``models``, those of
        :func:`tm23flows.jobs.event_sets.evaluate_on_events`; ``cheap``, recipes of the labels with
        the cheap k-mesh.
    settings
        Settings of the analysis; ``resampling`` and ``gap_fs`` are used, all are stored.

    Returns
    -------
    ``study_id``, and by metal the numbers of ``events`` that were scored.
    """
    archive = open_archive()
    metals = {element: _read(archive, one) for element, one in wired.items()}
    parents = _parents(metals)
    key = study_id(KIND, tuple(wired), settings, parents)
    if not archive.existing(Study, [key]):
        bootstrap = Bootstrap(**Resampling(**settings["resampling"]).model_dump())
        found = tuple(
            _measure(archive, element, one, bootstrap, settings["gap_fs"])
            for element, one in metals.items()
        )
        study = Study(
            provenance=Provenance.now(inputs={"wired": _without_frames(wired)}),
            elements=tuple(wired),
            settings=settings,
            parents=parents,
            results=RareEventResults(metals=found),
            warnings=tuple(one for metal in found for one in warnings_of(metal)),
        )
        archive.put(study)
    stored = archive.get(Study, key).results.metals
    return {
        "study_id": key,
        "events": {m.element: len({f.event for f in m.frames if f.event}) for m in stored},
    }


def recipe_name(recipe: Recipe) -> str:
    """Name a recipe where its k-mesh is what matters.

    Parameters
    ----------
    recipe
        The recipe.

    Returns
    -------
    Such as ``gpaw 3x3x3``.
    """
    return f"{recipe.engine} {recipe.kmesh_text}"


def _read(archive: Archive, wired: Mapping[str, Any]) -> _Metal:
    """Read the labels of the frames: the true ones and, by recipe, all others."""
    frames = [one.frame_id for one in rows_of(wired["found"])]
    true, truth, others = wired["set"]["recipe_id"], {}, {}
    for one in _labels_of(archive, frames):
        if one.recipe_id == true:
            truth[one.frame_id] = one
        elif one.recipe.engine != MODEL:
            others.setdefault(one.recipe_id, []).append(one)
    there = [truth[frame] for frame in frames if frame in truth]
    return _Metal(wired, tuple(there), dict(sorted(others.items())))


def _labels_of(archive: Archive, frames: Sequence[str]) -> list[Label]:
    wanted = {"frame_id": {"$in": list(frames)}}
    ids = [one["_id"] for one in archive.database["labels"].find(wanted, {"_id": 1})]
    return archive.get_many(Label, sorted(ids))


def _parents(metals: Mapping[str, _Metal]) -> dict[str, tuple[str, ...]]:
    every = list(metals.values())
    models = [one for metal in every for one in metal.wired["models"]]
    sets = [metal.wired["set"]["dataset_id"] for metal in every]
    return sorted_parents(
        datasets=[
            *(metal.wired["found"]["dataset_id"] for metal in every),
            *(one for one in sets if one),
        ],
        trajectories=[run["trajectory_id"] for m in every for run in m.wired["found"]["runs"]],
        labels=[
            label.id for m in every for some in (m.truth, *m.others.values()) for label in some
        ],
        models=[one["model_id"] for one in models if one["model_id"]],
        evaluations=[one["evaluation_id"] for one in models if one["evaluation_id"]],
    )


def _without_frames(wired: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Leave out of the record what the results hold."""
    return {
        element: {key: value for key, value in one.items() if key != "found"}
        for element, one in wired.items()
    }


def _measure(
    archive: Archive, element: str, metal: _Metal, bootstrap: Bootstrap, gap_fs: float
) -> RareEventMetal:
    found = metal.wired["found"]
    labelled = {one.frame_id: one for one in metal.truth}
    rows = tuple(one for one in rows_of(found) if one.frame_id in labelled)
    truth = {frame: np.asarray(one.forces, float) for frame, one in labelled.items()}
    events = EventSet(rows, truth)
    forces: list[Forces] = []
    predictors: list[Predictor] = []
    for predictor, predicted, known in [
        *_models(archive, metal, events, gap_fs, bootstrap),
        *_labels(metal, events, bootstrap),
    ]:
        predictors.append(predictor.model_copy(update=known))
        forces.append(predicted)
    bar = _bar(metal, predictors)
    if bar is not None:
        predictors = [
            one
            if place == bar or one.score is None
            else one.model_copy(
                update={"difference": difference(events, forces[place], forces[bar], bootstrap)}
            )
            for place, one in enumerate(predictors)
        ]
    recipe = metal.truth[0].recipe if metal.truth else None
    return RareEventMetal(
        element=element,
        dataset_id=found["dataset_id"],
        source=found["source"],
        event_dataset_id=metal.wired["set"]["dataset_id"],
        recipe_id=None if recipe is None else recipe.id,
        recipe_name=None if recipe is None else recipe_name(recipe),
        runs=tuple(SearchedRun(**one) for one in found["runs"]),
        frames=rows,
        n_unlabelled=len(found["frames"]) - len(rows),
        predictors=tuple(predictors),
        bar=bar,
        no_bar=NO_BAR if bar is None else None,
        undefined=undefined_because(found, has_events=bool(events.of_events)),
    )


def _models(
    archive: Archive, metal: _Metal, events: EventSet, gap_fs: float, bootstrap: Bootstrap
) -> Iterator[tuple[Predictor, Forces, dict[str, Any]]]:
    frames = {one.id: one.frame_id for one in metal.truth}
    for one in metal.wired["models"]:
        model = archive.get(Model, one["model_id"]) if one["model_id"] else None
        name = "model" if model is None else model.trainer
        if one["evaluation_id"] is None or model is None:
            yield (
                Predictor(kind="model", id=one["model_id"], name=name, failure=one["failure"]),
                {},
                {},
            )
            continue
        predicted = predicted_forces(archive, one["evaluation_id"], frames)
        apart = unseen_events(archive, model, events.of_events, gap_fs)
        said = {
            "evaluation_id": one["evaluation_id"],
            "unseen": score(events.only(apart), predicted, bootstrap),
        }
        yield _predictor("model", model.id, name, events, predicted, bootstrap), predicted, said


def _labels(
    metal: _Metal, events: EventSet, bootstrap: Bootstrap
) -> Iterator[tuple[Predictor, Forces, dict[str, Any]]]:
    names = [recipe_name(some[0].recipe) for some in (metal.truth, *metal.others.values()) if some]
    for key, labels in metal.others.items():
        predicted = {one.frame_id: np.asarray(one.forces, float) for one in labels}
        name = recipe_name(labels[0].recipe)
        # Runs and the bar may both have one k-point, with another offset or cutoff.
        name += f" {key[:8]}" if names.count(name) > 1 else ""
        yield _predictor("labels", key, name, events, predicted, bootstrap), predicted, {}


def _predictor(
    kind: str, key: str, name: str, events: EventSet, predicted: Forces, bootstrap: Bootstrap
) -> Predictor:
    quiet = [one for one in events.rows if not one.re_atoms]
    return Predictor(
        kind="model" if kind == "model" else "labels",
        id=key,
        name=name,
        n_failed_frames=sum(one.frame_id not in predicted for one in events.rows),
        score=score(events, predicted, bootstrap),
        force_rmse_events_eV_per_A=force_rmse(events.of_events, events.truth, predicted),
        force_rmse_quiet_eV_per_A=force_rmse(quiet, events.truth, predicted),
        **curves(events, predicted),
    )


def _bar(metal: _Metal, predictors: Sequence[Predictor]) -> int | None:
    """Choose the bar: the cheap labels that were asked for, or the ones of the coarsest mesh."""
    places = {one.id: place for place, one in enumerate(predictors) if one.kind == "labels"}
    for recipe in metal.wired["cheap"]:
        if recipe in places:
            return places[recipe]
    true = metal.truth[0].recipe.kmesh if metal.truth else None
    if true is None:
        return None
    meshes = {key: labels[0].recipe.kmesh for key, labels in metal.others.items()}
    coarser = {
        key: int(np.prod(mesh))
        for key, mesh in meshes.items()
        if mesh is not None and np.prod(mesh) < np.prod(true)
    }
    return places[min(coarser, key=lambda key: (coarser[key], key))] if coarser else None
