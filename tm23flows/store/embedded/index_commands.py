"""Commands about indexes.

Owns creating, listing and dropping indexes, and which kinds there are. How an index
works is in `indexes.py`.
"""

from __future__ import annotations

from typing import Any

from pymongo.errors import OperationFailure

from tm23flows.store.embedded.admin import existing_table, whole_list
from tm23flows.store.embedded.host import Command, Host, Reply
from tm23flows.store.embedded.tables import Table

_INDEX_NOT_FOUND = 27
_INVALID_OPTIONS = 72
_INDEX_CONFLICT = 86
_INDEX_OPTIONS = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression")


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
    table = existing_table(host, database, command["listIndexes"])
    entries: list[dict[str, Any]] = [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]
    entries += [
        {"v": 2, **spec, "key": dict(spec["key"]), "name": name}
        for name, spec in table.indexes.items()
    ]
    return whole_list(host, f"{database}.{table.name}", entries)


def drop_indexes(host: Host, database: str, command: Command) -> Reply:
    """Drop indexes by name, by key, or all but the one on ``_id``."""
    table = existing_table(host, database, command["dropIndexes"])
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
