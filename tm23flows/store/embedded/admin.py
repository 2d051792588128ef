"""Commands about databases and collections.

Owns creating, dropping, renaming, listing and measuring them. Indexes are in
`index_commands.py`, documents are the business of `reads.py` and `writes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mongomock_ng.filtering import filter_applies
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.host import Command, Host, Reply
from tm23flows.store.embedded.tables import Table

_NAMESPACE_NOT_FOUND = 26
_NAMESPACE_EXISTS = 48


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
    return whole_list(host, f"{database}.$cmd.listCollections", entries)


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
    table = existing_table(host, database, command["drop"])
    count = len(table.indexes) + 1
    table.drop()
    return {"nIndexesWas": count, "ns": f"{database}.{table.name}"}


def rename_collection(host: Host, _database: str, command: Command) -> Reply:
    """Rename a collection within its database."""
    source, _, name = command["renameCollection"].partition(".")
    target, _, new_name = command["to"].partition(".")
    if source != target:
        raise NotImplementedError("renaming across databases")
    existing_table(host, source, name)
    host.engine.get_database(source).rename_collection(
        name, new_name, dropTarget=bool(command.get("dropTarget"))
    )
    return {}


def collection_stats(host: Host, database: str, command: Command) -> Reply:
    """Count documents and bytes of a collection."""
    table = host.collection(
        database, command["collStats" if "collStats" in command else "collstats"]
    ).table
    return {"ns": f"{database}.{table.name}", **_sizes([table])}


def database_stats(host: Host, database: str, _command: Command) -> Reply:
    """Count documents and bytes of a database."""
    tables = [table for table in host.catalog.tables() if table.database == database]
    return {"db": database, "collections": len(tables), **_sizes(tables)}


def existing_table(host: Host, database: str, name: str) -> Table:
    """Table of a collection; an error when there is none."""
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


def whole_list(host: Host, namespace: str, entries: list[dict[str, Any]]) -> Reply:
    """Reply with a short list in one batch."""
    return host.cursors.start(namespace, entries, len(entries), single_batch=True)
