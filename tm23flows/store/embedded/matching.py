"""Which documents of a table match a filter.

Owns the choice of the road. Ids and indexes name few documents, columns decide about many
at once without reading them, and whatever these do not understand is put to the engine's own
filter, document by document. All roads give the same documents in the same order, except
that ids are answered in the order in which they were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mongomock_ng.filtering import filter_applies

from tm23flows.store.embedded import ordering
from tm23flows.store.embedded.filters import conditions_of, fields_of

if TYPE_CHECKING:
    from tm23flows.store.embedded.tables import Table

Document = dict[str, Any]


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
    conditions = conditions_of(query)
    offer = table.offer(conditions)
    if offer is not None and (offer.in_order or offer.is_all or len(offer.slots) < ordering.MANY):
        slots: Sequence[int] = list(offer.slots) if offer.in_order else sorted(offer.slots)
        if offer.settled is not None:
            del conditions[offer.settled]
    else:
        slots = table.slots
    if not conditions:
        return list(slots)
    if ordering.is_for_columns(table, slots, fields_of(conditions)):
        from tm23flows.store.embedded.by_columns import decide

        decided = decide(table, conditions, slots)
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
