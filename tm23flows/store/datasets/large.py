"""Datasets with so many labels that their ids do not belong into one document.

Owns the other form in which such a dataset is stored: the ids of each part in a blob that the
document names. A label costs 32 bytes, so the 81,000 of TM23 would be 2.6 MB, and ten times as
many would not fit into a document of MongoDB at all. Documents in memory never know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tm23flows.errors import DatabaseError, NotFoundError

if TYPE_CHECKING:
    from tm23flows.store.blobs import Blobs

Stored = dict[str, Any]

INLINE_BYTES = 500_000
"""Ids of up to 15,625 labels stay in the document, which then has less than 1 MB."""

COLLECTION = "datasets"


def fold(blobs: Blobs, collection: str, stored: Stored) -> Stored:
    """Put the ids of a large dataset into blobs.

    Parameters
    ----------
    blobs
        Where they go; they are stored before the document that names them.
    collection
        Collection of the document.
    stored
        Its fields, with ids as packed bytes.

    Returns
    -------
    The fields to store; the same ones for every other document.
    """
    if collection != COLLECTION or sum(map(len, stored["parts"].values())) <= INLINE_BYTES:
        return stored
    parts = {
        name: {"blob": blobs.put(ids), "n": len(ids) // 32} for name, ids in stored["parts"].items()
    }
    return {**stored, "parts": parts}


def unfold(blobs: Blobs, collection: str, stored: Stored) -> Stored:
    """Bring the ids of a large dataset back.

    Parameters
    ----------
    blobs
        Where they are.
    collection
        Collection of the document.
    stored
        The fields as the database holds them.

    Returns
    -------
    The fields with packed ids; the same ones for every other document.

    Raises
    ------
    NotFoundError
        If a blob is gone.
    DatabaseError
        If a blob is damaged.
    """
    if not folded_blobs(collection, stored):
        return stored
    parts = {
        name: blobs.get(part["blob"]) if isinstance(part, Mapping) else part
        for name, part in stored["parts"].items()
    }
    return {**stored, "parts": parts}


def unfold_what_is_there(blobs: Blobs, collection: str, stored: Stored) -> Stored:
    """Bring the ids of a large dataset back, for a reader that reports what is gone itself.

    Parameters
    ----------
    blobs
        Where they are.
    collection
        Collection of the document.
    stored
        The fields as the database holds them.

    Returns
    -------
    The fields with packed ids, or as they are if a blob is gone or damaged.
    """
    try:
        return unfold(blobs, collection, stored)
    except (NotFoundError, DatabaseError):
        return stored


def folded_blobs(collection: str, stored: Mapping[str, Any]) -> list[str]:
    """Return the blobs that hold the ids of a large dataset.

    Parameters
    ----------
    collection
        Collection of the document.
    stored
        Its fields.

    Returns
    -------
    Ids of blobs; none where the ids are in the document.
    """
    parts = stored.get("parts") if collection == COLLECTION else None
    if not isinstance(parts, Mapping):
        return []
    return [part["blob"] for part in parts.values() if isinstance(part, Mapping)]
