"""Hash indexes over documents in memory.

Owns the index entries of one index: uniqueness, sparse and partial indexes, and
the set of documents that can match an equality. Candidates are always a superset
of the matches. It holds no documents and knows them by their slots, small numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongomock_ng.filtering import filter_applies, iter_key_candidates
from sentinels import NOTHING

_SIMPLE = frozenset({str, int, float, ObjectId, datetime})

Entries = Collection[tuple[Hashable, ...]]

_LOOKED_UP = (str, int, float, bytes, ObjectId, datetime)


def hashable(value: Any) -> Hashable:
    """Return a key under which equal BSON values meet, whatever their type.

    Parameters
    ----------
    value
        Any value of a document.

    Returns
    -------
        A hashable stand-in; true and 1 stay different, 1 and 1.0 are equal.
    """
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    if isinstance(value, Mapping):
        return ("object", tuple((key, hashable(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("array", tuple(hashable(item) for item in value))
    try:
        hash(value)
    except TypeError:
        return ("other", repr(value))
    itself: Hashable = value
    return itself


def pinned_values(condition: Any) -> list[Any] | None:
    """Return the few plain values that a condition allows.

    Parameters
    ----------
    condition
        What a filter says about a field.

    Returns
    -------
        The values; None for other conditions, null and regular expressions.
    """
    if isinstance(condition, Mapping):
        if "$eq" in condition:
            values = [condition["$eq"]]
        elif isinstance(condition.get("$in"), list):
            values = condition["$in"]
        else:
            return None
    else:
        values = [condition]
    for value in values:
        if not isinstance(value, _LOOKED_UP) or value != value:  # noqa: PLR0124 (not a number)
            return None
    return values


class Index:
    """One index of a collection; built from the specification in createIndexes."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.name: str = spec["name"]
        self.fields: list[str] = [field for field, _ in spec["key"]]
        self._parts = [field.split(".") for field in self.fields]
        self.unique = bool(spec.get("unique"))
        self._sparse = bool(spec.get("sparse"))
        self._partial = spec.get("partialFilterExpression")
        # first field's value -> slot, or slots where there are several
        self._postings: dict[Hashable, int | set[int]] = {}
        self._owners: dict[tuple[Hashable, ...], int] = {}

    def entries(self, document: Mapping[str, Any]) -> Entries:
        """Index entries of a document: one per combination of array elements.

        Without uniqueness only values of the first field are of use.
        """
        if self._partial is not None and not filter_applies(self._partial, document):
            return set()
        if not self.unique:
            value = _plain_value(self._parts[0], document)
            if value is not None:  # nearly always
                return ((value,),)
            return {(value,) for value in _field_values(self.fields[0], document) or ()}
        columns = [
            [value]
            if (value := _plain_value(parts, document)) is not None
            else _field_values(field, document)
            for parts, field in zip(self._parts, self.fields, strict=True)
        ]
        if self._sparse and all(column is None for column in columns):
            return set()
        filled = [column if column is not None else [None] for column in columns]
        return set(itertools.product(*filled))

    def stands_for(self, other: Index) -> bool:
        """Whether this one offers all that another index would."""
        same = self.fields[0] == other.fields[0] and self._partial == other._partial
        return same and not self.unique and not other.unique

    def conflict(self, slot: int, entries: Entries) -> bool:
        """Whether another document already owns one of these entries."""
        if not self.unique:
            return False
        return any(self._owner(entry, slot) != slot for entry in entries)

    def put(self, slot: int, entries: Entries) -> None:
        """Add the entries of the document in a slot."""
        for entry in entries:
            first = entry[0]
            there = self._postings.setdefault(first, slot)
            if isinstance(there, set):
                there.add(slot)
            elif there != slot:
                self._postings[first] = {there, slot}
            if self._has_owners:
                self._owners.setdefault(entry, slot)

    def remove(self, slot: int, entries: Entries) -> None:
        """Take the entries of the document in a slot away."""
        for entry in entries:
            there = self._postings.get(entry[0])
            if there == slot:
                del self._postings[entry[0]]
            elif isinstance(there, set):
                there.discard(slot)
                if not there:
                    del self._postings[entry[0]]
            if self._owners.get(entry) == slot:
                del self._owners[entry]

    def clear(self) -> None:
        """Forget everything."""
        self._postings.clear()
        self._owners.clear()

    def candidates(self, values: Sequence[Any]) -> Collection[int] | None:
        """Slots of all documents whose first field can be one of these; None: cannot say."""
        if self._partial is not None:
            return None
        found = [self._postings.get(hashable(value), ()) for value in values]
        slots: list[Collection[int]] = [(one,) if isinstance(one, int) else one for one in found]
        return slots[0] if len(slots) == 1 else set().union(*slots)

    @property
    def _has_owners(self) -> bool:
        # Of one field, the postings know the owner.
        return self.unique and len(self.fields) > 1

    def _owner(self, entry: tuple[Hashable, ...], default: int) -> int:
        if self._has_owners:
            return self._owners.get(entry, default)
        there = self._postings.get(entry[0], default)
        return min(there) if isinstance(there, set) else there


def _plain_value(parts: Sequence[str], document: Mapping[str, Any]) -> Hashable:
    """Value of a field that holds one plain value; None for everything else."""
    value: Any = document
    for part in parts:
        value = value.get(part) if type(value) is dict else None
    return value if type(value) in _SIMPLE and value == value else None  # noqa: PLR0124


def _field_values(field: str, document: Mapping[str, Any]) -> list[Hashable] | None:
    """Values of a field for the index, None when the field is missing."""
    found: dict[Hashable, None] = {}
    missing = True
    for value in iter_key_candidates(field, document):
        if value is NOTHING:
            found[None] = None
            continue
        missing = False
        if isinstance(value, list) and value:
            found.update((hashable(item), None) for item in value)
        else:
            found[hashable(value)] = None
    return None if missing else list(found)
