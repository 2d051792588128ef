"""The first reading of a dump, before anything of it is stored.

Owns what is refused: members that are not what the manifest says, blobs that are not what their
names say, documents that are not what their ids say, parents and blobs that are nowhere, content
that contradicts the archive, and files that run code when they are loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tm23flows.documents.base import Document
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.datasets.names import check_name
from tm23flows.store.decode import refuse_code_in
from tm23flows.store.exchange.dump_file import (
    MANIFEST,
    MEMBERS,
    SHA256,
    DumpManifest,
    Stored,
    blob_of,
    collection_of_member,
    documents_name,
    iterate_documents,
    manifest_of,
)
from tm23flows.store.exchange.dump_members import Member, iterate_members
from tm23flows.store.past.parents import blobs_of, parents_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

ModelFiles = Literal["harmless", "trusted", "none"]
"""Which files of models are taken: those that hold no code, all, or none."""

HARMLESS_TRAINERS = ("flare",)
"""Trainers whose files are JSON and arrays; those of all others can run code when loaded."""

DOCUMENTS_AT_ONCE = 100
SHOWN = 3

ACCOUNTS = {"id", "schema_version", "provenance", "effort", "wall_s", "cpu_s", "run_folder"}
"""Fields that may differ between two machines that did the same."""

ID_SAYS_ALL = ("structures", "frames", "rejections", "datasets", "convergences", "grid_searches")
"""Nouns whose id is made of everything that counts, or of which the first is as good."""


class Name(BaseModel):
    """A name of a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = Field(ge=1)
    dataset_id: str = Field(pattern=SHA256)


@dataclass
class Checked:
    """What a dump holds, after all of it was read.

    Parameters
    ----------
    manifest
        Its manifest.
    ids
        Ids of its documents by collection.
    new
        How many of them the archive lacks, by collection.
    blobs
        The blobs in it.
    files
        Those among them that are files of models and nothing else.
    absent
        Files of models that it names and does not have.
    """

    manifest: DumpManifest
    ids: dict[str, set[str]] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


def check_dump(archive: Archive, path: Path, model_files: ModelFiles = "harmless") -> Checked:
    """Read a dump to its end and refuse what cannot be stored; nothing is.

    Parameters
    ----------
    archive
        The archive that it is for.
    path
        The file.
    model_files
        Which files of models are to be taken.

    Returns
    -------
    What it holds.

    Raises
    ------
    InputError
        If it is damaged or incomplete, a document is not what its id says or contradicts the
        archive, or there are files that can run code and are not trusted.
    DecodeRefusedError
        If a document names something to import.
    """
    members = iterate_members(path)
    first = next(members, None)
    if first is None:
        raise InputError(f"{path.name} is empty.")
    check = _Check(archive, path.name, Checked(manifest_of(first)))
    for member in members:
        check.take(member)
    check.finish(model_files)
    return check.checked


def read_document(collection: str, stored: Stored) -> Document:
    """Turn fields of a dump into a document, which is what its id says.

    Parameters
    ----------
    collection
        Its collection.
    stored
        The fields, without ``_id``.

    Returns
    -------
    The document, in today's layout.

    Raises
    ------
    InputError
        If it is none, a newer program wrote it, or it does not belong to its id.
    DecodeRefusedError
        If it names something to import.
    """
    refuse_code_in(stored)
    try:
        return COLLECTIONS[collection].from_stored({"_id": stored["id"], **stored})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"A document of {collection} ({str(stored.get('id'))[:12]}) is not what it should be: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error


class _Check:
    """The state of one reading."""

    def __init__(self, archive: Archive, where: str, checked: Checked) -> None:
        self.archive = archive
        self.where = where
        self.checked = checked
        self.files: set[str] = set()
        self.others: set[str] = set()
        self.code: set[str] = set()
        self.wanted: dict[str, set[str]] = {}
        self.contradicting: list[str] = []
        self.last_blob = ""
        self.to_come = [name for name in MEMBERS if name in checked.manifest.collections]

    def take(self, member: Member) -> None:
        """Look at one member, which must be the next of the layout."""
        key, collection = blob_of(member.name), collection_of_member(member.name)
        if key is not None:
            self._blob(member, key)
        elif collection is not None and self.to_come and self.to_come[0] == collection:
            self.to_come.pop(0)
            self._documents(member, collection)
        else:
            raise InputError(f"{self.where} holds {member.name!r}, which does not belong there.")

    def finish(self, model_files: ModelFiles) -> None:
        """Compare what was read with the manifest, with itself and with the archive."""
        done, manifest = self.checked, self.checked.manifest
        if self.to_come or len(done.blobs) != manifest.blobs:
            raise InputError(f"{self.where} lacks members that its {MANIFEST} names: get it again.")
        if strange := done.blobs - self.files - self.others:
            raise InputError(
                f"{self.where} holds {len(strange)} blobs that no document names, the first is "
                f"{min(strange)[:12]}."
            )
        self._find_blobs()
        self._find_parents()
        if self.contradicting:
            shown = "; ".join(self.contradicting[:SHOWN])
            raise InputError(
                f"{len(self.contradicting)} documents of {self.where} are in the archive with the "
                f"same id and other content, so nothing was taken: {shown}."
            )
        self._judge_code(model_files)

    def _blob(self, member: Member, key: str) -> None:
        if key <= self.last_blob or len(self.to_come) < len(self.checked.manifest.collections):
            raise InputError(f"{self.where} holds the blob {key[:12]} twice or at a wrong place.")
        for _ in member.pieces():
            pass
        if member.sha256 != key:
            raise InputError(f"{self.where}: the blob {key[:12]} is damaged: get the file again.")
        self.last_blob = key
        self.checked.blobs.add(key)

    def _documents(self, member: Member, collection: str) -> None:
        count, said = 0, self.checked.manifest.collections[collection]
        for batch in batched(iterate_documents(member), DOCUMENTS_AT_ONCE):
            count += len(batch)
            if collection == DATASET_NAMES:
                self._names(batch)
            else:
                self._batch(collection, batch)
        if (count, member.size, member.sha256) != (said.count, said.bytes, said.sha256):
            raise InputError(
                f"{documents_name(collection)} in {self.where} is not what its {MANIFEST} says: "
                "get it again."
            )

    def _names(self, batch: list[Stored]) -> None:
        for stored in batch:
            try:
                name = Name.model_validate(stored)
            except ValidationError as error:
                raise InputError(f"{self.where} holds a name of a dataset that is none.") from error
            check_name(name.name)
            self.wanted.setdefault("datasets", set()).add(name.dataset_id)

    def _batch(self, collection: str, batch: list[Stored]) -> None:
        ids = self.checked.ids.setdefault(collection, set())
        documents = {}
        for stored in batch:
            document = read_document(collection, stored)
            if document.id in ids:
                raise InputError(f"{self.where} holds {document.id[:12]} twice.")
            ids.add(document.id)
            documents[document.id] = document
        known = self._known(collection, documents)
        new = len(documents) - len(known)
        self.checked.new[collection] = self.checked.new.get(collection, 0) + new
        for key, document in documents.items():
            fields = document.model_dump()
            for name, parents in parents_of(collection, fields).items():
                self.wanted.setdefault(name, set()).update(parents)
            files = self._files(document, key in known)
            self.others.update(set(blobs_of(collection, fields)) - files)

    def _known(self, collection: str, documents: dict[str, Document]) -> set[str]:
        """Return which documents the archive has; note those that say something else there."""
        noun = COLLECTIONS[collection]
        known = self.archive.existing(noun, documents)
        if collection == "rejections":  # of what is accepted there, nothing is stored
            known |= self.archive.existing(Label, documents)
        if collection not in ID_SAYS_ALL:
            for there in self.archive.get_many(noun, known):
                if not agree(there, documents[there.id]):
                    self.contradicting.append(f"{there.id[:12]} of {collection}")
        return known

    def _files(self, document: Document, known: bool) -> set[str]:
        if not isinstance(document, Model):
            return set()
        files = {one.blob for one in document.files}
        self.files |= files
        if not known and document.trainer not in HARMLESS_TRAINERS:
            self.code |= files
        return files

    def _find_blobs(self) -> None:
        missing = (self.files | self.others) - self.checked.blobs
        absent = missing - set(self.archive.blobs.lengths(missing))
        if lost := absent - (self.files & set(self.checked.manifest.files_left_out)):
            raise InputError(
                f"{self.where} names {len(lost)} blobs that it does not hold, the first is "
                f"{min(lost)[:12]}: get it again."
            )
        self.checked.absent = absent

    def _find_parents(self) -> None:
        for name, ids in self.wanted.items():
            missing = ids - self.checked.ids.get(name, set())
            lost = missing - self.archive.existing(COLLECTIONS[name], missing)
            if len(lost) > self.checked.manifest.parents_lacking.get(name, 0):
                raise InputError(
                    f"{self.where} has documents whose parents in {name} are nowhere, the first is "
                    f"{min(lost)[:12]}."
                )

    def _judge_code(self, model_files: ModelFiles) -> None:
        done = self.checked
        done.files = (self.files - self.others) & done.blobs
        risky = (self.code | self._awaited_code()) - done.absent
        if model_files == "none":  # what is there already would be loaded, whoever it came from
            risky -= done.files - set(self.archive.blobs.lengths(done.files))
        if risky and model_files != "trusted":
            raise InputError(
                f"{self.where} holds {len(risky)} files of models that can run code when they are "
                "loaded: if you trust who made it, import it with --trust-model-files, else with "
                "--without-model-files."
            )

    def _awaited_code(self) -> set[str]:
        """Return blobs that a model of the archive would load, and that are not there yet."""
        new = self.checked.blobs - set(self.archive.blobs.lengths(self.checked.blobs))
        if not new:
            return set()
        others = {"trainer": {"$nin": list(HARMLESS_TRAINERS)}}
        waiting = self.archive.database["models"].find(others, {"files": 1})
        return new & {file["blob"] for one in waiting for file in one["files"]}


def agree(one: Document, other: Document) -> bool:
    """Say whether two documents of one id say the same.

    Parameters
    ----------
    one, other
        Documents of the same noun and id.

    Returns
    -------
    True if they do. Who did it, when, and what it cost may differ; of two runs one may be longer.
    """
    if isinstance(one, Label) and isinstance(other, Label):
        return one.checksum == other.checksum
    if isinstance(one, Model) and isinstance(other, Model):
        return sorted(one.files, key=str) == sorted(other.files, key=str)
    if isinstance(one, Trajectory) and isinstance(other, Trajectory):
        stretches = zip(one.segments, other.segments, strict=False)
        return all(mine.blob == theirs.blob for mine, theirs in stretches)
    texts = [json.dumps(_content(each.model_dump()), sort_keys=True) for each in (one, other)]
    return texts[0] == texts[1]


def _content(value: Any) -> Any:
    """Return what documents are compared by, as JSON values."""
    if isinstance(value, dict):
        return {key: _content(inner) for key, inner in value.items() if key not in ACCOUNTS}
    if isinstance(value, (list, tuple)):
        return [_content(inner) for inner in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
