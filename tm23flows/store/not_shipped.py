"""Files of models that an archive does not have on purpose.

Owns the list. A dump can leave out the files of models; an archive that takes it in writes down
which ones, so that nobody takes them for lost. A file that comes later is taken off the list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tm23flows.store.batches import batched
from tm23flows.store.collections import NOT_SHIPPED

if TYPE_CHECKING:
    from pymongo.database import Database


def note_not_shipped(database: Database[dict[str, Any]], keys: Iterable[str]) -> None:
    """Write down blobs that are missing on purpose; doing it twice changes nothing.

    Parameters
    ----------
    database
        The database of the archive.
    keys
        Ids of the blobs.
    """
    from pymongo import UpdateOne

    for some in batched(keys):
        notes = [UpdateOne({"_id": key}, {"$setOnInsert": {"_id": key}}, True) for key in some]
        database[NOT_SHIPPED].bulk_write(notes, ordered=False)


def forget_shipped(database: Database[dict[str, Any]], keys: Iterable[str]) -> None:
    """Take blobs off the list, because they are there by now.

    Parameters
    ----------
    database
        The database of the archive.
    keys
        Ids of the blobs.
    """
    for some in batched(keys):
        database[NOT_SHIPPED].delete_many({"_id": {"$in": some}})


def not_shipped(database: Database[dict[str, Any]], keys: Iterable[str]) -> set[str]:
    """Say which blobs are on the list.

    Parameters
    ----------
    database
        The database of the archive.
    keys
        Ids to look for.

    Returns
    -------
    Those on the list. One that is on it may be in the archive nevertheless.
    """
    return {
        one["_id"]
        for some in batched(keys)
        for one in database[NOT_SHIPPED].find({"_id": {"$in": some}}, {"_id": 1})
    }
