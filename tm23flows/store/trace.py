"""The past of a document, back to the structure it started from.

Owns which document comes from which, and the report of what is missing on the
way. A parent that was deleted is named, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.store.collections import COLLECTIONS, collection_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SHOWN_PER_LEVEL = 3
"""A dataset has thousands of labels; a trace shows the first few and counts the rest."""


@dataclass(frozen=True)
class Ancestor:
    """One document of a trace, in short."""

    id: str
    summary: dict[str, Any]
    software: dict[str, str]
    inputs_sha256: str
    inputs: dict[str, Any]
    created: str


@dataclass(frozen=True)
class Level:
    """All ancestors that are the same noun."""

    collection: str
    count: int
    shown: list[Ancestor]
    missing: list[str]
    missing_blobs: list[str]
    rootless: list[str]
    """Documents without a parent that are neither structures nor imports."""


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
            "levels": [asdict(x) for x in self.levels],
        }


PARENTS: dict[str, dict[str, Callable[[dict[str, Any]], list[str]]]] = {
    "evaluations": {
        "models": lambda d: [d["model_id"]],
        "datasets": lambda d: [d["dataset_id"]],
    },
    "models": {"datasets": lambda d: [d["dataset_id"]]},
    "datasets": {"labels": lambda d: list(Dataset.from_stored(d).label_ids)},
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


def trace(archive: Archive, document_id: str) -> Trace:
    """Follow a document back to its structure.

    Parameters
    ----------
    archive
        The archive.
    document_id
        Id of any document, or the beginning of it.

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
        level, parents = _level(archive, collection, ids)
        result.levels.append(level)
        for name, more in parents.items():
            wanted.setdefault(name, []).extend(more)
    return result


def _level(archive: Archive, collection: str, ids: list[str]) -> tuple[Level, dict[str, list[str]]]:
    drop_arrays = {"forces": 0, "stress": 0, "positions": 0, "numbers": 0, "history": 0}
    stored = {
        one["_id"]: one
        for one in archive.database[collection].find({"_id": {"$in": ids}}, drop_arrays)
    }
    parents: dict[str, list[str]] = {}
    rootless = []
    for one in stored.values():
        above = {name: of(one) for name, of in PARENTS[collection].items()}
        for name, more in above.items():
            parents.setdefault(name, []).extend(more)
        if collection != "structures" and not any(above.values()) and not one.get("origin"):
            rootless.append(one["_id"])
    blobs = [blob for one in stored.values() for blob in BLOBS_OF.get(collection, _none)(one)]
    level = Level(
        collection=collection,
        count=len(ids),
        shown=[_ancestor(stored[one]) for one in ids if one in stored][:SHOWN_PER_LEVEL],
        missing=[one for one in ids if one not in stored],
        missing_blobs=[blob for blob in blobs if not archive.blobs.has(blob)],
        rootless=rootless,
    )
    return level, parents


def _ancestor(stored: dict[str, Any]) -> Ancestor:
    past = stored["provenance"]
    summary = {name: stored[name] for name in SUMMARY_FIELDS if stored.get(name) is not None}
    if programs := _programs(stored):
        summary["programs"] = programs
    return Ancestor(
        id=stored["_id"],
        summary=summary,
        software=past["software"],
        inputs_sha256=past["inputs_sha256"],
        inputs=past["inputs"],
        created=past["created"].isoformat(),
    )


def _programs(stored: dict[str, Any]) -> list[str]:
    """Return the programs that ran, as their output names them, with what had to be corrected."""
    runs = [*stored.get("segments", ()), stored.get("effort") or {}]
    words = [one for run in runs for one in (run.get("program"), *run.get("corrections", ()))]
    return list(dict.fromkeys(word for word in words if word))


def _none(stored: dict[str, Any]) -> list[str]:
    del stored
    return []
