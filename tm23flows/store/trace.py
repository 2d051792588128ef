"""The past of a document, back to the structure it started from.

Owns which document comes from which, and the report of what is missing on the
way. A parent that was deleted is named, never passed over. The way down is in
:mod:`tm23flows.store.descendants`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, collection_of
from tm23flows.store.large_datasets import folded_blobs, unfold_what_is_there

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SHOWN_PER_LEVEL = 3
"""A dataset has thousands of labels; a trace shows the first few and counts the rest."""

WITHOUT_ARRAYS = dict.fromkeys(("forces", "stress", "positions", "cell", "numbers", "history"), 0)
"""Fields that a trace does not need; a frame without its arrays is read many times faster."""


@dataclass(frozen=True)
class Relative:
    """One document of a trace, in short."""

    id: str
    summary: dict[str, Any]
    software: dict[str, str]
    inputs_sha256: str
    inputs: dict[str, Any]
    created: str
    host: str
    parents: tuple[str, ...] = field(repr=False)
    """Ids of what it was made from; a dataset has thousands, so they are not in the JSON."""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, with the number of parents in their place."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "parents": len(self.parents)}


@dataclass(frozen=True)
class Level:
    """All relatives that are the same noun."""

    collection: str
    count: int
    shown: list[Relative]
    missing: list[str] = field(default_factory=list)
    missing_blobs: list[str] = field(default_factory=list)
    rootless: list[str] = field(default_factory=list)
    """Documents without a parent that are neither structures nor imports."""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "shown": [one.as_dict() for one in self.shown]}


@dataclass
class Trace:
    """The way from a document back to its structure, nearest first."""

    id: str
    levels: list[Level] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and every way reaches a structure or an import."""
        return not any(
            level.missing or level.missing_blobs or level.rootless for level in self.levels
        )

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "id": self.id,
            "complete": self.complete,
            "levels": [one.as_dict() for one in self.levels],
        }


PARENTS: dict[str, dict[str, Callable[[dict[str, Any]], list[str]]]] = {
    "evaluations": {
        "models": lambda d: [d["model_id"]],
        "datasets": lambda d: [d["dataset_id"]],
    },
    "models": {"datasets": lambda d: [d["dataset_id"]]},
    "datasets": {
        "labels": lambda d: (
            [] if folded_blobs("datasets", d) else list(Dataset.from_stored(d).label_ids)
        )
    },
    "convergences": {"labels": lambda d: list(Convergence.from_stored(d).label_ids)},
    "labels": {"frames": lambda d: [d["frame_id"]]},
    "rejections": {"frames": lambda d: [d["frame_id"]]},
    "frames": {"trajectories": lambda d: [d["trajectory_id"]] if d["trajectory_id"] else []},
    "trajectories": {"structures": lambda d: [d["structure_id"]]},
    "structures": {},
}
"""Where each noun comes from: ids of its parents, by their collection."""

BLOBS_OF: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "trajectories": lambda d: [
        one[name] for one in d["segments"] for name in ("blob", "restart") if one.get(name)
    ],
    "datasets": lambda d: folded_blobs("datasets", d),
    "models": lambda d: [one["blob"] for one in d["files"]],
    "evaluations": lambda d: [d["predictions"]],
}
"""Blobs that a noun names."""

ROAD_BACK = [name for name in reversed(COLLECTIONS) if name != "rejections"]

SUMMARY_FIELDS = (
    "element", "phase", "phase_source", "supercell_matrix", "vacancy_index", "vacancy_seed",
    "regime", "temperature_K", "step", "origin", "rule", "query", "trainer", "hyperparameters",
    "seed", "part", "dynamics", "recipe", "energies", "errors", "kmesh", "kmesh_offset",
    "converged", "reason", "effort",
)  # fmt: skip


def trace(archive: Archive, document_id: str, shown: int | None = SHOWN_PER_LEVEL) -> Trace:
    """Follow a document back to its structure.

    Parameters
    ----------
    archive
        The archive.
    document_id
        Id of any document, or the beginning of it.
    shown
        Documents to describe of each noun, the others are counted; None for all.

    Returns
    -------
    The way back, with everything that is missing on it.

    Raises
    ------
    NotFoundError
        If the document itself is not there.
    """
    start = archive.find(document_id)
    wanted: dict[str, list[str]] = {collection_of(start): [start.id]}
    result = Trace(start.id)
    road = ["rejections", *ROAD_BACK] if "rejections" in wanted else ROAD_BACK
    for collection in road:
        ids = list(dict.fromkeys(wanted.pop(collection, [])))
        if not ids:
            continue
        level, parents = _level(archive, collection, ids, shown)
        result.levels.append(level)
        for name, more in parents.items():
            wanted.setdefault(name, []).extend(more)
    return result


def _level(
    archive: Archive, collection: str, ids: list[str], shown: int | None
) -> tuple[Level, dict[str, list[str]]]:
    """Look at one noun, batch by batch: a dataset has more labels than fit into one question."""
    level = Level(collection, len(ids), [])
    parents: dict[str, list[str]] = {}
    for batch in batched(ids):
        found = archive.database[collection].find({"_id": {"$in": batch}}, WITHOUT_ARRAYS)
        stored = {one["_id"]: unfold_what_is_there(archive.blobs, collection, one) for one in found}
        level.missing.extend(one for one in batch if one not in stored)
        for one in (stored[key] for key in batch if key in stored):
            above = parents_of(collection, one)
            for name, more in above.items():
                parents.setdefault(name, []).extend(more)
            if is_rootless(collection, one):
                level.rootless.append(one["_id"])
            if shown is None or len(level.shown) < shown:
                level.shown.append(describe(collection, one))
            level.missing_blobs.extend(
                blob for blob in blobs_of(collection, one) if not archive.blobs.has(blob)
            )
    return level, parents


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
    if collection == "structures" or stored.get("origin"):
        return False
    return not any(parents_of(collection, stored).values())


def describe(collection: str, stored: dict[str, Any]) -> Relative:
    """Put a document into short words.

    Parameters
    ----------
    collection
        Its collection.
    stored
        Its fields.

    Returns
    -------
    What a trace shows of it.
    """
    past = stored["provenance"]
    summary = {name: stored[name] for name in SUMMARY_FIELDS if stored.get(name) is not None}
    if programs := _programs(stored):
        summary["programs"] = programs
    return Relative(
        id=stored["_id"],
        summary=summary,
        software=past["software"],
        inputs_sha256=past["inputs_sha256"],
        inputs=past["inputs"],
        created=past["created"].isoformat(),
        host=past["host"],
        parents=tuple(one for ids in parents_of(collection, stored).values() for one in ids),
    )


def _programs(stored: dict[str, Any]) -> list[str]:
    """Return the programs that ran, as their output names them, with what had to be corrected."""
    runs = [*stored.get("segments", ()), stored.get("effort") or {}]
    words = [one for run in runs for one in (run.get("program"), *run.get("corrections", ()))]
    return list(dict.fromkeys(word for word in words if word))
