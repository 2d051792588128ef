"""The journal: what makes an acknowledged write survive.

Owns the append-only file of post-images: its lock, appending, forcing to disk in
groups, and rewriting it without garbage. Operations are written as they were done,
with final ``_id`` and times, never as commands. It holds no documents; replaying
the operations is the catalog's work (`replay.py`).
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson.raw_bson import RawBSONDocument

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded import journal_format
from tm23flows.store.embedded.wire import CODEC

_RAW = CODEC.with_options(document_class=RawBSONDocument)
_LOCK_PATIENCE_S = 0.5


class Journal:
    """One open journal file.

    Parameters
    ----------
    directory
        Folder of the database; made when missing.
    fsync
        Whether `sync` forces the data to the disk (survives a power cut) or
        only to the operating system (survives a killed server).
    """

    def __init__(self, directory: Path, *, fsync: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "journal"
        self.size = 0
        self.version = journal_format.VERSION
        self.payload_bytes = 0  # of all records, before they are packed
        self.dropped_bytes = 0
        self.not_below = 0  # size below which compaction is not tried again, bytes
        self._fsync = fsync
        self._written = 0
        self._synced = 0
        self._sync_lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._lock = _take_lock(directory / "lock")

    def read(self) -> Iterator[list[RawBSONDocument]]:
        """Yield the operations of each record, then make the file ready to append.

        Raises
        ------
        DatabaseError
            When the file is of another version or damaged before its tail; it
            is left unchanged then.
        """
        if not self.path.exists() or self.path.stat().st_size == 0:
            self.rewrite(())
            return
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as data,
        ):
            version = journal_format.check_header(data, self.path)
            scan = journal_format.Scan(data, self.path)
            if version:
                self.version = version
                for content in scan:
                    payload = journal_format.unpack(content, version, self.path)
                    self.payload_bytes += len(payload)
                    yield bson.decode(payload, _RAW)["ops"]
            total = len(data)
            self.dropped_bytes = total - scan.end if version else total
        if not version:
            self.rewrite(())
            return
        self._open_at(scan.end)

    def append(self, operations: list[dict[str, Any]]) -> int:
        """Write one record.

        Parameters
        ----------
        operations
            What one command did.

        Returns
        -------
            Ticket for `sync`.

        Raises
        ------
        OSError
            When the file cannot be written; the server must stop then.
        """
        payload = _payload(operations)
        content = journal_format.pack(payload, self.version)
        record = journal_format.frame(content, self.size)
        assert self._file is not None
        rest = memoryview(record)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.size += len(record)
        self.payload_bytes += len(payload)
        self._written += 1
        return self._written

    def sync(self, ticket: int) -> None:
        """Return when the record behind a ticket is safe; one fsync serves all waiting."""
        with self._sync_lock:
            if self._synced >= ticket or self._file is None:
                return
            written = self._written
            if self._fsync:
                os.fdatasync(self._file.fileno())
            self._synced = written

    def rewrite(self, records: Iterable[list[dict[str, Any]]]) -> None:
        """Replace the file by one that holds just these records, in one step.

        Parameters
        ----------
        records
            Operations that rebuild the present state.
        """
        part = self.path.with_name(self.path.name + ".part")
        with self._sync_lock:
            try:
                size, payload_bytes = _write_whole(part, records)
                # Opened before the swap, so that no failure can leave us on the old file.
                fresh = part.open("r+b", buffering=0)
                part.replace(self.path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
            fresh.seek(size)
            if self._file is not None:
                self._file.close()
            self._file, self.size, self._synced = fresh, size, self._written
            self.payload_bytes, self.version = payload_bytes, journal_format.VERSION
            _sync_directory(self.path.parent)

    def close(self) -> None:
        """Force everything to disk, close the file and give the lock back."""
        with self._sync_lock:
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()
                self._file = None
        os.close(self._lock)

    def _open_at(self, end: int) -> None:
        # Unbuffered: a record is with the operating system before anybody is told.
        self._file = self.path.open("r+b", buffering=0)
        if self._file.seek(0, os.SEEK_END) != end:
            self._file.truncate(end)
            self._file.seek(end)
            os.fsync(self._file.fileno())
        self.size = end


def _write_whole(path: Path, records: Iterable[list[dict[str, Any]]]) -> tuple[int, int]:
    """Write a new journal file, forced to disk; return its size and that of the payloads."""
    payload_bytes = 0
    with path.open("wb") as file:
        size = file.write(journal_format.HEADER)
        for operations in records:
            payload = _payload(operations)
            payload_bytes += len(payload)
            content = journal_format.pack(payload, journal_format.VERSION)
            size += file.write(journal_format.frame(content, size))
        file.flush()
        os.fsync(file.fileno())
    return size, payload_bytes


def _payload(operations: list[dict[str, Any]]) -> bytes:
    return bson.encode({"ops": operations}, codec_options=CODEC)


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            os.close(descriptor)
            raise DatabaseError(
                f"The database in {path.parent} is in use by another server; stop that one with "
                "`tm23 db stop`, or use another --path."
            ) from error
        return descriptor


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
