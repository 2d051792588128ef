"""Documents in memory: one table per collection, each change noted.

Owns the storage under the query engine. Setting a document is one atomic step:
size, unique indexes, then the swap and a note for the journal. Documents that lie
in a table are never changed in place, so readers may keep references to them.
It knows nothing of commands or files.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from mongomock_ng.store import CollectionStore, DatabaseStore, ServerStore
from pymongo.errors import DuplicateKeyError, WriteError

from tm23flows.store.embedded.indexes import Index, equalities, hashable
from tm23flows.store.embedded.wire import CODEC, MAX_DOCUMENT_BYTES

OBJECT_TOO_LARGE = 10334
_DUPLICATE_KEY = 11000
_EXPIRY_INTERVAL_S = 1.0

Operation = dict[str, Any]


class Changes:
    """Operations that the current command has done and the journal has not seen."""

    def __init__(self) -> None:
        self.muted = False
        self._operations: list[Operation] = []

    def note(self, operation: Operation) -> None:
        """Remember one operation, unless muted (while the journal is replayed)."""
        if not self.muted:
            self._operations.append(operation)

    def take(self) -> list[Operation]:
        """Hand over what was noted and start afresh."""
        operations, self._operations = self._operations, []
        return operations


class Table(CollectionStore):
    """The documents of one collection, keyed by ``_id``."""

    def __init__(self, name: str, database: str, changes: Changes) -> None:
        super().__init__(name)
        self.database = database
        self.live_bytes = 0
        self._documents: dict[Hashable, dict[str, Any]] = {}
        self._sizes: dict[Hashable, int] = {}
        self._lookup: dict[str, Index] = {}
        self._changes = changes
        self._next_expiry = 0.0

    # What the engine calls ---------------------------------------------------

    def __contains__(self, identifier: Any) -> bool:
        return hashable(identifier) in self._documents

    def __getitem__(self, identifier: Any) -> dict[str, Any]:
        return self._documents[hashable(identifier)]

    def __len__(self) -> int:
        return len(self._documents)

    def __setitem__(self, identifier: Any, document: dict[str, Any]) -> None:
        """Store a document after every check has passed; otherwise change nothing."""
        raw = bson.encode(document, codec_options=CODEC)
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise WriteError(
                f"BSONObj size: {len(raw)} is larger than {MAX_DOCUMENT_BYTES} bytes",
                OBJECT_TOO_LARGE,
            )
        key = hashable(document["_id"])
        entries = {name: index.entries(document) for name, index in self._lookup.items()}
        for name, index in self._lookup.items():
            if index.conflict(key, entries[name]):
                raise self.duplicate(index, document)
        self._swap(key, document, len(raw))
        for name, index in self._lookup.items():
            index.put(key, entries[name])
        self._note("put", doc=RawBSONDocument(raw))

    def __delitem__(self, identifier: Any) -> None:
        key = hashable(identifier)
        document = self._documents.pop(key)
        self.live_bytes -= self._sizes.pop(key)
        for index in self._lookup.values():
            index.remove(key)
        self._note("delete", id=document["_id"])

    @property
    def documents(self) -> Iterator[dict[str, Any]]:
        """All documents in order of arrival."""
        return iter(list(self._documents.values()))

    @property
    def is_empty(self) -> bool:
        """Whether there is no document."""
        return not self._documents

    def create(self, **options: Any) -> None:
        """Make the collection exist, though empty."""
        super().create(**options)
        self._note("create", options=options)

    def drop(self) -> None:
        """Remove documents, indexes and the collection itself."""
        super().drop()
        self._documents = {}
        self._sizes, self._lookup, self.live_bytes = {}, {}, 0
        self._note("drop")

    def create_index(self, index_name: str, index_dict: dict[str, Any]) -> None:
        """Build an index; refuse it when existing documents contradict it."""
        index = Index({**index_dict, "name": index_name})
        for key, document in self._documents.items():
            entries = index.entries(document)
            if index.conflict(key, entries):
                raise self.duplicate(index, document)
            index.put(key, entries)
        self._lookup[index_name] = index
        self._is_force_created = True
        super().create_index(index_name, index_dict)
        key_pairs = [list(pair) for pair in index_dict["key"]]
        self._note("index", name=index_name, spec={**index_dict, "key": key_pairs})

    def drop_index(self, index_name: str) -> None:
        """Remove an index by name."""
        super().drop_index(index_name)
        del self._lookup[index_name]
        self._note("unindex", name=index_name)

    # What the query layer and the journal call -------------------------------

    def candidates(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Documents that can match a filter: few when ``_id`` or an index helps."""
        self._remove_expired_documents()
        pinned = equalities(query)
        keys: Any = None
        if "_id" in pinned:
            keys = dict.fromkeys(hashable(value) for value in pinned["_id"])
        elif pinned:
            offers = [index.candidates(pinned) for index in self._lookup.values()]
            keys = min((offer for offer in offers if offer is not None), key=len, default=None)
        if keys is None:
            return list(self._documents.values())
        return [self._documents[key] for key in keys if key in self._documents]

    def load(self, document: dict[str, Any], size: int) -> None:
        """Put a document from the journal: it passed all checks once."""
        key = hashable(document["_id"])
        self._swap(key, document, size)
        for index in self._lookup.values():
            index.put(key, index.entries(document))

    def duplicate(self, index: Index | None, document: dict[str, Any]) -> DuplicateKeyError:
        """Make the error for a document that breaks a unique index (None: ``_id``)."""
        fields = index.fields if index else ["_id"]
        name = index.name if index else "_id_"
        value = {field: _plain_value(field, document) for field in fields}
        return DuplicateKeyError(
            f"E11000 duplicate key error collection: {self.database}.{self.name} "
            f"index: {name} dup key: {value}",
            _DUPLICATE_KEY,
            {"keyPattern": dict.fromkeys(fields, 1), "keyValue": value},
        )

    def _swap(self, key: Hashable, document: dict[str, Any], size: int) -> None:
        self.live_bytes += size - self._sizes.get(key, 0)
        self._documents[key] = document
        self._sizes[key] = size
        self._is_force_created = True  # it exists until it is dropped, even empty

    def _note(self, kind: str, **details: Any) -> None:
        self._changes.note({"op": kind, "db": self.database, "coll": self.name, **details})

    def _remove_expired_documents(self) -> None:
        # The engine would look at every document of the collection at every access.
        if self._ttl_indexes and time.monotonic() >= self._next_expiry:
            self._next_expiry = time.monotonic() + _EXPIRY_INTERVAL_S
            super()._remove_expired_documents()


class Shelf(DatabaseStore):
    """The tables of one database."""

    def __init__(self, name: str, changes: Changes) -> None:
        super().__init__()
        self.name = name
        self._changes = changes

    def __getitem__(self, name: str) -> Table:
        table = self._collections.get(name)
        if table is None:
            table = self._collections[name] = Table(name, self.name, self._changes)
        return table

    def rename(self, name: str, new_name: str) -> None:
        """Rename a collection within this database."""
        table = self._collections.pop(name)
        self._changes.note({"op": "rename", "db": self.name, "coll": name, "to": new_name})
        table.name = new_name
        self._collections[new_name] = table


class Catalog(ServerStore):
    """All databases of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = Changes()

    def __getitem__(self, name: str) -> Shelf:
        shelf = self._databases.get(name)
        if shelf is None:
            shelf = self._databases[name] = Shelf(name, self.changes)
        return shelf

    def tables(self) -> Iterator[Table]:
        """Every collection that exists."""
        for database in list(self.list_created_database_names()):
            shelf = self[database]
            for name in list(shelf.list_created_collection_names()):
                yield shelf[name]


def _plain_value(field: str, document: dict[str, Any]) -> Any:
    value: Any = document
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
