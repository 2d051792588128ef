"""The jobs of a grid search: the errors of a point, and the choice between points.

Owns the way from models and evaluations to a grid search. A point's model is trained by
:mod:`tm23flows.jobs.model`, and what is trained with the chosen point is the business of
:mod:`tm23flows.jobs.chosen_model`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation, evaluation_id
from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.model import Wanted
from tm23flows.science.grid_choice import WORDS, Choice, choose
from tm23flows.science.grid_points import Edge, Point, edges, point_words
from tm23flows.store.trainings import list_trainings
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

NO_MODEL = "there is no model: its training failed, or did not run"
NO_ERRORS = "its model was not evaluated: that failed, or did not run"


@dataclass(frozen=True)
class Search:
    """What all points of a grid search have in common.

    Parameters
    ----------
    dataset_id
        Dataset on which points are compared.
    trainer
        Name of the trainer.
    fixed
        Hyperparameters that are the same at all points.
    seed
        Seed of all trainings.
    train_part, test_part
        Parts of the dataset.
    energy_reference
        How the energy MAV is referenced.
    """

    dataset_id: str
    trainer: str
    fixed: dict[str, Any]
    seed: int
    train_part: str
    test_part: str
    energy_reference: str

    def model_id(self, point: Point) -> str:
        """Return the id that the model of a point has.

        Parameters
        ----------
        point
            The point.

        Returns
        -------
        The id.
        """
        settings = get_trainer(self.trainer).hyperparameters(**self.fixed, **point)
        wanted = Wanted(self.dataset_id, self.trainer, settings, self.seed, self.train_part)
        return wanted.model_id


@job
def evaluate_point(
    model_id: str | None, dataset_id: str, part: str, energy_reference: str
) -> dict[str, Any]:
    """Evaluate the model of a point; a point without one is left out and fails nothing.

    Parameters
    ----------
    model_id
        The model, which may be missing all the same; None if its training failed.
    dataset_id
        The dataset.
    part
        Part of it to predict.
    energy_reference
        How the energy MAV is referenced.

    Returns
    -------
    As :func:`tm23flows.jobs.evaluation.evaluate_model`, with None where there is no model.

    Raises
    ------
    TrainingError
        If the prediction fails.
    """
    if model_id is None or not open_archive().existing(Model, [model_id]):
        return {"evaluation_id": None, "force_percent_error": None}
    return evaluate_model.original(model_id, dataset_id, part, energy_reference)


@job
def choose_point(
    search: dict[str, Any], points: list[Point], before: list[Any] | None = None
) -> dict[str, Any]:
    """Compare the points of a grid, store what was found and return the point to use.

    Parameters
    ----------
    search
        The fields of :class:`Search`.
    points
        The points.
    before
        What the jobs of the points returned. It only makes this one wait for them: models and
        evaluations are found by what they are made from, whoever made them.

    Returns
    -------
    ``grid_id``, ``model_id``, ``evaluation_id`` and ``force_percent_error`` of the chosen point,
    its ``hyperparameters``, and the ``reason``.

    Raises
    ------
    TrainingError
        If no point has a force error. Then the search is stored all the same.
    """
    del before
    archive = open_archive()
    made = make_grid_search(archive, Search(**search), points)
    archive.put(made)
    if made.best is None:
        raise TrainingError(f"{made.reason} Stored as {made.id[:12]}.")
    return {
        "grid_id": made.id,
        "model_id": made.best.model_id,
        "evaluation_id": made.best.evaluation_id,
        "force_percent_error": made.best.force_percent,
        "hyperparameters": made.hyperparameters,
        "reason": made.reason,
    }


def make_grid_search(archive: Archive, search: Search, points: Sequence[Point]) -> GridSearch:
    """Make the document from what the archive has of each point.

    Parameters
    ----------
    archive
        The archive.
    search
        What all points have in common.
    points
        The points.

    Returns
    -------
    The document, not stored.

    Raises
    ------
    NotFoundError
        If the dataset is not there.
    """
    rows = _rows(archive, search, points)
    choice = choose([row.score for row in rows])
    found = _edges(search, rows, choice)
    return GridSearch(
        provenance=Provenance.now(),
        trainer=search.trainer,
        element=archive.get(Dataset, search.dataset_id).element,
        dataset_id=search.dataset_id,
        train_part=search.train_part,
        test_part=search.test_part,
        energy_reference=search.energy_reference,
        seed=search.seed,
        fixed=search.fixed,
        rows=tuple(rows),
        chosen=choice.chosen,
        by_likelihood=choice.by_likelihood,
        by_validation=choice.by_validation,
        conflicts=choice.conflicts,
        at_edge={one.name: one.side for one in found},
        reason=" ".join(_sentences(rows, choice, found)),
    )


def _rows(archive: Archive, search: Search, points: Sequence[Point]) -> list[GridRow]:
    model_ids = [search.model_id(point) for point in points]
    keys = [
        evaluation_id(one, search.dataset_id, search.test_part, search.energy_reference)
        for one in model_ids
    ]
    trained, measured = archive.existing(Model, model_ids), archive.existing(Evaluation, keys)
    models = {one.id: one for one in archive.get_many(Model, sorted(trained))}
    errors = {one.id: one for one in archive.get_many(Evaluation, sorted(measured))}
    failures = {one.model_id: one for one in list_trainings(archive, "failed")}
    rows = []
    for point, model, key in zip(points, model_ids, keys, strict=True):
        failed = failures.get(model)
        reason = f"{failed.reason}: {failed.message}" if failed is not None else NO_MODEL
        rows.append(_row(point, models.get(model), errors.get(key), reason))
    return rows


def _row(point: Point, model: Model | None, evaluation: Evaluation | None, failure: str) -> GridRow:
    if model is None:
        return GridRow(point=point, failure=failure)
    fields: dict[str, Any] = {"failure": NO_ERRORS}
    if evaluation is not None:
        of_all = evaluation.errors[0]
        fields = {
            "evaluation_id": evaluation.id,
            "force_mae_eV_per_A": _finite(of_all.force.mae),
            "force_percent": _finite(of_all.force.percent),
            "energy_mae_eV_per_atom": _finite(of_all.energy.mae),
            "stress_mae_eV_per_A3": None if of_all.stress is None else _finite(of_all.stress.mae),
        }
        if fields["force_mae_eV_per_A"] is None:
            fields = {"failure": "its force error is not finite"}
    counts = {name: model.summary.get(name) for name in ("n_frames", "n_weights", "n_environments")}
    return GridRow(
        point=point,
        model_id=model.id,
        log_likelihood=_finite(model.summary.get("log_likelihood")),
        validation_force_mae_eV_per_A=_finite(model.summary.get("best_validation_force_mae")),
        wall_s=model.wall_s,
        **counts,
        **fields,
    )


def _finite(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if number else None


def _edges(search: Search, rows: Sequence[GridRow], choice: Choice) -> list[Edge]:
    """Return the edges of the chosen point behind which the trainer would take another value."""
    if choice.chosen is None:
        return []
    measured = [row.point for row in rows if row.failure is None]
    best = rows[choice.chosen].point
    return [one for one in edges(measured, measured.index(best)) if _is_taken(search, best, one)]


def _is_taken(search: Search, best: Point, edge: Edge) -> bool:
    try:
        wider = {**search.fixed, **best, edge.name: edge.beyond}
        get_trainer(search.trainer).hyperparameters(**wider)
    except InputError:
        return False
    return edge.beyond != edge.value


def _sentences(rows: Sequence[GridRow], choice: Choice, found: Sequence[Edge]) -> list[str]:
    failed = [row for row in rows if row.failure is not None]
    if choice.chosen is None:
        first = f"the first, {point_words(failed[0].point)}: {failed[0].failure}"
        return [f"None of {len(rows)} points of the grid has a force error; {first.rstrip('.')}."]
    best = rows[choice.chosen]
    done = len(rows) - len(failed)
    of = f"of {done} points" if done > 1 else "as the only point"
    least = f"{best.force_mae_eV_per_A:.4g} eV/A"
    said = [f"{point_words(best.point)} has the minimum force MAE {of}, {least}."]
    for one in choice.conflicts:
        cost = "" if one.cost_percent is None else f", {one.cost_percent:.2g} % more"
        said.append(
            f"The {WORDS[one.criterion]} prefers {point_words(rows[one.preferred].point)} "
            f"({one.preferred_value:.6g} against {one.chosen_value:.6g}), whose force MAE is "
            f"{one.preferred_mae_eV_per_A:.4g} eV/A{cost}; the minimum force MAE wins."
        )
    opinions = {"likelihood": choice.by_likelihood, "validation": choice.by_validation}
    said += [
        f"It has the {WORDS[criterion]}, too."
        for criterion, preferred in opinions.items()
        if preferred == choice.chosen
    ]
    if found:
        where = ", ".join(map(str, found))
        said.append(f"It lies at the edge ({where} that was measured): widen the grid there.")
    if failed:
        said.append(f"{len(failed)} of {len(rows)} points have no errors.")
    return [*said, *choice.notes]
