"""Server time: what a command says about "now" becomes a constant.

Owns the rewriting of ``$currentDate`` and ``$$NOW`` into one naive UTC datetime
per command, before the engine or the journal see it: the engine knows neither
in a form that can be compared afterwards. The same walk refuses the operators
that would run code of the client inside the server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure

_RUNS_CODE = frozenset({"$where", "$function", "$accumulator"})
_CONFLICTING_UPDATE = 40
_NOT_ALLOWED = 2


def utc_now() -> datetime:
    """Naive UTC time with the millisecond resolution of BSON."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def resolve_times(command: dict[str, Any], now: datetime) -> None:
    """Replace every mention of the current time in a command, in place.

    Parameters
    ----------
    command
        Command as it came from the client.
    now
        Naive UTC time of this command.

    Raises
    ------
    OperationFailure
        When the command contains an operator that runs code, or sets the same
        field twice.
    """
    for name in ("filter", "query"):
        if isinstance(command.get(name), dict):
            command[name] = _resolve_filter(command[name], now)
    if isinstance(command.get("pipeline"), list):
        command["pipeline"] = _resolve_expression(command["pipeline"], now)
    if isinstance(command.get("update"), dict | list):
        command["update"] = _resolve_update(command["update"], now)
    for statement in (*command.get("updates", ()), *command.get("deletes", ())):
        statement["q"] = _resolve_filter(statement.get("q", {}), now)
        if "u" in statement:
            statement["u"] = _resolve_update(statement["u"], now)


def _refuse_code(key: str) -> None:
    if key in _RUNS_CODE:
        raise OperationFailure(f"{key} is not available in the embedded database", _NOT_ALLOWED)


def _resolve_filter(value: Any, now: datetime) -> Any:
    """In a filter only ``$expr`` holds expressions; everything else is data."""
    if isinstance(value, list):
        return [_resolve_filter(item, now) for item in value]
    if not isinstance(value, dict):
        return value
    resolved = {}
    for key, item in value.items():
        _refuse_code(key)
        resolve = _resolve_expression if key == "$expr" else _resolve_filter
        resolved[key] = resolve(item, now)
    return resolved


def _resolve_expression(value: Any, now: datetime) -> Any:
    """Walk an aggregation expression or pipeline, sparing literals."""
    if value == "$$NOW":
        return now
    if isinstance(value, list):
        return [_resolve_expression(item, now) for item in value]
    if not isinstance(value, dict):
        return value
    resolved = {}
    for key, item in value.items():
        _refuse_code(key)
        if key == "$literal":
            resolved[key] = item
        elif key == "$match":
            resolved[key] = _resolve_filter(item, now)
        else:
            resolved[key] = _resolve_expression(item, now)
    return resolved


def _resolve_update(update: Any, now: datetime) -> Any:
    """Turn ``$currentDate`` into ``$set``; a pipeline update is an expression."""
    if isinstance(update, list):
        return _resolve_expression(update, now)
    if "$currentDate" not in update:
        return update
    stamp = Timestamp(int(now.replace(tzinfo=UTC).timestamp()), 1)
    dates = {
        path: stamp if kind == {"$type": "timestamp"} else now
        for path, kind in update["$currentDate"].items()
    }
    fixed = update.get("$set", {})
    for path in dates:
        if path in fixed:
            raise OperationFailure(
                f"Updating the path '{path}' would create a conflict", _CONFLICTING_UPDATE
            )
    rest = {key: item for key, item in update.items() if key != "$currentDate"}
    rest["$set"] = {**fixed, **dates}
    return rest
