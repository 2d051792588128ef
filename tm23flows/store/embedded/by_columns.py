"""Many documents at once: filters, orders and distinct values by the columns of a table.

Owns the combination of columns. Whatever they cannot say is answered by None, and the caller
looks at the documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mongomock_ng.filtering import resolve_sort_key
from pymongo.errors import PyMongoError

from tm23flows.store.embedded.column import Column
from tm23flows.store.embedded.comparisons import UnfitError, holds_for_text
from tm23flows.store.embedded.failures import ENGINE_ERRORS
from tm23flows.store.embedded.filters import BRANCHES, Condition, conditions_of, fields_of

if TYPE_CHECKING:
    from tm23flows.store.embedded.tables import Table

Document = dict[str, Any]


def decide(table: Table, conditions: list[Condition], slots: Sequence[int]) -> list[int] | None:
    """Decide by columns; None when they cannot, or the filter may be wrong.

    Parameters
    ----------
    table
        Where to look.
    conditions
        What must all be true.
    slots
        Documents to look at.

    Returns
    -------
        The slots of those that match, in the same order.
    """
    whole = isinstance(slots, range)
    places = None if whole else np.array(slots, dtype=np.int64)
    fields = fields_of(conditions)
    columns: dict[str, Column | _Identifiers] = {"_id": _Identifiers(table)}
    columns |= table.columns.get(field for field in fields if field != "_id")
    try:
        mask = _mask(columns, conditions, places, len(slots))
    except (UnfitError, PyMongoError, *ENGINE_ERRORS):
        return None
    if mask is None:
        return None
    return (np.nonzero(mask)[0] if places is None else places[mask]).tolist()


def sort_many(table: Table, slots: list[int], sort: Document) -> list[int] | None:
    """Order by columns; None when they cannot.

    Parameters
    ----------
    table
        Where the documents are.
    slots
        Which ones.
    sort
        Field to direction (1 or -1), most significant first.

    Returns
    -------
        Their slots in that order; equal ones stay in the order in which they came.
    """
    *first, last = sort
    fields = first if last == "_id" else [*first, last]
    columns = table.columns.get(fields)
    if len(columns) < len(fields):
        return None
    places = np.array(slots, dtype=np.int64)
    try:
        ranks = [columns[field].ranks(places) * (-1 if sort[field] < 0 else 1) for field in fields]
    except (UnfitError, TypeError, NotImplementedError):
        return None
    ordered: list[int]
    if last != "_id":
        ordered = places[_order(ranks)].tolist()
        return ordered
    # Few documents are told apart by their ids only, so these are compared last.
    order = _order(ranks) if ranks else np.arange(len(places))
    groups = np.zeros(len(places), dtype=np.int64)
    for one in ranks:
        groups[1:] |= one[order][1:] != one[order][:-1]
    group_of = dict(zip(places[order].tolist(), np.cumsum(groups).tolist(), strict=True))
    if len(set(group_of.values())) == len(slots):
        ordered = places[order].tolist()
        return ordered
    keys = {slot: resolve_sort_key("_id", {"_id": table.identifier(slot)}) for slot in slots}
    by_id = sorted(slots, key=keys.__getitem__, reverse=sort["_id"] < 0)
    return sorted(by_id, key=group_of.__getitem__)


def _order(ranks: list[np.ndarray]) -> np.ndarray:
    return np.lexsort(ranks[::-1])


def stand_ins(table: Table, field: str, slots: list[int]) -> list[Document] | None:
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
    column = table.columns.get([field]).get(field)
    return None if column is None else column.stand_ins(np.array(slots, dtype=np.int64))


class _Identifiers:
    """The ids of a table, to be asked like a column."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mask(self, condition: Any, slots: np.ndarray | None) -> np.ndarray:
        """Say which ids meet a condition that compares with text."""
        holds = holds_for_text(condition)
        places = self._table.slots if slots is None else slots.tolist()
        return np.array([holds(self._table.identifier(slot)) for slot in places], dtype=bool)


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
        elif name in BRANCHES and isinstance(wanted, list) and wanted:
            parts = []
            for part in wanted:
                if not isinstance(part, dict):
                    return None
                parts.append(_mask(columns, conditions_of(part), slots, count))
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            joined = np.logical_and if name == "$and" else np.logical_or
            found = joined.reduce(known)
            mask &= ~found if name == "$nor" else found
        else:
            return None
    return mask
