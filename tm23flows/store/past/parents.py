"""What each document was made from, and which blobs it names.

The only place that says how a stored document names its parents. Following them is the business
of :mod:`tm23flows.store.past.trace`, and down of :mod:`tm23flows.store.past.descendants`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.recipe import MODEL
from tm23flows.documents.study import PARENTS as STUDY_PARENTS
from tm23flows.store.datasets.large import folded_blobs

WITHOUT_ARRAYS = dict.fromkeys(("forces", "stress", "positions", "cell", "numbers", "history"), 0)
"""Fields that a trace does not need; a frame without its arrays is read many times faster."""


def _named(rows: list[dict[str, Any]], name: str) -> list[str]:
    """Return what the rows of a table name; gaps name nothing."""
    return [one[name] for one in rows if one.get(name)]


def _is_of_model(stored: dict[str, Any]) -> bool:
    return bool(stored["recipe"]["engine"] == MODEL)


def _parents_of_study(collection: str) -> Callable[[dict[str, Any]], list[str]]:
    return lambda stored: list(stored["parents"].get(collection, ()))


PARENTS: dict[str, dict[str, Callable[[dict[str, Any]], list[str]]]] = {
    "studies": {name: _parents_of_study(name) for name in STUDY_PARENTS},
    "grid_searches": {
        "evaluations": lambda d: _named(d["rows"], "evaluation_id"),
        "models": lambda d: _named(d["rows"], "model_id"),
        "datasets": lambda d: [d["dataset_id"]],
    },
    "learning_curves": {
        "evaluations": lambda d: _named(d["points"], "evaluation_id"),
        "models": lambda d: _named(d["points"], "model_id"),
        "datasets": lambda d: _named(d["points"], "dataset_id"),
    },
    "evaluations": {
        "models": lambda d: [d["model_id"]],
        "datasets": lambda d: [d["dataset_id"]],
    },
    "models": {"datasets": lambda d: [d["dataset_id"]] if d["dataset_id"] else []},
    "datasets": {
        "labels": lambda d: (
            [] if folded_blobs("datasets", d) else list(Dataset.from_stored(d).label_ids)
        )
    },
    "convergences": {"labels": lambda d: list(Convergence.from_stored(d).label_ids)},
    "labels": {"frames": lambda d: [d["frame_id"]]},
    "rejections": {"frames": lambda d: [d["frame_id"]]},
    "densities_of_states": {"frames": lambda d: [d["frame_id"]]},
    "elastic_constants": {"labels": lambda d: list(d["label_ids"])},
    "frames": {"trajectories": lambda d: [d["trajectory_id"]] if d["trajectory_id"] else []},
    "trajectories": {
        "structures": lambda d: [d["structure_id"]],
        "models": lambda d: [d["recipe"]["options"]["model"]] if _is_of_model(d) else [],
    },
    "structures": {},
}
"""Where each noun comes from: ids of its parents, by their collection."""

BLOBS_OF: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "trajectories": lambda d: [
        one[name] for one in d["segments"] for name in ("blob", "restart") if one.get(name)
    ],
    "datasets": lambda d: folded_blobs("datasets", d),
    "models": lambda d: [
        *(one["blob"] for one in d["files"]),
        *([d["full_history"]] if d.get("full_history") else []),
    ],
    "evaluations": lambda d: _named([d], "predictions") + _named([d], "reference"),
    "densities_of_states": lambda d: [d["spectrum"]],
}
"""Blobs that a noun names."""


ROOTS = ("structures", "elastic_constants", "models")
"""Nouns that need no parent: they say themselves which crystal they are of; a model without a
dataset is a calculator from elsewhere, which says what it is."""


def parents_of(collection: str, stored: dict[str, Any]) -> dict[str, list[str]]:
    """Return what a document was made from.

    Parameters
    ----------
    collection
        Its collection.
    stored
        Its fields; those of :data:`WITHOUT_ARRAYS` are not needed.

    Returns
    -------
    Ids by collection.
    """
    return {name: of(stored) for name, of in PARENTS[collection].items()}


def blobs_of(collection: str, stored: dict[str, Any]) -> list[str]:
    """Return the blobs that a document names.

    Parameters
    ----------
    collection
        Its collection.
    stored
        Its fields.

    Returns
    -------
    Ids of blobs.
    """
    return BLOBS_OF[collection](stored) if collection in BLOBS_OF else []


def is_rootless(collection: str, stored: dict[str, Any]) -> bool:
    """Say whether a document comes from nowhere: no parent, no structure and no import.

    Parameters
    ----------
    collection
        Its collection.
    stored
        Its fields.

    Returns
    -------
    True if it does.
    """
    if collection in ROOTS or stored.get("origin"):
        return False
    return not any(parents_of(collection, stored).values())
