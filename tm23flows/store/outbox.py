"""Results that could not reach the database wait here, in files, and are not computed again.

Owns the files: one for each write that failed, BSON records that end with their own checksum. A
file is there whole or not at all. ``tm23 recover`` writes them into the archive and removes them.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tm23flows.documents.base import Document
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import Segment, Trajectory
from tm23flows.errors import DatabaseError, ResultsKeptError
from tm23flows.log import get_log
from tm23flows.settings import get_settings
from tm23flows.store.blobs import pack_arrays
from tm23flows.store.collections import COLLECTIONS, collection_of
from tm23flows.store.patience import patiently

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Done = TypeVar("Done")
Record = dict[str, Any]

SUFFIX = ".outbox"


@dataclass
class Recorder:
    """Takes writes as an archive does, and remembers them.

    It has the methods of an archive that write, and none that read.
    """

    records: list[Record] = field(default_factory=list)

    @property
    def blobs(self) -> Recorder:
        """Where blobs go: here too."""
        return self

    def put(self, *documents: Document | bytes) -> Any:
        """Remember documents, or the bytes of a blob; return the id of a blob."""
        key: str | None = None
        for one in documents:
            if isinstance(one, bytes):
                key = bytes_id(one)
                self.records.append({"do": "blob", "data": one})
            else:
                self.records.append(_record_of("put", one))
        return len(documents) if key is None else key

    def put_arrays(self, **arrays: np.ndarray) -> str:
        """Remember a blob of arrays; return its id."""
        return str(self.put(pack_arrays(arrays)))

    def record(self, outcomes: Iterable[Label | Rejection]) -> None:
        """Remember what became of labels."""
        self.records.extend(_record_of("record", one) for one in outcomes)

    def push_segment(self, trajectory_id: str, position: int, segment: Segment) -> bool:
        """Remember a segment."""
        self.records.append(
            {
                "do": "segment",
                "trajectory_id": trajectory_id,
                "position": position,
                "segment": segment.model_dump(),
            }
        )
        return True


def write_or_keep(archive: Archive, task: str, write: Callable[[Any], Done]) -> Done:
    """Write results, wait for a database that is away, and keep them if it does not come back.

    Parameters
    ----------
    archive
        The archive.
    task
        Id of the task, for the name of the file.
    write
        Writes to what it is given: the archive, or a :class:`Recorder`. It is called again after
        a failure, so it must not consume anything.

    Returns
    -------
    What it returns.

    Raises
    ------
    ResultsKeptError
        If they had to be kept.
    """
    from pymongo.errors import ConnectionFailure

    settings = get_settings()
    try:
        return patiently(lambda: write(archive), settings.database_patience_s)
    except ConnectionFailure as error:
        recorder = Recorder()
        write(recorder)
        path = keep(settings.outbox.expanduser(), task, archive.database.name, recorder.records)
        get_log().error("results.kept", task=task, file=str(path), records=len(recorder.records))
        raise ResultsKeptError(
            f"The database was away for {settings.database_patience_s:g} s; the results are in "
            f"{path}. When it is back, 'tm23 recover' takes them in and runs the job on."
        ) from error


def keep(folder: Path, task: str, database: str, records: list[Record]) -> Path:
    """Write records to a file of the outbox.

    Parameters
    ----------
    folder
        The outbox; it is made.
    task
        Id of the task.
    database
        Name of the database that they are for.
    records
        What was to be written, in order.

    Returns
    -------
    The file, which is on the disk now.
    """
    import bson

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    body = b"".join(bson.encode(one) for one in [{"database": database, "task": task}, *records])
    digest = hashlib.sha256(body).hexdigest()
    path = folder / f"{task[:16]}-{digest[:16]}{SUFFIX}"
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(body + bson.encode({"end": digest}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    return path


def pending(folder: Path) -> list[Path]:
    """List the files of an outbox, the oldest first.

    Parameters
    ----------
    folder
        The outbox.

    Returns
    -------
    The files; none if there is no such folder.
    """
    ages = {}
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # a recovery was faster
            ages[path] = path.stat().st_mtime_ns
    return sorted(ages, key=lambda path: (ages[path], path.name))


def database_of(path: Path) -> str:
    """Return the name of the database that a file of the outbox is for.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The name.

    Raises
    ------
    DatabaseError
        If the file is not whole.
    """
    return str(next(_read(path))["database"])


def contents(path: Path) -> Iterator[Record]:
    """Yield the records of a file of the outbox.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    What is to be written, in order.

    Raises
    ------
    DatabaseError
        If the file is not whole.
    """
    records = _read(path)
    next(records)
    yield from records


def commit(archive: Archive, path: Path) -> int:
    """Write a file of the outbox into the archive, and remove it.

    Doing it twice, or after another worker computed the same, changes nothing. Steps of a run
    that went on past them elsewhere are left out.

    Parameters
    ----------
    archive
        The archive.
    path
        The file.

    Returns
    -------
    Number of records.

    Raises
    ------
    DatabaseError
        If the file is not whole, a record cannot be what it should be, or steps before it are
        missing in the archive; it stays then.
    """
    records = list(_read(path))[1:]
    for one in records:
        if one["do"] == "blob":
            archive.blobs.put(one["data"])
        elif one["do"] == "segment":
            _commit_segment(archive, path, one)
        else:
            document = archive.read(COLLECTIONS[one["collection"]], one["document"])
            if one["do"] == "record":
                assert isinstance(document, Label | Rejection)
                archive.record([document])
            else:
                archive.put(document)
    path.unlink()
    return len(records)


def _commit_segment(archive: Archive, path: Path, record: Record) -> None:
    trajectory_id, position = record["trajectory_id"], record["position"]
    segment = Segment.model_validate(record["segment"])
    if archive.push_segment(trajectory_id, position, segment):
        return
    there = len(archive.get(Trajectory, trajectory_id).segments)
    if there < position:
        raise DatabaseError(
            f"{path} of the outbox has steps from {segment.first_step} on of trajectory "
            f"{trajectory_id[:12]}, and the archive lacks steps before them; commit the files of "
            "other outboxes first, or delete this one and let its job run again."
        )
    get_log().warning("steps.superseded", trajectory=trajectory_id, first=segment.first_step)


def _record_of(do: str, document: Document) -> Record:
    stored = {**document.model_dump(), "_id": document.id}
    return {"do": do, "collection": collection_of(document), "document": stored}


def _read(path: Path) -> Iterator[Record]:
    """Yield the header and the records of a file whose checksum is right."""
    import bson

    data = path.read_bytes()
    end = bson.encode({"end": "0" * 64})
    body = data[: -len(end)]
    # Nothing is decoded before the checksum says that it is what was written.
    if not body or data != body + bson.encode({"end": hashlib.sha256(body).hexdigest()}):
        raise DatabaseError(
            f"{path} of the outbox is not whole, so it is left where it is: look at it, or delete "
            "it and let its job run again."
        )
    yield from bson.decode_file_iter(io.BytesIO(body))


def _sync_folder(folder: Path) -> None:
    """Bring the name of a new file to the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
