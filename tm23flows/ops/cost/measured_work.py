"""What runs in the archive have cost: rows for the laws of cost, and the actual side of a plan.

Owns the reading. Time is counted in seconds of one core, so runs with other numbers of cores can
be compared; how well a program scales is in the scatter. A training has one worker, whatever it
has: its seconds are those of the clock. What was imported, or stored before effort was
kept, has no account and is not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from tm23flows.documents.arrays import decode_array
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.effort import Effort
from tm23flows.documents.recipe import MODEL, Recipe
from tm23flows.ops.cost.measured import Measured
from tm23flows.ops.cost.work import (
    EPOCH,
    LABEL,
    PREDICTION,
    STEP,
    Kind,
    calculation_kind,
    calculation_sizes,
    training_kind,
)
from tm23flows.store.blobs import BLOBS

if TYPE_CHECKING:
    import numpy as np

    from tm23flows.store.archive import Archive

SERIAL = ("gpaw",)
"""Programs on one core, for which a time on the clock is one of a core."""


def measured_work(archive: Archive, metals: Iterable[str] | None = None) -> list[Measured]:
    """Read what was done and what it cost.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only of these; all by default.

    Returns
    -------
    One row for each kind, metal and recipe.
    """
    wanted = None if metals is None else set(metals)
    rows = [*_steps(archive), *_labels(archive), *_models(archive), *_predictions(archive)]
    return [one for one in rows if wanted is None or one.metal in wanted]


def _steps(archive: Archive) -> Iterator[Measured]:
    rows: dict[tuple[str, str, str], Measured] = {}
    trainers = {one["_id"]: one["trainer"] for one in _find(archive, "models", "trainer")}
    cells = _cells(archive)
    fields = ("element", "recipe", "structure_id", "segments")
    for run in _find(archive, "trajectories", *fields):
        recipe = run["recipe"]
        kind = calculation_kind(recipe, STEP, trainers.get(recipe["options"].get("model")))
        key = (run["element"], Recipe(**recipe).id, run["structure_id"])
        if key not in rows:
            rows[key] = Measured(kind, run["element"])
            if run["structure_id"] in cells:
                rows[key].sizes = calculation_sizes(
                    run["element"], *cells[run["structure_id"]], recipe
                )
        for effort, steps in _segments(archive, run):
            rows[key].add(effort, steps)
    return iter(rows.values())


def _segments(archive: Archive, run: dict[str, Any]) -> Iterator[tuple[Effort, int]]:
    """Yield accounts of segments and their steps."""
    segments = run["segments"]
    guess = None
    if segments and not any(one.get("effort") for one in segments):
        guess = _seconds_between_writes(archive, run)
    engine = run["recipe"]["engine"]
    for one in segments:
        steps = one["last_step"] - one["first_step"] + 1
        effort = Effort(**(one.get("effort") or {}))
        if effort.core_s is None and effort.wall_s and engine.startswith(MODEL):
            effort = effort.model_copy(update={"cores": 1})
        if guess is not None:
            effort = Effort(wall_s=guess * steps, cores=1)
        yield effort, steps


def _seconds_between_writes(archive: Archive, run: dict[str, Any]) -> float | None:
    """Return the seconds per step of a run without accounts, from when its blobs were written.

    The median over its segments, so that interruptions do not count. Only where a worker
    has one core and a segment takes much longer than its write.
    """
    if run["recipe"]["engine"] not in SERIAL:
        return None
    keys = [one["blob"] for one in run["segments"]]
    files = archive.database[BLOBS].files.find({"_id": {"$in": keys}}, {"uploadDate": 1})
    written = {one["_id"]: one["uploadDate"] for one in files}
    gaps = [
        (written[after["blob"]] - written[before["blob"]]).total_seconds()
        / (after["last_step"] - after["first_step"] + 1)
        for before, after in pairwise(run["segments"])
        if before["blob"] in written and after["blob"] in written
    ]
    return median(gaps) if gaps and median(gaps) > 0 else None


def _labels(archive: Archive) -> Iterator[Measured]:
    rows: dict[tuple[str, str, int], Measured] = {}
    fields = ("element", "recipe_id", "frame_id", "n_atoms", "effort")
    for one in _find(archive, "labels", *fields):
        effort = Effort(**(one.get("effort") or {}))
        if effort.core_s is None and effort.wall_s is None:
            continue  # of a step of a run, or imported
        key = (one["element"], one["recipe_id"], one["n_atoms"])
        if key not in rows:
            rows[key] = _label_row(archive, one)
        rows[key].add(effort)
    of_recipe: dict[tuple[str, str], Measured] = {key[:2]: row for key, row in rows.items()}
    for one in _find(archive, "rejections", "frame_id", "recipe", "effort"):
        recipe = Recipe(**one["recipe"])
        frame = archive.database["frames"].find_one({"_id": one["frame_id"]}, {"element": 1})
        if frame is None:
            continue
        key = (frame["element"], recipe.id)
        if key not in of_recipe:
            kind = calculation_kind(one["recipe"], LABEL)
            of_recipe[key] = Measured(kind, frame["element"])
        of_recipe[key].rejected += 1
        spent = Effort(**(one.get("effort") or {})).core_s
        of_recipe[key].rejected_core_s += spent or 0.0
    alone = [row for key, row in of_recipe.items() if not any(k[:2] == key for k in rows)]
    return iter([*rows.values(), *alone])


def _label_row(archive: Archive, label: dict[str, Any]) -> Measured:
    recipe = archive.recipes.of(label["recipe_id"]).model_dump(mode="json")
    row = Measured(calculation_kind(recipe, LABEL), label["element"])
    frame = archive.database["frames"].find_one({"_id": label["frame_id"]})
    if frame is not None:
        cell = decode_array(frame["cell"])
        row.sizes = calculation_sizes(label["element"], label["n_atoms"], cell, recipe)
    return row


def _models(archive: Archive) -> Iterator[Measured]:
    fields = ("trainer", "hyperparameters", "dataset_id", "part", "summary", "wall_s")
    facts = _DatasetFacts(archive)
    for one in _find(archive, "models", *fields):
        if one["dataset_id"] is None:
            continue
        summary = one.get("summary") or {}
        kind = training_kind(one["trainer"], one["hyperparameters"])
        element, n_atoms, frames = facts(one["dataset_id"])
        sizes = {"atoms": n_atoms, "frames": float(frames.get(one.get("part", "train"), 0))}
        row = Measured(kind, element, sizes)
        units = int(summary.get("epochs") or 0) if kind.unit == EPOCH else 1
        wall_s = max(float(summary.get("elapsed_s") or 0), float(one["wall_s"]))
        if units:
            row.add(Effort(wall_s=wall_s, cores=1), units)
        yield row


def _predictions(archive: Archive) -> Iterator[Measured]:
    trainers = {one["_id"]: one["trainer"] for one in _find(archive, "models", "trainer")}
    facts = _DatasetFacts(archive)
    for one in _find(archive, "evaluations", "model_id", "dataset_id", "errors", "effort"):
        kind = Kind(trainers.get(one["model_id"], "unknown"), PREDICTION)
        element, n_atoms, _ = facts(one["dataset_id"])
        row = Measured(kind, element, {"atoms": n_atoms})
        effort = Effort(**(one.get("effort") or {}))
        if effort.wall_s is not None:
            effort = effort.model_copy(update={"cores": 1})
        row.add(effort, sum(group["n_frames"] for group in one["errors"][:1]))
        yield row


class _DatasetFacts:
    """Metal, number of atoms and frames of each part of datasets, each looked up once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: dict[str, tuple[str, float, dict[str, int]]] = {}

    def __call__(self, dataset_id: str) -> tuple[str, float, dict[str, int]]:
        if dataset_id not in self._known:
            dataset = self._archive.get(Dataset, dataset_id)
            first = next((ids[0] for ids in dataset.parts.values() if ids), None)
            label = self._archive.database["labels"].find_one({"_id": first}, {"n_atoms": 1})
            frames = {name: len(ids) for name, ids in dataset.parts.items()}
            n_atoms = float((label or {}).get("n_atoms", 0))
            self._known[dataset_id] = (dataset.element, n_atoms, frames)
        return self._known[dataset_id]


def _cells(archive: Archive) -> dict[str, tuple[int, np.ndarray]]:
    """Return number of atoms and cell of each structure."""
    return {
        one["_id"]: (len(decode_array(one["numbers"])), decode_array(one["cell"]))
        for one in _find(archive, "structures", "numbers", "cell")
    }


def _find(archive: Archive, collection: str, *fields: str) -> Iterator[dict[str, Any]]:
    return iter(archive.database[collection].find({}, dict.fromkeys(fields, 1)))
