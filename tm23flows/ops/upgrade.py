"""``tm23 db upgrade``: stored documents of older layouts, rewritten in today's.

Owns the rewriting. What a step changes is in :mod:`tm23flows.documents.upgrades`; reading
works without any of this, but a query can only find what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Document
from tm23flows.errors import DatabaseError, NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.datasets.large import fold

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

DOCUMENTS_AT_ONCE = 200

Stored = dict[str, Any]


@dataclass
class Upgrade:
    """What was rewritten, or would be.

    Parameters
    ----------
    done
        Number of documents by collection.
    unreadable
        Documents that no step makes readable; they are left as they are.
    """

    done: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def older_documents(archive: Archive) -> dict[str, int]:
    """Count the documents of older layouts.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Numbers by collection, of those that have any.

    Raises
    ------
    DatabaseError
        If there is a document of a newer layout.
    """
    _refuse_newer(archive)
    counts = {
        name: archive.database[name].count_documents(_older(noun))
        for name, noun in COLLECTIONS.items()
        if noun.LAYOUT > 1
    }
    return {name: number for name, number in counts.items() if number}


def upgrade(archive: Archive, tick: Callable[[str, int], None] | None = None) -> Upgrade:
    """Rewrite the documents of older layouts, batch by batch.

    An upgrade that was interrupted goes on where it was, and a second one finds nothing to do.
    Only fields that differ are written, each document at once and only while it still has the
    layout that was read: a run that grows meanwhile keeps its new segments.

    Parameters
    ----------
    archive
        The archive.
    tick
        Told after every batch which collection it was of, and how many documents it had.

    Returns
    -------
    What was rewritten.

    Raises
    ------
    DatabaseError
        If there is a document of a newer layout; nothing is rewritten then.
    """
    _refuse_newer(archive)
    result = Upgrade()
    for name, noun in COLLECTIONS.items():
        if noun.LAYOUT == 1:
            continue
        older = archive.database[name].find(_older(noun), batch_size=DOCUMENTS_AT_ONCE)
        for batch in batched(older.sort("_id", 1), DOCUMENTS_AT_ONCE):
            changed = _rewrite(archive, name, batch, result.unreadable)
            if changed:
                result.done[name] = result.done.get(name, 0) + changed
            if tick is not None:
                tick(name, len(batch))
    return result


def _older(noun: type[Document]) -> dict[str, Any]:
    return {"schema_version": {"$lt": noun.LAYOUT}}


def _refuse_newer(archive: Archive) -> None:
    for name, noun in COLLECTIONS.items():
        newer = {"schema_version": {"$gt": noun.LAYOUT}}
        stored = archive.database[name].find_one(newer, {"schema_version": 1})
        if stored is not None:
            raise DatabaseError(
                f"A newer tm23flows has written to this archive ({name} of layout "
                f"{stored['schema_version']}, this program knows {noun.LAYOUT}); install that one."
            )


def _rewrite(archive: Archive, name: str, batch: list[Stored], unreadable: list[str]) -> int:
    from pymongo import UpdateOne

    updates = []
    for stored in batch:
        try:
            change = upgraded_fields(archive, name, stored)
        except (DatabaseError, NotFoundError):
            unreadable.append(stored["_id"])
            continue
        still = {"_id": stored["_id"], "schema_version": stored["schema_version"]}
        updates.append(UpdateOne(still, change))
    if not updates:
        return 0
    return int(archive.database[name].bulk_write(updates, ordered=False).matched_count)


def upgraded_fields(archive: Archive, collection: str, stored: Stored) -> dict[str, Any]:
    """Say what has to change in a stored document.

    Parameters
    ----------
    archive
        The archive; a document that is too large by now gets blobs in it.
    collection
        Collection of the document.
    stored
        Its fields.

    Returns
    -------
    An update with ``$set``, and ``$unset`` where fields are gone. The provenance is never in it.

    Raises
    ------
    DatabaseError
        If the document cannot be read, or does not match its id.
    """
    import bson

    document = archive.read(COLLECTIONS[collection], stored)
    fields = fold(archive.blobs, collection, document.model_dump(exclude={"provenance"}))
    # As the database would give it back: tuples are lists there.
    wanted = bson.decode(bson.encode(fields))
    kept = {"_id", "provenance", *wanted}
    change: dict[str, Any] = {
        "$set": {key: value for key, value in wanted.items() if stored.get(key) != value}
    }
    if gone := [key for key in stored if key not in kept]:
        change["$unset"] = dict.fromkeys(gone, "")
    return change
