"""Which documents of a table match a filter.

Owns the choice of the road. Ids and indexes name few documents, columns decide about many
at once without reading them, and whatever these do not understand is put to the engine's own
filter, document by document. All roads give the same documents in the same order, except
that ids are answered in the order in which they were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mongomock_ng.filtering import filter_applies
from pymongo.errors import PyMongoError

from tm23flows.store.embedded import ordering
from tm23flows.store.embedded.comparisons import UnfitError, holds_for_text
from tm23flows.store.embedded.failures import ENGINE_ERRORS

if TYPE_CHECKING:
    from tm23flows.store.embedded.column import Column
    from tm23flows.store.embedded.tables import Table

Document = dict[str, Any]
Condition = tuple[str, Any]

_BRANCHES = ("$or", "$nor", "$and")


def find_slots(table: Table, query: Document, enough: int = 0) -> list[int]:
    """Find the documents that match a filter.

    Parameters
    ----------
    table
        Where to look.
    query
        MongoDB filter.
    enough
        How many are wanted; 0 means all.

    Returns
    -------
        Their slots: in order of arrival, or of the ids in the filter.
    """
    if not len(table):
        filter_applies(query, {})  # a wrong operator is an error even then
    conditions = _conditions(query)
    offer = table.offer(conditions)
    if offer is not None and (offer.in_order or offer.is_all or len(offer.slots) < ordering.MANY):
        slots: Sequence[int] = offer.slots if offer.in_order else sorted(offer.slots)
        if offer.settled is not None:
            del conditions[offer.settled]
    else:
        slots = table.slots
    if not conditions:
        return list(slots)
    if ordering.is_for_columns(table, slots, _fields(conditions)):
        decided = _decide(table, conditions, slots)
        if decided is not None:
            return decided
        slots = slots if offer is None or offer.in_order else sorted(offer.slots)
    rest: Document = {"$and": [{name: wanted} for name, wanted in conditions]}
    rest = rest if len(conditions) > 1 else dict(conditions)
    found: list[int] = []
    for slot in slots:
        if filter_applies(rest, table.document(slot)):
            found.append(slot)
            if len(found) == enough:
                break
    return found


def distinct_stand_ins(table: Table, field: str, slots: list[int]) -> list[Document] | None:
    """Return documents that have, cut down to a field, all its values among many documents.

    Parameters
    ----------
    table
        Where the documents are.
    field
        Field path.
    slots
        Which documents.

    Returns
    -------
        In order of first appearance; None where the documents must be looked at.
    """
    if not ordering.is_for_columns(table, slots, [field]):
        return None
    column = table.columns.get([field]).get(field)
    return None if column is None else column.stand_ins(np.array(slots, dtype=np.int64))


def _conditions(query: Document) -> list[Condition]:
    """Take a filter apart into what must all be true."""
    found: list[Condition] = []
    for name, wanted in query.items():
        parts = wanted if isinstance(wanted, list) else []
        if name == "$and" and parts and all(isinstance(part, dict) for part in parts):
            found += [one for part in parts for one in _conditions(part)]
        else:
            found.append((name, wanted))
    return found


def _decide(table: Table, conditions: list[Condition], slots: Sequence[int]) -> list[int] | None:
    """Decide by columns; None when they cannot, or the filter may be wrong."""
    whole = isinstance(slots, range)
    places = None if whole else np.array(slots, dtype=np.int64)
    fields = _fields(conditions)
    columns: dict[str, Column | _Identifiers] = {"_id": _Identifiers(table)}
    columns |= table.columns.get(field for field in fields if field != "_id")
    try:
        mask = _mask(columns, conditions, places, len(slots))
    except (UnfitError, PyMongoError, *ENGINE_ERRORS):
        return None
    if mask is None:
        return None
    return (np.nonzero(mask)[0] if places is None else places[mask]).tolist()


class _Identifiers:
    """The ids of a table, to be asked like a column."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mask(self, condition: Any, slots: np.ndarray | None) -> np.ndarray:
        """Say which ids meet a condition that compares with text."""
        holds = holds_for_text(condition)
        places = self._table.slots if slots is None else slots.tolist()
        return np.array([holds(self._table.identifier(slot)) for slot in places], dtype=bool)


def _fields(conditions: list[Condition]) -> list[str]:
    found: list[str] = []
    for name, wanted in conditions:
        if name in _BRANCHES and isinstance(wanted, list):
            for part in wanted:
                found += _fields(_conditions(part)) if isinstance(part, dict) else []
        elif not name.startswith("$"):
            found.append(name)
    return found


def _mask(
    columns: Mapping[str, Column | _Identifiers],
    conditions: list[Condition],
    slots: np.ndarray | None,
    count: int,
) -> np.ndarray | None:
    """Put conditions together; None when one of them is beyond columns."""
    mask = np.ones(count, dtype=bool)
    for name, wanted in conditions:
        if name in columns:
            mask &= columns[name].mask(wanted, slots)
        elif name in _BRANCHES and isinstance(wanted, list) and wanted:
            parts = []
            for part in wanted:
                if not isinstance(part, dict):
                    return None
                parts.append(_mask(columns, _conditions(part), slots, count))
            if any(part is None for part in parts):
                return None
            joined = np.logical_and if name == "$and" else np.logical_or
            found = joined.reduce(parts)
            mask &= ~found if name == "$nor" else found
        else:
            return None
    return mask
