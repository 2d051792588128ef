"""Blobs that nothing names, and checkpoints that nobody goes on from.

Owns what may be deleted. A blob is written before the document that names it, so a worker that is
killed in between leaves one that nothing ever names. It wastes room and harms nothing, so it is
deleted only when it is asked for, and only when it is old by the server's clock: a worker that
wants a blob that is there already makes it young again
(:meth:`tm23flows.store.blobs.Blobs.put`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm23flows.documents.ids import bytes_id
from tm23flows.errors import DatabaseError, TM23Error
from tm23flows.ops.moments import moment, server_now
from tm23flows.ops.recovery.record import CHANGED, Mended, Work
from tm23flows.settings import get_settings
from tm23flows.store.collections import BLOBS, CHECKPOINTS, CLAIMS, TRAININGS
from tm23flows.store.outbox import contents, pending
from tm23flows.store.past.parents import BLOBS_OF, WITHOUT_ARRAYS, blobs_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

_ID = re.compile(r"\b[0-9a-f]{64}\b")


def sweep_blobs(work: Work) -> Iterator[Mended]:
    """Delete old blobs that nothing names, and old checkpoints of trainings that are done.

    Parameters
    ----------
    work
        Where, and what may be done.

    Yields
    ------
    One for each file.

    Raises
    ------
    DatabaseError
        If a document, or a file of the outbox, cannot be read: it may name any of them.
    """
    archive = work.archive
    cutoff = server_now(archive.database) - timedelta(seconds=work.grace_s)
    for bucket, files in (
        (BLOBS, list(unnamed_blobs(archive))),
        (CHECKPOINTS, list(useless_checkpoints(archive))),
    ):
        for one in files:
            if (written := moment(one.get("uploadDate"))) is None or written >= cutoff:
                continue
            what = f"{one.get('length', 0)} bytes that nothing names, written {written:%Y-%m-%d}"
            found = Mended("blobs", f"{bucket} {one['_id']}", what, "deleted")
            yield work.mend(found, lambda one=one, name=bucket: _delete(archive, name, one))
    for bucket in (BLOBS, CHECKPOINTS):
        for key, chunks in unfinished(archive, bucket, cutoff).items():
            what = f"{len(chunks)} pieces of a file that was never finished"
            found = Mended("blobs", f"{bucket} {key}", what, "deleted")
            yield work.mend(found, lambda name=bucket, ids=chunks: _drop(archive, name, ids))


def unnamed_blobs(archive: Archive) -> Iterator[dict[str, Any]]:
    """Find the blobs that nothing names.

    Parameters
    ----------
    archive
        The archive.

    Yields
    ------
    Their files, as GridFS stores them.

    Raises
    ------
    DatabaseError
        If something that may name a blob cannot be read.
    """
    # Files first: what is named later than this look was written later, too.
    files = list(archive.database[BLOBS].files.find({}, {"uploadDate": 1, "length": 1}))
    named = _named(archive)
    yield from (one for one in files if one["_id"] not in named)


def useless_checkpoints(archive: Archive) -> Iterator[dict[str, Any]]:
    """Find checkpoints of trainings that are done, or that nobody knows of.

    Parameters
    ----------
    archive
        The archive.

    Yields
    ------
    Their files, as GridFS stores them.
    """
    fields = {"uploadDate": 1, "length": 1, "model_id": 1}
    files = list(archive.database[CHECKPOINTS].files.find({}, fields))
    under_way = archive.database[TRAININGS].find({"state": {"$ne": "done"}}, {"_id": 1})
    wanted = {one["_id"] for one in under_way}
    yield from (one for one in files if one.get("model_id") not in wanted)


def unfinished(archive: Archive, bucket: str, cutoff: datetime) -> dict[str, list[Any]]:
    """Find pieces of files that were begun and never finished.

    Parameters
    ----------
    archive
        The archive.
    bucket
        Name of the bucket.
    cutoff
        Only files all of whose pieces are older.

    Returns
    -------
    Ids of the pieces by file.
    """
    chunks: dict[str, list[Any]] = {}
    young = set()
    for one in archive.database[bucket].chunks.find({}, {"files_id": 1}):
        chunks.setdefault(one["files_id"], []).append(one["_id"])
        begun = getattr(one["_id"], "generation_time", None)
        if begun is None or moment(begun) >= cutoff:
            young.add(one["files_id"])
    # Files last: one that was being written has its file by now.
    whole = set(archive.database[bucket].files.distinct("_id"))
    return {key: ids for key, ids in chunks.items() if key not in whole | young}


def _named(archive: Archive) -> set[str]:
    named = set()
    for collection in BLOBS_OF:
        for stored in archive.database[collection].find({}, WITHOUT_ARRAYS):
            try:
                named.update(blobs_of(collection, stored))
            except (KeyError, TypeError, AttributeError) as error:
                raise DatabaseError(
                    f"{stored['_id']} of {collection} cannot be read and may name any blob, so "
                    "nothing is deleted; mend it first ('tm23 audit --only I3')."
                ) from error
    for collection in (CLAIMS, TRAININGS):
        for stored in archive.database[collection].find():
            named.update(_ids_in(stored))
    for path in pending(get_settings().outbox.expanduser()):
        try:
            for record in contents(path):
                data = record.get("data")
                named.update([bytes_id(data)] if isinstance(data, bytes) else _ids_in(record))
        except (TM23Error, OSError) as error:
            raise DatabaseError(
                f"{path} cannot be read and may name any blob, so nothing is deleted; look at it "
                "first."
            ) from error
    return named


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _ID.findall(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _ids_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _ids_in(inner)


def _delete(archive: Archive, bucket: str, file: dict[str, Any]) -> str | None:
    stored = archive.database[bucket]
    chunks = [one["_id"] for one in stored.chunks.find({"files_id": file["_id"]}, {"_id": 1})]
    # A worker that wants it has made it young: then it stays. One that writes it anew afterwards
    # writes pieces that are not in this list.
    same = {"_id": file["_id"], "uploadDate": file["uploadDate"]}
    if not stored.files.delete_one(same).deleted_count:
        return CHANGED
    return _drop(archive, bucket, chunks)


def _drop(archive: Archive, bucket: str, chunks: Iterable[Any]) -> str | None:
    archive.database[bucket].chunks.delete_many({"_id": {"$in": list(chunks)}})
    return None
