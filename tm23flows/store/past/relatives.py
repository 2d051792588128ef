"""Documents of a trace, in short: level by level, with what is missing.

Owns what a trace shows of a document, whichever way it goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from tm23flows.store.past.parents import parents_of

SHOWN_PER_LEVEL = 3
"""A dataset has thousands of labels; a trace shows the first few and counts the rest."""

SUMMARY_FIELDS = (
    "element", "phase", "phase_source", "supercell_matrix", "vacancy_index", "vacancy_seed",
    "regime", "temperature_K", "step", "origin", "rule", "query", "trainer", "hyperparameters",
    "seed", "part", "dynamics", "recipe", "energies", "errors", "kmesh", "kmesh_offset",
    "converged", "l_max", "reason", "effort",
)  # fmt: skip


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
