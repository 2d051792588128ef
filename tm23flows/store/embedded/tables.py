"""Documents in memory: one table per collection, each change noted.

Owns the storage under the query engine. Setting a document is one atomic step:
size, unique indexes, then the swap and a note for the journal. Documents lie there as
BSON, ready to be sent, and those of a small table also as dictionaries; neither is ever
changed in place, so readers may keep references. It knows nothing of commands or files.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bson
from bson.raw_bson import RawBSONDocument
from mongomock_ng.store import CollectionStore
from pymongo.errors import DuplicateKeyError, WriteError

from tm23flows.store.embedded.indexes import Entries, Index, hashable, pinned_values
from tm23flows.store.embedded.wire import CODEC, MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from tm23flows.store.embedded.columns import Columns

OBJECT_TOO_LARGE = 10334
_DUPLICATE_KEY = 11000
_EXPIRY_INTERVAL_S = 1.0
_DECODED_BYTES = 16 << 20
_MANY = 1000  # documents from which on a table has columns without being asked
_HOLES = 4  # so many slots per document before they are numbered anew

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


@dataclass(frozen=True)
class Offer:
    """Documents among which those that match a filter are."""

    slots: Collection[int]
    in_order: bool = False  # that of the ids in the filter
    settled: int | None = None  # place of the condition that all of them meet
    is_all: bool = False  # whether there is no other condition


class Table(CollectionStore):
    """The documents of one collection as BSON, each in a slot, found by ``_id``."""

    def __init__(self, name: str, database: str, changes: Changes) -> None:
        super().__init__(name)
        self.database = database
        self.live_bytes = 0
        self._slots: dict[Hashable, int] = {}
        self._keys: list[Hashable] = []  # by slot
        self._raws: list[bytes | None] = []
        self._decoded: dict[int, dict[str, Any]] = {}  # as long as the table is small
        self._lookup: dict[str, Index] = {}
        self._columns: Columns | None = None
        self._changes = changes
        self._next_expiry = 0.0

    # What the engine calls ---------------------------------------------------

    def __contains__(self, identifier: Any) -> bool:
        return hashable(identifier) in self._slots

    def __getitem__(self, identifier: Any) -> dict[str, Any]:
        return self.document(self._slots[hashable(identifier)])

    def __len__(self) -> int:
        return len(self._slots)

    def __setitem__(self, identifier: Any, document: dict[str, Any]) -> None:
        """Store a document after every check has passed; otherwise change nothing."""
        raw = bson.encode(document, codec_options=CODEC)
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise WriteError(
                f"BSONObj size: {len(raw)} is larger than {MAX_DOCUMENT_BYTES} bytes",
                OBJECT_TOO_LARGE,
            )
        slot = self._slots.get(hashable(document["_id"]), len(self._raws))
        entries = [(index, index.entries(document)) for index in self._indexes]
        for index, its_entries in entries:
            if index.conflict(slot, its_entries):
                raise self.duplicate(index, document)
        self._swap(slot, document, raw, entries)
        self._note("put", doc=RawBSONDocument(raw))

    def __delitem__(self, identifier: Any) -> None:
        slot = self._slots[hashable(identifier)]
        document = self.document(slot)
        self._unlink(slot, document)
        del self._slots[hashable(identifier)]
        self._raws[slot] = None
        self._decoded.pop(slot, None)
        if self._columns is not None:
            self._columns.remove(slot)
        if len(self._raws) > _HOLES * (len(self._slots) + _HOLES):
            self._repack()
        self._note("delete", id=document["_id"])

    @property
    def documents(self) -> Iterator[dict[str, Any]]:
        """All documents in order of arrival."""
        return (self.document(slot) for slot in list(self.slots))

    @property
    def is_empty(self) -> bool:
        """Whether there is no document."""
        return not self._slots

    def create(self, **options: Any) -> None:
        """Make the collection exist, though empty."""
        super().create(**options)
        self._note("create", options=options)

    def drop(self) -> None:
        """Remove documents, indexes and the collection itself."""
        super().drop()
        self._lookup = {}
        self._forget()
        self._note("drop")

    def create_index(self, index_name: str, index_dict: dict[str, Any]) -> None:
        """Build an index; refuse it when existing documents contradict it."""
        index = Index({**index_dict, "name": index_name})
        same = next((one for one in self._indexes if one.stands_for(index)), None)
        if same is None:
            self._fill(index)
        self._lookup[index_name] = same or index
        self._is_force_created = True
        super().create_index(index_name, index_dict)
        key_pairs = [list(pair) for pair in index_dict["key"]]
        self._note("index", name=index_name, spec={**index_dict, "key": key_pairs})

    def drop_index(self, index_name: str) -> None:
        """Remove an index by name."""
        super().drop_index(index_name)
        del self._lookup[index_name]
        self._note("unindex", name=index_name)

    @property
    def _indexes(self) -> list[Index]:
        # Some stand under several names.
        return list(dict.fromkeys(self._lookup.values()))

    def _fill(self, index: Index) -> None:
        for slot in self.slots:
            document = self.document(slot)
            entries = index.entries(document)
            if index.conflict(slot, entries):
                raise self.duplicate(index, document)
            index.put(slot, entries)

    # What the query layer and the journal call -------------------------------

    @property
    def slots(self) -> Sequence[int]:
        """Slots of all documents in order of arrival; a range when none was deleted."""
        if len(self._raws) == len(self._slots):
            return range(len(self._raws))
        return [slot for slot, raw in enumerate(self._raws) if raw is not None]

    @property
    def columns(self) -> Columns:
        """Single fields of all documents, for tables with many."""
        if self._columns is None:
            from tm23flows.store.embedded.columns import Columns

            self._columns = Columns(self._all_slots)
        return self._columns

    def raw(self, slot: int) -> bytes:
        """Document in a slot as BSON."""
        raw = self._raws[slot]
        assert raw is not None
        return raw

    def identifier(self, slot: int) -> Any:
        """``_id`` of the document in a slot."""
        key = self._keys[slot]
        return key if type(key) is str else self.document(slot)["_id"]

    def document(self, slot: int) -> dict[str, Any]:
        """Document in a slot: never change it."""
        document = self._decoded.get(slot)
        if document is None:
            document = bson.decode(self.raw(slot), CODEC)
            if self.live_bytes <= _DECODED_BYTES:
                self._decoded[slot] = document
        return document

    def offer(self, conditions: Sequence[tuple[str, Any]]) -> Offer | None:
        """Name few documents that can match, when ``_id`` or an index helps.

        Parameters
        ----------
        conditions
            Fields of a filter with what is said about them; all must be met.

        Returns
        -------
            The smallest offer; None when every document can match.
        """
        self._remove_expired_documents()
        best: Offer | None = None
        for place, (field, condition) in enumerate(conditions):
            values = None if field.startswith("$") else pinned_values(condition)
            if values is None:
                continue
            alone = not isinstance(condition, dict) or len(condition) == 1
            if field == "_id":
                keys = dict.fromkeys(hashable(value) for value in values)
                slots = [self._slots[key] for key in keys if key in self._slots]
                return Offer(slots, True, place if alone else None, len(conditions) == 1)
            exact = alone and all(type(value) is str for value in values)
            for index in self._indexes:
                found = index.candidates(values) if index.fields[0] == field else None
                if found is not None and (best is None or len(found) < len(best.slots)):
                    is_all = exact and len(conditions) == 1
                    best = Offer(found, False, place if exact else None, is_all)
        return best

    def load(self, raw: bytes) -> None:
        """Put a document from the journal: it passed all checks once."""
        document = bson.decode(raw, CODEC)
        slot = self._slots.get(hashable(document["_id"]), len(self._raws))
        entries = [(index, index.entries(document)) for index in self._indexes]
        self._swap(slot, document, raw, entries)

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

    def _swap(
        self, slot: int, document: dict[str, Any], raw: bytes, entries: list[tuple[Index, Entries]]
    ) -> None:
        """Put a document into a slot, a new one or that of the document before it."""
        if slot == len(self._raws):
            key = hashable(document["_id"])
            self._raws.append(raw)
            self._keys.append(key)
            self._slots[key] = slot
        else:
            self._unlink(slot, self.document(slot))
            self._raws[slot] = raw
        self.live_bytes += len(raw)
        if self._columns is None and len(self._raws) > _MANY:
            self.columns.get(self._ordering_fields)
        for index, its_entries in entries:
            index.put(slot, its_entries)
        if self._columns is not None:
            self._columns.put(slot, document)
        if self.live_bytes <= _DECODED_BYTES:
            self._decoded[slot] = document
        elif self._decoded:
            self._decoded = {}
        self._is_force_created = True  # it exists until it is dropped, even empty

    def _unlink(self, slot: int, document: dict[str, Any]) -> None:
        self.live_bytes -= len(self.raw(slot))
        for index in self._indexes:
            index.remove(slot, index.entries(document))

    @property
    def _ordering_fields(self) -> list[str]:
        """Fields of compound indexes: large tables are asked for them all the time."""
        specs = [spec["key"] for spec in self.indexes.values() if len(spec["key"]) > 1]
        return [field for pairs in specs for field, _ in pairs if field != "_id"]

    def _all_slots(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        for slot, raw in enumerate(self._raws):
            yield slot, None if raw is None else self.document(slot)

    def _repack(self) -> None:
        """Close the holes that deleted documents left."""
        raws = [raw for raw in self._raws if raw is not None]
        self._forget()
        for raw in raws:
            self.load(raw)

    def _forget(self) -> None:
        self._slots, self._keys, self._raws = {}, [], []
        self._decoded, self._columns, self.live_bytes = {}, None, 0
        for index in self._indexes:
            index.clear()

    def _note(self, kind: str, **details: Any) -> None:
        self._changes.note({"op": kind, "db": self.database, "coll": self.name, **details})

    def _remove_expired_documents(self) -> None:
        # The engine would look at every document of the collection at every access.
        if self._ttl_indexes and time.monotonic() >= self._next_expiry:
            self._next_expiry = time.monotonic() + _EXPIRY_INTERVAL_S
            super()._remove_expired_documents()

    def _expire_documents(self, index: dict[str, Any]) -> None:
        # The engine looks for documents where it would keep them itself.
        self._documents = OrderedDict(enumerate(self.documents))
        try:
            super()._expire_documents(index)
        finally:
            self._documents = OrderedDict()


def _plain_value(field: str, document: dict[str, Any]) -> Any:
    value: Any = document
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
