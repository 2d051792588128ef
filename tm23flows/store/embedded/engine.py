"""The query engine: mongomock-ng over our tables.

Owns the seam between mongomock-ng, which knows the semantics of queries, updates
and aggregation, and the tables, which know storage, indexes and the journal. The
engine is handed exactly the documents it shall work on, so it never scans.
It is not a general replacement for mongomock's client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mongomock_ng.collection import Collection
from mongomock_ng.database import Database
from mongomock_ng.helpers import _clone_document as clone_document
from mongomock_ng.mongo_client import MongoClient
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.matching import find_slots
from tm23flows.store.embedded.ordering import sort_slots
from tm23flows.store.embedded.tables import Table

Document = dict[str, Any]


class EngineCollection(Collection):
    """A collection whose next look at its documents can be fixed beforehand."""

    _fixed: list[Document] | None = None

    @property
    def table(self) -> Table:
        """Storage of this collection."""
        table: Table = self._store
        return table

    def select(
        self,
        query: Document,
        sort: Document | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """Find documents without copying them.

        Parameters
        ----------
        query
            MongoDB filter.
        sort
            Field to direction (1 or -1), most significant first.
        skip, limit
            How many to leave out, and how many to return at most (0: all).

        Returns
        -------
            References to stored documents: never change them.
        """
        table = self.table
        return [table.document(slot) for slot in self.find_slots(query, sort, skip, limit)]

    def find_slots(
        self, query: Document, sort: Document | None = None, skip: int = 0, limit: int = 0
    ) -> list[int]:
        """Find documents without reading them; see :meth:`select`.

        Returns
        -------
            Their slots in the table.
        """
        enough = skip + limit if limit and not sort else 0
        slots = find_slots(self.table, query, enough)
        if sort:
            slots = sort_slots(self.table, slots, sort)
        return slots[skip : skip + limit if limit else None]

    def project(
        self, documents: list[Document], fields: Document, query: Document
    ) -> list[Document]:
        """Reduce documents to the fields that were asked for."""
        with self._looking_at(documents):
            return list(self.find(query, dict(fields)))

    def run_pipeline(self, documents: list[Document], pipeline: list[Document]) -> list[Document]:
        """Run aggregation stages over documents of this collection."""
        with self._looking_at(documents):
            return list(self.aggregate(pipeline))

    def modify(
        self,
        target: Document | None,
        query: Document,
        update: Document | list[Document],
        array_filters: list[Document] | None = None,
    ) -> Any:
        """Apply an update to one stored document, or insert when there is none.

        Parameters
        ----------
        target
            Stored document that matches the query, or None to upsert.
        query
            The filter of the command; its equalities seed an upserted document.
        update
            Update operators, a pipeline or a replacement.
        array_filters
            Conditions behind ``$[name]`` in the update.

        Returns
        -------
            Result of the engine, with ``modified_count`` and ``upserted_id``.
        """
        if target is None:
            seen = []
            seed = _without_id_operators(query)
        else:
            # The engine changes what it is given: a failed update must leave no trace.
            seen = [clone_document(target)]
            seed = {**query, "_id": target["_id"]}
        with self._looking_at(seen):
            if isinstance(update, dict) and not next(iter(update), "").startswith("$"):
                return self.replace_one(seed, update, upsert=True)
            return self.update_one(seed, update, upsert=True, array_filters=array_filters)

    @contextmanager
    def _looking_at(self, documents: list[Document]) -> Iterator[None]:
        """Make these the documents that the engine's next query sees."""
        self._fixed = documents
        try:
            yield
        finally:
            self._fixed = None

    def _iter_documents(self, query: Document) -> Iterator[Document]:
        fixed, self._fixed = self._fixed, None
        return iter(self.select(query) if fixed is None else fixed)

    def _ensure_uniques(self, new_data: Document) -> None:
        """Leave uniqueness to the table, which checks it when it stores."""


class EngineDatabase(Database):
    """A database that hands out our collections."""

    def get_collection(self, name: str, *_: Any, **__: Any) -> EngineCollection:
        """Collection by name; options of the client side have no meaning here."""
        collection: EngineCollection | None = self._collection_accesses.get(name)
        if collection is None:
            self._ensure_valid_collection_name(name)
            collection = EngineCollection(
                self, name, _db_store=self._store, codec_options=self._codec_options
            )
            self._collection_accesses[name] = collection
        return collection


class Engine(MongoClient):
    """All databases over one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(_store=catalog)
        self.catalog = catalog

    def get_database(self, name: str | None = None, *_: Any, **__: Any) -> EngineDatabase:
        """Database by name."""
        if not name:
            raise OperationFailure("no database was named", 73)
        database: EngineDatabase | None = self._database_accesses.get(name)
        if database is None:
            database = EngineDatabase(
                self, name, _store=self.catalog[name], codec_options=self._codec_options
            )
            self._database_accesses[name] = database
        return database


def _without_id_operators(query: Document) -> Document:
    """Keep an ``_id`` for a document to insert, drop conditions on it."""
    identifier = query.get("_id")
    if not isinstance(identifier, dict) or not next(iter(identifier), "").startswith("$"):
        return query
    if set(identifier) == {"$eq"}:
        return {**query, "_id": identifier["$eq"]}
    return {name: condition for name, condition in query.items() if name != "_id"}
