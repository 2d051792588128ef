"""The audit of blobs (I2): what is too large for documents.

Owns the reading of every blob that a document names, one at a time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.trajectory import SEGMENT_ARRAYS
from tm23flows.errors import DatabaseError, NotFoundError
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.ops.moments import moment, server_now
from tm23flows.ops.recovery.sweep import useless_checkpoints
from tm23flows.store.collections import BLOBS
from tm23flows.store.not_shipped import not_shipped
from tm23flows.store.past.parents import BLOBS_OF, WITHOUT_ARRAYS, blobs_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

GRACE = timedelta(days=1)
"""A blob without a document may belong to one that is about to be written."""

SWEEP = "tm23 recover --sweep"

INTEGERS = {"step", "scf_iterations", "converged"}
AGAIN = "or delete the document and run its workflow again"

Stored = dict[str, Any]


def check_blobs(ledger: Ledger, archive: Archive) -> None:
    """Read every blob that a document names, and count those that none does.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it is changed.
    """
    named: set[str] = set()
    files: set[str] = set()
    for collection in BLOBS_OF:
        for stored in archive.database[collection].find({}, WITHOUT_ARRAYS).sort("_id", 1):
            keys = _blobs_of(collection, stored)
            if collection == "models":
                absent = _left_out(archive, stored)
                files |= absent
                keys = [key for key in keys if key not in absent]
            ledger.checked("I2", len(set(keys) - named), "blobs")
            for key in keys:
                ledger.add(_whole(archive, collection, stored, key, known=key in named))
                named.add(key)
    if files:
        ledger.note(
            "I2", f"{len(files)} files of models were left out when these models came here, on "
            "purpose: nothing is damaged, and those models predict nothing"
        )  # fmt: skip
    _count_the_others(ledger, archive, named | files)


def _left_out(archive: Archive, stored: Stored) -> set[str]:
    """Return the files of a model that are not there on purpose."""
    keys = {one["blob"] for one in stored.get("files", ()) if isinstance(one, dict)}
    return not_shipped(archive.database, keys) - set(archive.blobs.lengths(keys))


def _blobs_of(collection: str, stored: Stored) -> list[str]:
    try:
        return blobs_of(collection, stored)
    except (KeyError, TypeError, AttributeError):
        return []  # a document that cannot be read is the business of I3


def _whole(
    archive: Archive, collection: str, stored: Stored, key: str, *, known: bool
) -> Iterator[Violation]:
    def violation(what: str) -> Violation:
        fix = f"restore the blob from a backup, {AGAIN}"
        return Violation("I2", collection, str(stored["_id"]), what, fix)

    segments = {one["blob"] for one in stored.get("segments", ())}
    holds_arrays = key in segments or collection in ("evaluations", "densities_of_states")
    try:
        if not holds_arrays:
            if not known:
                archive.blobs.get(key)
            return
        arrays = archive.blobs.get_arrays(key)
    except (NotFoundError, DatabaseError) as error:
        yield violation(f"{str(error).rstrip('.')}: {key}")
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        yield violation(f"its blob {key} holds no arrays: {error}")
    else:
        if key in segments:
            yield from (violation(f"its blob {key[:12]}: {what}") for what in _shapes(arrays))


def _shapes(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield what is wrong with names, types and shapes of the arrays of a segment."""
    if missing := sorted(set(SEGMENT_ARRAYS) - set(arrays)):
        yield f"{', '.join(missing)} missing"
        return
    m, n = len(arrays["step"]), arrays["positions"].shape[1:2]
    shapes = {
        **dict.fromkeys(SEGMENT_ARRAYS, (m,)),
        "positions": (m, *n, 3),
        "momenta": (m, 0, 3) if arrays["momenta"].shape[1:2] == (0,) else (m, *n, 3),
        "forces": (m, *n, 3),
        "stress": (m, 6),
        "thermostat": (m, *arrays["thermostat"].shape[1:2]),
    }
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape:
            yield f"{name} has shape {array.shape}, not {shape}"
        if array.dtype.kind not in ("iu" if name in INTEGERS else "f"):
            yield f"{name} is {array.dtype}"


def _count_the_others(ledger: Ledger, archive: Archive, named: set[str]) -> None:
    bucket = archive.database[BLOBS]
    cutoff = server_now(archive.database) - GRACE
    files: set[str] = set()
    others, old = 0, 0
    for one in bucket.files.find({}, {"uploadDate": 1}):
        files.add(one["_id"])
        if one["_id"] not in named:
            others += 1
            old += moment(one["uploadDate"]) < cutoff
    chunks = {one["files_id"] for one in bucket.chunks.find({}, {"files_id": 1})}
    if others:
        ledger.note(
            "I2", f"{others} blobs that no document names, {old} of them older than a day: left "
            f"by interrupted writes, they waste room and harm nothing: '{SWEEP}'"
        )  # fmt: skip
    if unfinished := chunks - files:
        ledger.note(
            "I2", f"{len(unfinished)} blobs that were begun and not finished; the next writer of "
            f"the same blob finishes it: '{SWEEP}'"
        )  # fmt: skip
    if useless := len(list(useless_checkpoints(archive))):
        ledger.note("I2", f"{useless} checkpoints that no training goes on from: '{SWEEP}'")
