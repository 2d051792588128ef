"""A whole archive to one file.

Owns the order of reading, which makes a dump consistent while workers write, and the writing. No
lock is needed: documents are only ever added, and each after its parents and its blobs. So
children are read first, and what they were made from is there whenever it is read later; where
nouns are each other's parents (runs with a model), what is missing is read once more.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from tm23flows._version import __version__
from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.exchange.dump_file import (
    MANIFEST,
    MEMBERS,
    Documents,
    DumpManifest,
    blob_name,
    documents_name,
)
from tm23flows.store.exchange.dump_members import Writer, member_writer
from tm23flows.store.exchange.dump_places import without_places
from tm23flows.store.exchange.manifest import NOT_STATED
from tm23flows.store.not_shipped import not_shipped
from tm23flows.store.past.parents import blobs_of, parents_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Stored = dict[str, Any]
Tick = Callable[[str, int], None]

DOCUMENTS_AT_ONCE = 100
FILES = "models"
"""Collection whose documents name files that may be left out."""


@dataclass(frozen=True)
class DumpOptions:
    """What a dump says of itself, and what is in it.

    Parameters
    ----------
    licence
        Licence of the data.
    citation
        What to cite.
    model_files
        Whether the files of models are in it; their documents always are.
    places
        Whether names of machines and folders are in it.
    """

    licence: str = NOT_STATED
    citation: tuple[str, ...] = ()
    model_files: bool = True
    places: bool = True


def dump_archive(
    archive: Archive, path: Path, options: DumpOptions | None = None, tick: Tick | None = None
) -> DumpManifest:
    """Write everything that an archive holds to a file; the same archive makes the same bytes.

    Not in it are the launchpad, claims, trainings under way with their checkpoints, and the
    records of raw outputs, which are places on one machine. At most
    :data:`DOCUMENTS_AT_ONCE` documents, or one blob, are in memory.

    Parameters
    ----------
    archive
        The archive; nothing in it is changed, and workers may go on.
    path
        File to write; it appears when it is whole.
    options
        What it says of itself, and what is in it.
    tick
        Told what was read, and how many.

    Returns
    -------
    The manifest of the file.

    Raises
    ------
    InputError
        If there is nothing to write, or no folder to put it in.
    DatabaseError
        If a document or a blob is damaged or missing; nothing is written then.
    """
    options = options or DumpOptions()
    if path.is_dir():
        raise InputError(f"{path} is a folder; say which file in it to write.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to.")
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".part", dir=path.parent) as place:
        tell = tick or (lambda _what, _number: None)
        reading = _Reading(archive, Path(place), tell, places=options.places)
        reading.read_all()
        if not reading.spooled:
            raise InputError("The archive is empty: there is nothing to dump.")
        wanted, left_out = _chosen_blobs(archive, reading, options)
        manifest = _manifest(archive, reading, options, wanted, left_out)
        partial = Path(place) / path.name
        with member_writer(partial) as writer:
            _write(writer, archive, reading, manifest, wanted)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    return manifest


@dataclass
class _Reading:
    """Documents as they are read into files of a folder, one for each collection."""

    archive: Archive
    folder: Path
    tick: Tick
    places: bool = True
    ids: dict[str, set[str]] = field(default_factory=dict)
    lacking: dict[str, set[str]] = field(default_factory=dict)
    spooled: dict[str, Documents] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    newest: str | None = None

    def path(self, collection: str) -> Path:
        """Say where the documents of a collection are."""
        return self.folder / f"{collection}.bson"

    def read_all(self) -> None:
        """Read names first, then children before parents, until no parent is missing."""
        self._spool(DATASET_NAMES, self._names())
        # Whether a label was rejected is asked after it is known which labels are in the dump.
        waiting = [name for name in COLLECTIONS if name != "rejections"]
        waiting.insert(waiting.index("labels"), "rejections")
        while waiting:
            name = waiting.pop()
            if name not in self.ids:
                known = self.archive.database[name].find({}, {"_id": 1})
                self.ids[name] = {one["_id"] for one in known}
            self._spool(name, self._documents(name))
            again = [one for one in COLLECTIONS if self._complete(one) and one not in waiting]
            if "labels" in again and "rejections" not in waiting:
                again.append("rejections")
            waiting += again

    def _complete(self, collection: str) -> bool:
        """Add the parents that were named and not listed; say whether there are any."""
        wanted = self._wanted.pop(collection, set()) if collection in self.ids else set()
        missing = wanted - self.ids.get(collection, set()) - self.lacking.get(collection, set())
        there = self.archive.existing(COLLECTIONS[collection], missing)
        if missing - there:
            self.lacking.setdefault(collection, set()).update(missing - there)
        self.ids.get(collection, set()).update(there)
        return bool(there)

    _wanted: dict[str, set[str]] = field(default_factory=dict)

    def _names(self) -> Iterator[Stored]:
        order = [("name", 1), ("version", 1)]
        for one in self.archive.database[DATASET_NAMES].find({}, {"_id": 0}).sort(order):
            self._wanted.setdefault("datasets", set()).add(one["dataset_id"])
            yield {key: one[key] for key in ("name", "version", "dataset_id")}

    def _documents(self, collection: str) -> Iterator[Stored]:
        noun, stored = COLLECTIONS[collection], self.archive.database[collection]
        for some in batched(sorted(self.ids[collection]), DOCUMENTS_AT_ONCE):
            found = {one["_id"]: one for one in stored.find({"_id": {"$in": some}})}
            if collection == "rejections":  # an accepted label takes the place of its rejection
                accepted = self.archive.existing(COLLECTIONS["labels"], some)
                found = {key: one for key, one in found.items() if key not in accepted}
            elif gone := [one for one in some if one not in found]:
                raise DatabaseError(f"{gone[0][:12]} of {collection} was deleted meanwhile.")
            for key in some:
                if key in found:
                    yield self._looked_at(
                        collection, self.archive.read(noun, found[key]).model_dump()
                    )
            self.tick(collection, len(some))

    def _looked_at(self, collection: str, fields: Stored) -> Stored:
        for name, parents in parents_of(collection, fields).items():
            self._wanted.setdefault(name, set()).update(parents)
        blobs = set(blobs_of(collection, fields))
        files = {one["blob"] for one in fields["files"]} if collection == FILES else set()
        self.files |= files
        self.others |= blobs - files
        created = fields["provenance"]["created"].isoformat(timespec="milliseconds")
        self.newest = max(self.newest or created, created)
        return fields if self.places else without_places(fields)

    def _spool(self, collection: str, documents: Iterable[Stored]) -> None:
        import bson

        digest, count, length = hashlib.sha256(), 0, 0
        with self.path(collection).open("wb") as file:
            for one in documents:
                data = bson.encode(one)
                digest.update(data)
                count, length = count + 1, length + len(data)
                file.write(data)
        self.spooled.pop(collection, None)
        if count:
            said = Documents(count=count, bytes=length, sha256=digest.hexdigest())
            self.spooled[collection] = said


def _chosen_blobs(
    archive: Archive, reading: _Reading, options: DumpOptions
) -> tuple[list[str], list[str]]:
    """Return the blobs that go into the file, and the files of models that do not."""
    named = reading.files | reading.others
    absent = named - set(archive.blobs.lengths(named))
    if lost := sorted(absent - not_shipped(archive.database, absent)):
        raise DatabaseError(
            f"{len(lost)} blobs are not in the archive, the first is {lost[0][:12]}: it cannot be "
            "dumped whole; run 'tm23 audit --only I2'."
        )
    left_out = absent if options.model_files else absent | (reading.files - reading.others)
    return sorted(named - left_out), sorted(left_out)


def _manifest(
    archive: Archive,
    reading: _Reading,
    options: DumpOptions,
    blobs: list[str],
    left_out: list[str],
) -> DumpManifest:
    return DumpManifest(
        collections={name: reading.spooled[name] for name in MEMBERS if name in reading.spooled},
        blobs=len(blobs),
        blob_bytes=sum(archive.blobs.lengths(blobs).values()),
        files_left_out=tuple(left_out),
        parents_lacking={name: len(ids) for name, ids in sorted(reading.lacking.items())},
        newest=reading.newest,
        licence=options.licence,
        citation=options.citation,
        software={"tm23flows": __version__},
    )


def _write(
    writer: Writer,
    archive: Archive,
    reading: _Reading,
    manifest: DumpManifest,
    blobs: list[str],
) -> None:
    writer.add_bytes(MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
    for key in blobs:
        data = archive.blobs.get(key)
        writer.add(blob_name(key), len(data), io.BytesIO(data))
        reading.tick("blobs", 1)
    for name, said in manifest.collections.items():
        with reading.path(name).open("rb") as file:
            content: IO[bytes] = file
            writer.add(documents_name(name), said.bytes, content)
