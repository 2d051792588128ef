"""The past of a document, back to the structure it started from.

Owns the way back, and the report of what is missing on it: a parent that was deleted is named,
never passed over. The way down is in :mod:`tm23flows.store.past.descendants`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, collection_of
from tm23flows.store.datasets.large import unfold_what_is_there
from tm23flows.store.not_shipped import not_shipped
from tm23flows.store.past.parents import WITHOUT_ARRAYS, blobs_of, is_rootless, parents_of
from tm23flows.store.past.relatives import SHOWN_PER_LEVEL, Level, Trace, describe

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

ROAD_BACK = [name for name in reversed(COLLECTIONS) if name != "rejections"]


ENOUGH = {
    "labels": {"frame_id": 1},
    "frames": {"trajectory_id": 1, "origin": 1},
}
"""Fields of the many, by which their parents are known; only what is shown is read whole."""


def trace(
    archive: Archive,
    document_id: str,
    shown: int | None = SHOWN_PER_LEVEL,
    closed: Collection[str] = (),
) -> Trace:
    """Follow a document back to its structure.

    Parameters
    ----------
    archive
        The archive.
    document_id
        Id of any document, or the beginning of it.
    shown
        Documents to describe of each noun, the others are counted; None for all.
    closed
        Collections whose documents are looked at and not followed, such as ``datasets``, of
        which one trace serves all models.

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
    seen: set[str] = set()
    # Once is enough, but for runs with a model: its own past begins above them.
    while wanted:
        for collection in road:
            ids = [one for one in dict.fromkeys(wanted.pop(collection, [])) if one not in seen]
            if not ids:
                continue
            seen.update(ids)
            level, parents = _level(archive, collection, ids, shown, collection not in closed)
            result.levels.append(level)
            for name, more in parents.items():
                wanted.setdefault(name, []).extend(more)
    return result


def _level(
    archive: Archive, collection: str, ids: list[str], shown: int | None, follow: bool
) -> tuple[Level, dict[str, list[str]]]:
    """Look at one noun, batch by batch: a dataset has more labels than fit into one question."""
    level = Level(collection, len(ids), [])
    parents: dict[str, list[str]] = {}
    for batch in batched(ids):
        stored = _read(archive, collection, batch, None if shown is None else batch[:shown])
        level.missing.extend(one for one in batch if one not in stored)
        for one in (stored[key] for key in batch if key in stored):
            if follow:
                for name, more in parents_of(collection, one).items():
                    parents.setdefault(name, []).extend(more)
                if is_rootless(collection, one):
                    level.rootless.append(one["_id"])
            is_whole = "provenance" in one
            if is_whole and (shown is None or len(level.shown) < shown):
                level.shown.append(describe(collection, one))
            blobs = [blob for blob in blobs_of(collection, one) if not archive.blobs.has(blob)]
            # What was left out on purpose is not missing.
            known = not_shipped(archive.database, blobs)
            level.missing_blobs.extend(blob for blob in blobs if blob not in known)
    return level, parents


def _read(
    archive: Archive, collection: str, ids: list[str], whole: list[str] | None
) -> dict[str, dict[str, Any]]:
    """Read documents without their arrays; of the many only what names their parents."""
    wanted = [(ids, WITHOUT_ARRAYS)]
    if collection in ENOUGH and whole is not None:
        wanted = [(ids, ENOUGH[collection]), (whole, WITHOUT_ARRAYS)]
    return {
        one["_id"]: unfold_what_is_there(archive.blobs, collection, one)
        for some, fields in wanted
        for one in archive.database[collection].find({"_id": {"$in": some}}, fields)
    }
