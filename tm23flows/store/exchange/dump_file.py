"""What a dump of an archive looks like: its manifest, its members, its documents.

Owns the layout. A dump is one file: first ``manifest.json``, then blobs by their sha256, then the
documents of each noun by their ids, parents before children as far as nouns have an order, then
the names of datasets. Documents are BSON one after the other, as in the files of ``mongodump``, in
today's layout. Packing is in :mod:`tm23flows.store.exchange.dump_members`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tm23flows.errors import InputError
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.exchange.dump_members import MAGIC, Member, iterate_members

MANIFEST = "manifest.json"
SUFFIX = ".tm23.tar.xz"
MEMBERS = (*COLLECTIONS, DATASET_NAMES)
"""Collections that are in a dump, in their order there."""

SHA256 = "^[0-9a-f]{64}$"
MAX_MANIFEST_BYTES = 100_000_000
MAX_DOCUMENT_BYTES = 64_000_000
"""Of one document: a dataset of two million labels, whose ids are not in blobs here."""

PLAIN = (dict, list, str, bytes, bool, int, float, datetime, type(None))
_BLOB = re.compile("blobs/([0-9a-f]{64})")
_DOCUMENTS = re.compile(r"documents/([a-z_]+)\.bson")

Stored = dict[str, Any]


class Documents(BaseModel):
    """The documents of one collection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1, description="How many.")
    bytes: int = Field(ge=1, description="Length of the member.")
    sha256: str = Field(pattern=SHA256, description="Checksum of the member.")


class DumpManifest(BaseModel):
    """What a dump holds, and what not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["tm23flows archive"] = "tm23flows archive"
    version: Literal[1] = 1
    collections: dict[str, Documents] = Field(description="Documents by collection.")
    blobs: int = Field(ge=0, description="Number of blobs.")
    blob_bytes: int = Field(ge=0, description="Their length, unpacked.")
    files_left_out: tuple[str, ...] = Field(
        (), description="sha256 of the files of models that are not in it on purpose, sorted."
    )
    parents_lacking: dict[str, int] = Field(
        default_factory=dict,
        description="How many documents by collection the archive names and does not have, such "
        "as the runs of frames that came from a file.",
    )
    newest: str | None = Field(description="When the newest document was made, UTC.")
    licence: str = Field(description="Licence of the data.")
    citation: tuple[str, ...] = Field(description="What to cite.")
    software: dict[str, str] = Field(description="Versions of the programs that wrote the file.")


def is_dump(path: Path) -> bool:
    """Say whether a file is a dump, by what is in it.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    True if it is packed as a dump is and its first member is a manifest of one.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return False
    try:
        members = iterate_members(path)
        first = next(members, None)
        return first is not None and b'"tm23flows archive"' in first.read(200)
    except InputError:
        return False


def manifest_of(member: Member) -> DumpManifest:
    """Read the manifest, which is the first member.

    Parameters
    ----------
    member
        The member.

    Returns
    -------
    The manifest.

    Raises
    ------
    InputError
        If it is none, or one of a newer program.
    """
    if member.name != MANIFEST or member.size > MAX_MANIFEST_BYTES:
        raise InputError(f"This is no dump of an archive: its first member is {member.name!r}.")
    try:
        manifest = DumpManifest.model_validate_json(member.read(member.size))
    except ValidationError as error:
        what = error.errors()[0]
        place = ".".join(str(one) for one in what["loc"])
        raise InputError(
            f"{MANIFEST} is none that this program can read ({place}: {what['msg']}); a newer "
            "tm23flows may have written it."
        ) from error
    if unknown := sorted(set(manifest.collections) - set(MEMBERS)):
        raise InputError(f"{MANIFEST} names the collection {unknown[0]!r}, which there is not.")
    return manifest


def documents_name(collection: str) -> str:
    """Return the name of the member with the documents of a collection."""
    return f"documents/{collection}.bson"


def blob_name(key: str) -> str:
    """Return the name of the member with a blob."""
    return f"blobs/{key}"


def blob_of(name: str) -> str | None:
    """Return the blob that a member of this name is; None if it is no blob."""
    found = _BLOB.fullmatch(name)
    return found and found[1]


def collection_of_member(name: str) -> str | None:
    """Return the collection whose documents a member of this name has; None if it has none."""
    found = _DOCUMENTS.fullmatch(name)
    return found[1] if found and found[1] in MEMBERS else None


def iterate_documents(member: Member) -> Iterator[Stored]:
    """Read documents, one at a time.

    Parameters
    ----------
    member
        A member with documents.

    Yields
    ------
    Plain dictionaries.

    Raises
    ------
    InputError
        If one is damaged, too large, or holds other than plain values.
    """
    import bson

    while head := member.read(4):
        length = int.from_bytes(head, "little", signed=True)
        if not 5 <= length <= MAX_DOCUMENT_BYTES:
            raise InputError(f"{member.name} has a document of {length} bytes.")
        try:
            stored = bson.decode(head + member.read(length - 4))
        except (bson.errors.BSONError, ValueError, RecursionError) as error:
            raise InputError(f"{member.name} has a damaged document: {error}.") from error
        _refuse_strange(member.name, stored)
        yield stored


def _refuse_strange(where: str, stored: Stored) -> None:
    """Refuse values that no noun has, such as code, and names that a database takes for orders."""
    waiting: list[Any] = [stored]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, PLAIN) or type(one).__module__.startswith("bson.code"):
            raise InputError(f"{where} holds a value of the kind {type(one).__name__}.")
        if isinstance(one, dict):
            if any(key.startswith("$") for key in one):
                raise InputError(f"{where} has a field whose name begins with a dollar sign.")
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
