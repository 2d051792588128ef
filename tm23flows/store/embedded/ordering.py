"""In which order documents of a table come, and when its columns are used.

Owns sorting, by columns or by the engine's own keys with the same result, and the numbers of
documents from which on columns are worth their making.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mongomock_ng.filtering import resolve_sort_key
from pymongo.errors import OperationFailure

if TYPE_CHECKING:
    from tm23flows.store.embedded.tables import Table

Document = dict[str, Any]

MANY = 500
"""From this many documents on columns are used, and made where they are missing."""

_PART, _ENOUGH = 4, 100
"""From so many on, too, where they are at least this part of the table: such as a queue, of whose
jobs every worker asks again and again which is next."""

_SOME = 20


def sort_slots(table: Table, slots: list[int], sort: Document) -> list[int]:
    """Order documents.

    Parameters
    ----------
    table
        Where they are.
    slots
        Which ones.
    sort
        Field to direction (1 or -1), most significant first.

    Returns
    -------
        Their slots in that order; equal ones stay in the order in which they came.

    Raises
    ------
    OperationFailure
        If a direction makes no sense.
    """
    for field, direction in sort.items():
        if not isinstance(direction, int | float):
            raise OperationFailure(f"cannot sort '{field}' by {direction!r}", 2)
    if "$natural" not in sort and is_for_columns(table, slots, list(sort)):
        from tm23flows.store.embedded.by_columns import sort_many

        ordered = sort_many(table, slots, sort)
        if ordered is not None:
            return ordered
    for field, direction in reversed(sort.items()):
        if field == "$natural":
            slots = slots[:: 1 if direction > 0 else -1]
            continue
        keys = {slot: resolve_sort_key(field, table.document(slot)) for slot in slots}
        slots = sorted(slots, key=keys.__getitem__, reverse=direction < 0)
    return slots


def is_for_columns(table: Table, slots: Sequence[int], fields: list[str]) -> bool:
    """Whether there are enough documents to make columns, or to use those there are.

    Parameters
    ----------
    table
        The table.
    slots
        Documents that are to be looked at.
    fields
        Fields by which.

    Returns
    -------
        Whether columns are the way.
    """
    if len(slots) >= MANY or (len(slots) >= _ENOUGH and _PART * len(slots) >= len(table)):
        return True
    return len(slots) >= _SOME and table.columns.has(one for one in fields if one != "_id")
