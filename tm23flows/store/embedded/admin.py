"""Commands about collections, indexes and the server itself.

Owns the catalogue commands (create, drop, indexes, lists) and what a driver asks
when it connects. Documents are the business of `reads.py` and `writes.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from mongomock_ng import SERVER_VERSION
from mongomock_ng.filtering import filter_applies
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.clock import utc_now
from tm23flows.store.embedded.host import Command, Host, Reply
from tm23flows.store.embedded.tables import Table
from tm23flows.store.embedded.wire import MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES

# MongoDB 7.0; sessions and transactions are not announced, so drivers use none.
_MAX_WIRE_VERSION = 21
_MAX_WRITE_BATCH = 100_000
_NAMESPACE_NOT_FOUND = 26
_INDEX_NOT_FOUND = 27
_NAMESPACE_EXISTS = 48
_INVALID_OPTIONS = 72
_INDEX_CONFLICT = 86
_INDEX_OPTIONS = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression")


def hello(_host: Host, _database: str, _command: Command) -> Reply:
    """Introduce the server: a single writable one, without sessions."""
    return {
        "ismaster": True,
        "isWritablePrimary": True,
        "helloOk": True,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
        "maxWriteBatchSize": _MAX_WRITE_BATCH,
        "localTime": utc_now(),
        "minWireVersion": 0,
        "maxWireVersion": _MAX_WIRE_VERSION,
        "readOnly": False,
    }


def ping(_host: Host, _database: str, _command: Command) -> Reply:
    """Answer that the server lives."""
    return {}


def build_info(_host: Host, _database: str, _command: Command) -> Reply:
    """Tell which MongoDB version is imitated."""
    numbers = [int(part) for part in SERVER_VERSION.split(".")]
    return {
        "version": SERVER_VERSION,
        "versionArray": [*numbers, 0],
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "modules": [],
        "tm23flows": True,
    }


def server_status(host: Host, _database: str, _command: Command) -> Reply:
    """Tell process number and age."""
    now = utc_now()
    return {
        "process": "tm23flows embedded database",
        "pid": os.getpid(),
        "version": SERVER_VERSION,
        "uptime": (now - host.started).total_seconds(),
        "localTime": now,
    }


def list_databases(host: Host, _database: str, _command: Command) -> Reply:
    """List databases that hold anything."""
    sizes: dict[str, int] = {}
    for table in host.catalog.tables():
        sizes[table.database] = sizes.get(table.database, 0) + table.live_bytes
    entries = [{"name": name, "sizeOnDisk": size, "empty": False} for name, size in sizes.items()]
    return {"databases": entries, "totalSize": sum(sizes.values())}


def drop_database(host: Host, database: str, _command: Command) -> Reply:
    """Drop every collection of a database."""
    for table in [table for table in host.catalog.tables() if table.database == database]:
        table.drop()
    return {"dropped": database}


def list_collections(host: Host, database: str, command: Command) -> Reply:
    """List collections of a database."""
    entries = [
        {
            "name": table.name,
            "type": "collection",
            "options": {},
            "info": {"readOnly": False},
            "idIndex": {"v": 2, "key": {"_id": 1}, "name": "_id_"},
        }
        for table in host.catalog.tables()
        if table.database == database
    ]
    wanted = command.get("filter") or {}
    entries = [entry for entry in entries if filter_applies(wanted, entry)]
    return _whole(host, f"{database}.$cmd.listCollections", entries)


def create(host: Host, database: str, command: Command) -> Reply:
    """Create an empty collection."""
    table = host.collection(database, command["create"]).table
    if table.is_created:
        raise OperationFailure(
            f"Collection {database}.{table.name} already exists.", _NAMESPACE_EXISTS
        )
    for option in ("validator", "capped", "timeseries", "viewOn"):
        if command.get(option):
            raise NotImplementedError(f"create with {option}")
    table.create()
    return {}


def drop(host: Host, database: str, command: Command) -> Reply:
    """Drop a collection."""
    table = _existing(host, database, command["drop"])
    count = len(table.indexes) + 1
    table.drop()
    return {"nIndexesWas": count, "ns": f"{database}.{table.name}"}


def rename_collection(host: Host, _database: str, command: Command) -> Reply:
    """Rename a collection within its database."""
    source, _, name = command["renameCollection"].partition(".")
    target, _, new_name = command["to"].partition(".")
    if source != target:
        raise NotImplementedError("renaming across databases")
    _existing(host, source, name)
    host.engine.get_database(source).rename_collection(
        name, new_name, dropTarget=bool(command.get("dropTarget"))
    )
    return {}


def create_indexes(host: Host, database: str, command: Command) -> Reply:
    """Create indexes; existing ones with the same definition stay."""
    table = host.collection(database, command["createIndexes"]).table
    before = len(table.indexes) + 1
    for spec in command["indexes"]:
        _create_index(table, spec)
    return {
        "numIndexesBefore": before,
        "numIndexesAfter": len(table.indexes) + 1,
        "createdCollectionAutomatically": False,
    }


def list_indexes(host: Host, database: str, command: Command) -> Reply:
    """List the indexes of a collection."""
    table = _existing(host, database, command["listIndexes"])
    entries: list[dict[str, Any]] = [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]
    entries += [
        {"v": 2, **spec, "key": dict(spec["key"]), "name": name}
        for name, spec in table.indexes.items()
    ]
    return _whole(host, f"{database}.{table.name}", entries)


def drop_indexes(host: Host, database: str, command: Command) -> Reply:
    """Drop indexes by name, by key, or all but the one on ``_id``."""
    table = _existing(host, database, command["dropIndexes"])
    before = len(table.indexes) + 1
    wanted = command["index"]
    if wanted == "*":
        names = list(table.indexes)
    elif isinstance(wanted, dict):
        pairs = list(wanted.items())
        names = [name for name, spec in table.indexes.items() if spec["key"] == pairs]
    else:
        names = [wanted] if isinstance(wanted, str) else list(wanted)
    if not names and wanted != "*":
        raise OperationFailure(f"can't find index with key: {wanted}", _INDEX_NOT_FOUND)
    for name in names:
        if name == "_id_":
            raise OperationFailure("cannot drop _id index", _INVALID_OPTIONS)
        if name not in table.indexes:
            raise OperationFailure(f"index not found with name [{name}]", _INDEX_NOT_FOUND)
        table.drop_index(name)
    return {"nIndexesWas": before}


def collection_stats(host: Host, database: str, command: Command) -> Reply:
    """Count documents and bytes of a collection."""
    table = host.collection(database, command.get("collStats", command.get("collstats"))).table
    return {"ns": f"{database}.{table.name}", **_sizes([table])}


def database_stats(host: Host, database: str, _command: Command) -> Reply:
    """Count documents and bytes of a database."""
    tables = [table for table in host.catalog.tables() if table.database == database]
    return {"db": database, "collections": len(tables), **_sizes(tables)}


def _create_index(table: Table, spec: dict[str, Any]) -> None:
    pairs = [(field, direction) for field, direction in spec["key"].items()]
    if pairs == [("_id", 1)]:
        return
    for _, direction in pairs:
        if direction not in {1, -1}:
            raise NotImplementedError(f"index of kind '{direction}'")
    name = spec.get("name") or "_".join(f"{field}_{direction}" for field, direction in pairs)
    options = {option: spec[option] for option in _INDEX_OPTIONS if spec.get(option) is not None}
    wanted = {"key": pairs, **{key: value for key, value in options.items() if value is not False}}
    existing = table.indexes.get(name)
    if existing == wanted:
        return
    if existing is not None:
        raise OperationFailure(
            f"An index named {name} exists already with another definition", _INDEX_CONFLICT
        )
    table.create_index(name, wanted)


def _existing(host: Host, database: str, name: str) -> Table:
    table = host.collection(database, name).table
    if not table.is_created:
        raise OperationFailure("ns not found", _NAMESPACE_NOT_FOUND)
    return table


def _sizes(tables: Iterable[Table]) -> Reply:
    tables = list(tables)
    count = sum(len(table) for table in tables)
    size = sum(table.live_bytes for table in tables)
    return {
        "count": count,
        "objects": count,
        "size": size,
        "dataSize": size,
        "storageSize": size,
        "indexes": sum(len(table.indexes) + 1 for table in tables),
        "nindexes": sum(len(table.indexes) + 1 for table in tables),
    }


def _whole(host: Host, namespace: str, entries: list[dict[str, Any]]) -> Reply:
    return host.cursors.start(namespace, entries, len(entries), single_batch=True)
