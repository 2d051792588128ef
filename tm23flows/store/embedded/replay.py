"""From the journal to tables and back.

Owns the meaning of the operations in a journal: applying them to a catalog at the
start, and describing a catalog as the shortest list of operations (compaction).
The file itself is `journal.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.journal import Journal
from tm23flows.store.embedded.journal_format import VERSION
from tm23flows.store.embedded.tables import Operation, Table
from tm23flows.store.embedded.wire import CODEC

_log = logging.getLogger(__name__)
_RECORD_BYTES = 1 << 20
_SLACK_BYTES = 1 << 20
_RUNNING_SLACK_BYTES = 32 << 20
_START_FACTOR = 1.5
_RUNNING_FACTOR = 4.0


def load(journal: Journal) -> Catalog:
    """Rebuild the catalog from a journal, and compact the journal when it is worth it.

    Parameters
    ----------
    journal
        Journal that was just opened.

    Returns
    -------
        The catalog; its changes are noted from now on.

    Raises
    ------
    DatabaseError
        When the journal cannot be read.
    """
    catalog = Catalog()
    catalog.changes.muted = True
    for operations in journal.read():
        for operation in operations:
            _apply(catalog, operation)
    catalog.changes.muted = False
    grown = journal.payload_bytes > _START_FACTOR * _live_bytes(catalog) + _SLACK_BYTES
    if grown or journal.version < VERSION:
        _compact(journal, catalog)
    return catalog


def compact_if_grown(journal: Journal, catalog: Catalog) -> bool:
    """Rewrite a running server's journal when most of it is garbage.

    Parameters
    ----------
    journal, catalog
        The pair; nobody may change the catalog meanwhile.

    Returns
    -------
        Whether the journal was rewritten.
    """
    if journal.payload_bytes < max(_RUNNING_SLACK_BYTES, journal.not_below):
        return False
    if journal.payload_bytes < _RUNNING_FACTOR * _live_bytes(catalog) + _RUNNING_SLACK_BYTES:
        return False
    return _compact(journal, catalog)


def snapshot(catalog: Catalog) -> Iterator[list[Operation]]:
    """Describe a catalog by operations that rebuild it.

    Parameters
    ----------
    catalog
        What to describe.

    Yields
    ------
        Operations of about one megabyte at a time.
    """
    for table in catalog.tables():
        place = {"db": table.database, "coll": table.name}
        yield [
            {"op": "create", **place, "options": table.options},
            *(
                {"op": "index", **place, "name": name, "spec": _plain_spec(spec)}
                for name, spec in table.indexes.items()
            ),
        ]
        yield from _document_records(table, place)


def _compact(journal: Journal, catalog: Catalog) -> bool:
    """Rewrite the journal; without room for that the present one goes on."""
    before = journal.size
    try:
        journal.rewrite(snapshot(catalog))
    except OSError as error:
        journal.not_below = 2 * journal.payload_bytes
        _log.warning("compaction is put off: %s", error)
        return False
    _log.info("compacted the journal from %d to %d bytes", before, journal.size)
    return True


def _document_records(table: Table, place: dict[str, str]) -> Iterator[list[Operation]]:
    operations: list[Operation] = []
    size = 0
    for slot in table.slots:
        raw = table.raw(slot)
        operations.append({"op": "put", **place, "doc": RawBSONDocument(raw)})
        size += len(raw)
        if size > _RECORD_BYTES:
            yield operations
            operations, size = [], 0
    if operations:
        yield operations


def _apply(catalog: Catalog, operation: RawBSONDocument) -> None:
    kind = operation["op"]
    table = catalog[operation["db"]][operation["coll"]]
    if kind == "put":
        table.load(operation["doc"].raw)
        return
    details = bson.decode(operation.raw, CODEC)
    _apply_rare(kind, catalog, table, details)


def _apply_rare(kind: str, catalog: Catalog, table: Table, operation: Mapping[str, Any]) -> None:
    """Apply everything but a post-image."""
    if kind == "delete":
        del table[operation["id"]]
    elif kind == "index":
        spec = operation["spec"]
        pairs = [(field, direction) for field, direction in spec["key"]]
        table.create_index(operation["name"], {**spec, "key": pairs})
    elif kind == "unindex":
        table.drop_index(operation["name"])
    elif kind == "create":
        table.create(**operation["options"])
    elif kind == "drop":
        table.drop()
    elif kind == "rename":
        catalog[operation["db"]].rename(operation["coll"], operation["to"])
    else:
        raise DatabaseError(
            f"The journal holds an operation '{kind}' that this version of tm23flows does not "
            "know; use the version that wrote it."
        )


def _plain_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "key": [list(pair) for pair in spec["key"]]}


def _live_bytes(catalog: Catalog) -> int:
    return sum(table.live_bytes for table in catalog.tables())
