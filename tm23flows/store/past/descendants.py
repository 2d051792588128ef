"""What was made from a document, down to evaluations, grid searches and learning curves.

Owns the way down. Children name their parents, so it follows indexed fields; datasets hold
their members as packed bytes, so those are read one by one and searched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.documents.study import PARENTS as STUDY_PARENTS
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, collection_of
from tm23flows.store.datasets.large import unfold
from tm23flows.store.past.parents import WITHOUT_ARRAYS, parents_of
from tm23flows.store.past.relatives import SHOWN_PER_LEVEL, Level, Trace, describe

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

NAMED_BY: dict[str, dict[str, str]] = {
    "trajectories": {"structures": "structure_id", "models": "recipe.options.model"},
    "frames": {"trajectories": "trajectory_id"},
    "labels": {"frames": "frame_id"},
    "rejections": {"frames": "frame_id"},
    "models": {"datasets": "dataset_id"},
    "evaluations": {"models": "model_id", "datasets": "dataset_id"},
    "grid_searches": {
        "evaluations": "rows.evaluation_id",
        "models": "rows.model_id",
        "datasets": "dataset_id",
    },
    "learning_curves": {
        "evaluations": "points.evaluation_id",
        "models": "points.model_id",
        "datasets": "points.dataset_id",
    },
    "densities_of_states": {"frames": "frame_id"},
    "studies": {name: f"parents.{name}" for name in STUDY_PARENTS},
}
"""Field by which a noun names its parents, by the collection of the parents; all are indexed."""

HOLD_LABELS = ("convergences", "datasets")
"""Nouns that are made from many labels and name them in a form that no index can search."""

ROAD_DOWN = tuple(COLLECTIONS)


def descendants(archive: Archive, document_id: str, shown: int | None = SHOWN_PER_LEVEL) -> Trace:
    """Follow a document down to everything that was made from it.

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
    The document itself, and then one level for each noun that has something of it. Parents
    that the archive lacks cannot be found from above: see :func:`tm23flows.store.past.trace.trace`.

    Raises
    ------
    NotFoundError
        If the document itself is not there.
    """
    start = archive.find(document_id)
    first = collection_of(start)
    found: dict[str, set[str]] = {first: {start.id}}
    fresh: dict[str, set[str]] = {first: {start.id}}
    # Once is enough, but for runs with a model: they come before it on the road.
    while fresh:
        reached = fresh
        fresh = {}
        for collection in ROAD_DOWN:
            ids = set(_children(archive, collection, reached)) - found.get(collection, set())
            if ids:
                found[collection] = found.get(collection, set()) | ids
                reached[collection] = reached.get(collection, set()) | ids
                if collection == "models":
                    fresh["models"] = ids
    return Trace(
        start.id,
        [_level(archive, name, found[name], shown) for name in ROAD_DOWN if name in found],
    )


def _children(archive: Archive, collection: str, found: dict[str, set[str]]) -> Iterator[str]:
    if collection in HOLD_LABELS:
        yield from _holders(archive, collection, found.get("labels", ()))
    for parent, name in NAMED_BY.get(collection, {}).items():
        for batch in batched(found.get(parent, ())):
            children = archive.database[collection].find({name: {"$in": batch}}, {"_id": 1})
            yield from (one["_id"] for one in children)


def _holders(archive: Archive, collection: str, labels: Collection[str]) -> Iterator[str]:
    """Yield the documents of which a label is a member."""
    if not labels:
        return
    members = MEMBERS[collection]
    wanted = {bytes.fromhex(one) for one in labels}
    for stored in archive.database[collection].find({}, WITHOUT_ARRAYS):
        if not wanted.isdisjoint(members(unfold(archive.blobs, collection, stored))):
            yield stored["_id"]


def _packed_members(stored: dict[str, Any]) -> Iterable[bytes]:
    """Yield the labels of a dataset as the 32 bytes that each is stored as."""
    for part in stored["parts"].values():
        yield from (part[place : place + 32] for place in range(0, len(part), 32))


def _compared_members(stored: dict[str, Any]) -> Iterable[bytes]:
    return [bytes.fromhex(one) for one in parents_of("convergences", stored)["labels"]]


MEMBERS: dict[str, Callable[[dict[str, Any]], Iterable[bytes]]] = {
    "convergences": _compared_members,
    "datasets": _packed_members,
}


def _level(archive: Archive, collection: str, ids: set[str], shown: int | None) -> Level:
    """Describe the first ones in the order of their ids, which is the same every time."""
    described = []
    for batch in batched(sorted(ids)[:shown]):
        found = archive.database[collection].find({"_id": {"$in": batch}}, WITHOUT_ARRAYS)
        stored = {one["_id"]: one for one in found}
        described += [describe(collection, stored[one]) for one in batch if one in stored]
    return Level(collection, len(ids), described)
