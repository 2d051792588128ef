"""Commands that write documents: insert, update, delete, findAndModify.

Owns their semantics per statement: ordered and unordered lists, write errors by
index, upserts. Storage rules (size, uniqueness) are enforced by the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import ObjectId, Regex
from pymongo.errors import OperationFailure, PyMongoError

from tm23flows.store.embedded.engine import EngineCollection
from tm23flows.store.embedded.failures import ENGINE_ERRORS, describe
from tm23flows.store.embedded.host import Command, Host, Reply, refuse_collation

Document = dict[str, Any]

_BAD_VALUE = 2
_INVALID_ID = 53


def insert(host: Host, database: str, command: Command) -> Reply:
    """Insert documents; those without an ``_id`` get one."""
    collection = host.collection(database, command["insert"])
    reply: Reply = {"n": 0}

    def insert_one(_: int, document: Document) -> None:
        if "_id" not in document:
            document = {"_id": ObjectId(), **document}
        if isinstance(document["_id"], list | Regex):
            raise OperationFailure("The '_id' value cannot be an array or a regex", _INVALID_ID)
        if document["_id"] in collection.table:
            raise collection.table.duplicate(None, document)
        collection.table[document["_id"]] = document
        reply["n"] += 1

    return _run_statements(command, "documents", insert_one, reply)


def update(host: Host, database: str, command: Command) -> Reply:
    """Update, replace or upsert documents."""
    collection = host.collection(database, command["update"])
    reply: Reply = {"n": 0, "nModified": 0}

    def update_one(index: int, statement: Document) -> None:
        refuse_collation(statement)
        new = _only_inserts(statement)
        if new is not None and not collection.table.options:
            if new["_id"] in collection.table:
                reply["n"] += 1
                return
            collection.table[new["_id"]] = new
            reply["n"] += 1
            reply.setdefault("upserted", []).append({"index": index, "_id": new["_id"]})
            return
        targets = collection.select(
            statement["q"], statement.get("sort"), limit=0 if statement.get("multi") else 1
        )
        filters = statement.get("arrayFilters")
        for target in targets:
            result = collection.modify(target, statement["q"], statement["u"], filters)
            reply["n"] += 1
            reply["nModified"] += result.modified_count
        if not targets and statement.get("upsert"):
            result = collection.modify(None, statement["q"], statement["u"], filters)
            reply["n"] += 1
            upserted = reply.setdefault("upserted", [])
            upserted.append({"index": index, "_id": result.upserted_id})

    return _run_statements(command, "updates", update_one, reply)


def _only_inserts(statement: Document) -> Document | None:
    """Return the document of an upsert by id that leaves an existing one alone.

    It is how the archive writes everything, so it must not go the long way.
    """
    query, update = statement["q"], statement["u"]
    if not statement.get("upsert") or statement.get("arrayFilters"):
        return None
    if list(query) != ["_id"] or not isinstance(query["_id"], str):
        return None
    if not isinstance(update, dict) or list(update) != ["$setOnInsert"]:
        return None
    fields = update["$setOnInsert"]
    if not isinstance(fields, dict) or not fields:
        return None
    if any(not name or "." in name or name[0] == "$" or name == "_id" for name in fields):
        return None
    return {"_id": query["_id"], **fields}


def delete(host: Host, database: str, command: Command) -> Reply:
    """Delete one or all documents that match."""
    collection = host.collection(database, command["delete"])
    reply: Reply = {"n": 0}

    def delete_matching(_: int, statement: Document) -> None:
        refuse_collation(statement)
        for document in collection.select(statement["q"], limit=int(statement.get("limit", 0))):
            del collection.table[document["_id"]]
            reply["n"] += 1

    return _run_statements(command, "deletes", delete_matching, reply)


def find_and_modify(host: Host, database: str, command: Command) -> Reply:
    """Change or remove one document and return it, in one step."""
    refuse_collation(command)
    name = command["findAndModify" if "findAndModify" in command else "findandmodify"]
    collection = host.collection(database, name)
    query = command.get("query") or {}
    matches = collection.select(query, command.get("sort"), limit=1)
    before = matches[0] if matches else None
    if command.get("remove"):
        if before is not None:
            del collection.table[before["_id"]]
        return _modified(collection, command, before, {"n": len(matches)})
    if "update" not in command:
        raise OperationFailure("Either an update or remove=true must be specified", _BAD_VALUE)
    outcome: Document = {"n": len(matches), "updatedExisting": bool(matches)}
    if before is None and not command.get("upsert"):
        return _modified(collection, command, None, outcome)
    result = collection.modify(before, query, command["update"], command.get("arrayFilters"))
    identifier = result.upserted_id if before is None else before["_id"]
    if before is None:
        outcome.update(n=1, upserted=identifier)
    shown = collection.table[identifier] if command.get("new") else before
    return _modified(collection, command, shown, outcome)


def _modified(
    collection: EngineCollection, command: Command, document: Document | None, outcome: Document
) -> Reply:
    """Compose the reply of findAndModify."""
    fields = command.get("fields")
    if document is not None and fields:
        projected = collection.project([document], fields, command.get("query") or {})
        document = projected[0] if projected else None
    return {"lastErrorObject": outcome, "value": document}


def _run_statements(
    command: Command,
    name: str,
    run: Callable[[int, Document], None],
    reply: Reply,
) -> Reply:
    """Run the statements of a command; failures go into the reply, one by one."""
    errors: list[Document] = []
    for index, statement in enumerate(command.get(name, ())):
        try:
            run(index, statement)
        except (PyMongoError, *ENGINE_ERRORS) as error:
            errors.append({"index": index, **describe(error)})
            if command.get("ordered", True):
                break
    if errors:
        reply["writeErrors"] = errors
    return reply
