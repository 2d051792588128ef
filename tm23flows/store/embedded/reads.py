"""Commands that read: find, getMore, aggregate, count, distinct.

Owns the translation of these commands into calls of the engine and the form of
their replies. Pipelines that write (``$out``, ``$merge``) pass through here too:
their changes are noted by the tables like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mongomock_ng.filtering import iter_key_candidates
from sentinels import NOTHING

from tm23flows.store.embedded.engine import EngineCollection
from tm23flows.store.embedded.host import Command, Host, Reply, refuse_collation
from tm23flows.store.embedded.indexes import hashable
from tm23flows.store.embedded.ordering import is_for_columns
from tm23flows.store.embedded.projection import read_projection

Stage = dict[str, Any]


def find(host: Host, database: str, command: Command) -> Reply:
    """Find documents; the reply holds the first batch."""
    refuse_collation(command)
    collection = host.collection(database, command["find"])
    query = command.get("filter") or {}
    limit = int(command.get("limit", 0))
    slots = collection.find_slots(
        query, command.get("sort"), int(command.get("skip", 0)), abs(limit)
    )
    documents = _shown(collection, slots, command.get("projection"), query)
    return host.cursors.start(
        f"{database}.{command['find']}",
        documents,
        command.get("batchSize"),
        single_batch=bool(command.get("singleBatch")) or limit < 0,
    )


def _shown(
    collection: EngineCollection, slots: list[int], fields: Any, query: dict[str, Any]
) -> Iterable[bytes | dict[str, Any]]:
    """Show documents as the client wants to see them."""
    table = collection.table
    if not fields:
        return [table.raw(slot) for slot in slots]
    projection = read_projection(fields)
    if projection is not None:
        if projection.is_id:
            return [{"_id": table.identifier(slot)} for slot in slots]
        cut = [projection.cut(table.raw(slot)) for slot in slots]
        whole = [one for one in cut if one is not None]
        if len(whole) == len(cut):
            return whole
    return collection.project([table.document(slot) for slot in slots], fields, query)


def get_more(host: Host, database: str, command: Command) -> Reply:
    """Continue a cursor."""
    namespace = f"{database}.{command['collection']}"
    return host.cursors.more(namespace, command["getMore"], command.get("batchSize"))


def kill_cursors(host: Host, _database: str, command: Command) -> Reply:
    """Close cursors that the client gave up."""
    return host.cursors.kill(command.get("cursors", ()))


def count(host: Host, database: str, command: Command) -> Reply:
    """Count documents; without a query this is the estimated count of drivers."""
    refuse_collation(command)
    collection = host.collection(database, command["count"])
    selected = collection.find_slots(
        command.get("query") or {},
        skip=int(command.get("skip", 0)),
        limit=abs(int(command.get("limit", 0))),
    )
    return {"n": len(selected)}


def distinct(host: Host, database: str, command: Command) -> Reply:
    """List the different values of a field; array elements count one by one."""
    refuse_collation(command)
    collection = host.collection(database, command["distinct"])
    values: dict[Any, Any] = {}
    slots = collection.find_slots(command.get("query") or {})
    documents = _stand_ins(collection, command["key"], slots)
    if documents is None:
        documents = [collection.table.document(slot) for slot in slots]
    for document in documents:
        for candidate in iter_key_candidates(command["key"], document):
            if candidate is NOTHING:
                continue
            for value in candidate if isinstance(candidate, list) else [candidate]:
                values.setdefault(hashable(value), value)
    return {"values": list(values.values())}


def _stand_ins(
    collection: EngineCollection, field: str, slots: list[int]
) -> list[dict[str, Any]] | None:
    if not is_for_columns(collection.table, slots, [field]):
        return None
    from tm23flows.store.embedded.by_columns import stand_ins

    return stand_ins(collection.table, field, slots)


def aggregate(host: Host, database: str, command: Command) -> Reply:
    """Run a pipeline; leading ``$match`` stages use the indexes."""
    refuse_collation(command)
    name = command["aggregate"]
    if not isinstance(name, str):
        raise NotImplementedError("aggregation without a collection")
    collection = host.collection(database, name)
    query, rest = _split_match(command["pipeline"])
    counted = _counted(collection, query, rest)
    if counted is None:
        selected = collection.select(query)
        counted = collection.run_pipeline(selected, rest) if rest else selected
    batch_size = (command.get("cursor") or {}).get("batchSize")
    return host.cursors.start(f"{database}.{name}", counted, batch_size)


def _split_match(pipeline: list[Stage]) -> tuple[dict[str, Any], list[Stage]]:
    """Separate the filter in front of a pipeline from its other stages."""
    filters = []
    position = 0
    while position < len(pipeline) and set(pipeline[position]) == {"$match"}:
        filters.append(pipeline[position]["$match"])
        position += 1
    filters = [each for each in filters if each]
    if len(filters) > 1:
        return {"$and": filters}, pipeline[position:]
    return (filters[0] if filters else {}), pipeline[position:]


def _counted(
    collection: EngineCollection, query: dict[str, Any], stages: list[Stage]
) -> list[dict[str, Any]] | None:
    """Answer the pipeline by which drivers count, without copying documents."""
    limits = {"$skip": 0, "$limit": 0}
    for stage in stages[:-1]:
        (operator, value), *others = stage.items()
        if others or operator not in limits or limits[operator]:
            return None
        limits[operator] = value
    if not stages or stages[-1] != {"$group": {"_id": 1, "n": {"$sum": 1}}}:
        return None
    if list(dict.fromkeys(key for stage in stages[:-1] for key in stage)) == ["$limit", "$skip"]:
        return None
    number = len(collection.find_slots(query, skip=limits["$skip"], limit=limits["$limit"]))
    return [{"_id": 1, "n": number}] if number else []
