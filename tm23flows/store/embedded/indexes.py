"""Hash indexes over documents in memory.

Owns the index entries of one index: uniqueness, sparse and partial indexes, and
the set of documents that can match an equality. Candidates are always a superset
of the matches; the caller still applies the whole filter. It holds no documents.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongomock_ng.filtering import filter_applies, iter_key_candidates
from sentinels import NOTHING

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
    return value


def equalities(query: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Fields that a filter pins to one of a few plain values.

    Parameters
    ----------
    query
        MongoDB filter; conditions under a top-level ``$and`` count too.

    Returns
    -------
        Field path to the values it may have. Fields with other conditions, null
        or regular expressions are left out.
    """
    found: dict[str, list[Any]] = {}
    for field, condition in query.items():
        if field == "$and" and isinstance(condition, list):
            for part in condition:
                if isinstance(part, Mapping):
                    found.update(equalities(part))
            continue
        values = _pinned_values(condition)
        if values is not None and not field.startswith("$"):
            found[field] = values
    return found


def _pinned_values(condition: Any) -> list[Any] | None:
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
        self.unique = bool(spec.get("unique"))
        self._sparse = bool(spec.get("sparse"))
        self._partial = spec.get("partialFilterExpression")
        # first field's value -> keys of documents, in order of arrival
        self._postings: dict[Hashable, dict[Hashable, None]] = {}
        self._owners: dict[tuple[Hashable, ...], Hashable] = {}
        self._entries: dict[Hashable, set[tuple[Hashable, ...]]] = {}

    def entries(self, document: Mapping[str, Any]) -> set[tuple[Hashable, ...]]:
        """Index entries of a document: one per combination of array elements."""
        if self._partial is not None and not filter_applies(self._partial, document):
            return set()
        columns = [_field_values(field, document) for field in self.fields]
        if self._sparse and all(column is None for column in columns):
            return set()
        filled = [column if column is not None else [None] for column in columns]
        return set(itertools.product(*filled))

    def conflict(self, key: Hashable, entries: set[tuple[Hashable, ...]]) -> bool:
        """Whether another document already owns one of these entries."""
        if not self.unique:
            return False
        return any(self._owners.get(entry, key) != key for entry in entries)

    def put(self, key: Hashable, entries: set[tuple[Hashable, ...]]) -> None:
        """Make these the entries of the document with this key."""
        if self._entries.get(key) == entries:
            return
        self.remove(key)
        if not entries:
            return
        self._entries[key] = entries
        for entry in entries:
            self._postings.setdefault(entry[0], {})[key] = None
            if self.unique:
                self._owners.setdefault(entry, key)

    def remove(self, key: Hashable) -> None:
        """Forget a document."""
        for entry in self._entries.pop(key, ()):
            postings = self._postings.get(entry[0], {})
            postings.pop(key, None)
            if not postings:
                self._postings.pop(entry[0], None)
            if self._owners.get(entry) == key:
                del self._owners[entry]

    def candidates(self, pinned: Mapping[str, list[Any]]) -> Iterable[Hashable] | None:
        """Keys of all documents that can match; None when the index cannot say."""
        values = pinned.get(self.fields[0])
        if values is None or self._partial is not None:
            return None
        if len(values) == 1:
            return self._postings.get(hashable(values[0]), {})
        merged: dict[Hashable, None] = {}
        for value in values:
            merged.update(self._postings.get(hashable(value), {}))
        return merged


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
