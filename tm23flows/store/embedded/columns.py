"""Columns: single fields of all documents of a large table, by their distinct values.

Owns which distinct value of a field each document has, and what follows from that for
filters and orders. A condition is put to each distinct value once; what is not a plain
comparison of plain values goes to the engine, so both always mean the same. A field in which
arrays lie on the way, or large values, makes no column and stays the engine's business.
It does not know which documents are wanted (`matching.py`).
"""

from __future__ import annotations

import itertools
import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import bson
import numpy as np
from mongomock_ng.filtering import filter_applies, resolve_sort_key

from tm23flows.store.embedded.wire import CODEC

Document = dict[str, Any]

_OTHER, _TEXT, _NUMBER, _DATE = range(4)
_SORTED_AS = {_NUMBER: 10, _TEXT: 15, _DATE: 45}  # the engine's order of types
_NO_VALUE = 5
_LARGEST_EXACT = 2**53
_MAX_VALUE_BYTES = 1024
_MAX_ODD_VALUES = 20_000
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class UnfitError(Exception):
    """A field of some document cannot be a column."""


class Column:
    """One field of every document of a table, coded.

    Parameters
    ----------
    path
        Field path, with dots.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._parts = path.split(".")
        self._codes = array("i")  # by slot; -1 where the document is gone
        self._by_key: dict[Any, int] = {}
        self._values: list[Any] = []  # by code; of odd ones the document cut down to the path
        self._kinds = bytearray()
        self._odd: list[int] = []
        self._numbers = np.empty(0)
        self._ranks: np.ndarray | None = None

    def put(self, slot: int, document: Document) -> None:
        """Note the value of a document.

        Raises
        ------
        UnfitError
            When it is none that a column can hold.
        """
        code = self._code(document)
        if slot == len(self._codes):
            self._codes.append(code)
        else:
            self._codes[slot] = code

    def remove(self, slot: int) -> None:
        """Forget a document."""
        self._codes[slot] = -1

    def mask(self, condition: Any, slots: np.ndarray | None) -> np.ndarray:
        """Say which documents meet a condition.

        Parameters
        ----------
        condition
            What a filter says about this field.
        slots
            Documents to look at; None for all.

        Returns
        -------
            One boolean for each.
        """
        return self._meets(condition)[self._codes_at(slots)]

    def ranks(self, slots: np.ndarray) -> np.ndarray:
        """Return numbers that are ordered as the values are; equal ones have the same.

        Raises
        ------
        UnfitError
            When the order of the values is not simple and they are many.
        """
        if self._ranks is None or len(self._ranks) != len(self._values):
            self._ranks = self._ranked()
        return self._ranks[self._codes_at(slots)]

    def stand_ins(self, slots: np.ndarray | None) -> list[Document]:
        """Return one document cut down to this field per distinct value, by first appearance."""
        codes = self._codes_at(slots)
        codes = codes[codes >= 0]
        distinct, first = np.unique(codes, return_index=True)
        return [self._stand_in(code) for code in distinct[np.argsort(first)].tolist()]

    def _codes_at(self, slots: np.ndarray | None) -> np.ndarray:
        codes = np.frombuffer(self._codes, dtype=np.intc)
        # A copy, because an array with a view of it cannot grow.
        return codes.copy() if slots is None else codes[slots]

    def _code(self, document: Document) -> int:
        value: Any = document
        for depth, part in enumerate(self._parts):
            if type(value) is dict:
                if part not in value:
                    return self._odd_code(self._nest(depth, {}))
                value = value[part]
            elif isinstance(value, list | tuple):
                raise UnfitError
            else:
                return self._odd_code(self._nest(depth, value))
        kind, key = _classify(value)
        if kind == _OTHER:
            return self._odd_code(self._nest(len(self._parts), value))
        code = self._by_key.get(key)
        return self._new_code(key, kind, value) if code is None else code

    def _nest(self, depth: int, value: Any) -> Document:
        for part in reversed(self._parts[:depth]):
            value = {part: value}
        return value

    def _odd_code(self, stand_in: Document) -> int:
        raw = bson.encode(stand_in, codec_options=CODEC)
        if len(raw) > _MAX_VALUE_BYTES:
            raise UnfitError
        code = self._by_key.get(raw)
        if code is None:
            code = self._new_code(raw, _OTHER, stand_in)
            self._odd.append(code)
        return code

    def _new_code(self, key: Any, kind: int, value: Any) -> int:
        code = self._by_key[key] = len(self._values)
        self._values.append(value)
        self._kinds.append(kind)
        return code

    def _stand_in(self, code: int) -> Document:
        value = self._values[code]
        return value if self._kinds[code] == _OTHER else self._nest(len(self._parts), value)

    def _meets(self, condition: Any) -> np.ndarray:
        """Decide for each distinct value, and with a last False for documents that are gone."""
        found = np.zeros(len(self._values) + 1, dtype=bool)
        query = {self.path: condition}
        comparisons = _plain_comparisons(condition)
        if comparisons is None:
            for code in range(len(self._values)):
                found[code] = filter_applies(query, self._stand_in(code))
            return found
        found[:-1] = True
        for name, bound in comparisons:
            found[:-1] &= self._compared(name, bound)
        for code in self._odd:
            found[code] = filter_applies(query, self._values[code])
        return found

    def _compared(self, name: str, bound: Any) -> np.ndarray:
        """Compare all distinct values; odd ones come out anyhow."""
        if name == "$in":
            return self._among(bound)
        kind, key = _classify(bound)
        compare = _COMPARISONS[name]
        if kind == _NUMBER:
            return compare(self._as_numbers(), bound)
        if name == "$eq":
            found = np.zeros(len(self._values), dtype=bool)
            if key in self._by_key:
                found[self._by_key[key]] = True
            return found
        pairs = zip(self._kinds, self._values, strict=True)
        return np.fromiter((k == kind and compare(v, bound) for k, v in pairs), dtype=bool)

    def _among(self, bounds: Sequence[Any]) -> np.ndarray:
        found = np.zeros(len(self._values), dtype=bool)
        for one in bounds:
            kind, key = _classify(one)
            whole = kind == _NUMBER and float(one).is_integer()
            keys = [float(one), (int(one),)] if whole else [key]
            for each in keys:
                if each in self._by_key:
                    found[self._by_key[each]] = True
        return found

    def _as_numbers(self) -> np.ndarray:
        known = len(self._numbers)
        if known < len(self._values):
            pairs = zip(self._kinds[known:], self._values[known:], strict=True)
            more = np.array([v if k == _NUMBER else np.nan for k, v in pairs], dtype=float)
            self._numbers = np.concatenate([self._numbers, more])
        return self._numbers

    def _ranked(self) -> np.ndarray:
        count = len(self._values)
        odd = {code: resolve_sort_key(self.path, self._values[code]) for code in self._odd}
        if all(first == 1 and one.obj is None for first, one in odd.values()):
            keys: list[Any] = [
                (_NO_VALUE, 0) if kind == _OTHER else (_SORTED_AS[kind], value)
                for kind, value in zip(self._kinds, self._values, strict=True)
            ]
        elif count > _MAX_ODD_VALUES:
            raise UnfitError
        else:
            keys = [resolve_sort_key(self.path, self._stand_in(code)) for code in range(count)]
        order = sorted(range(count), key=keys.__getitem__)
        ranks = np.zeros(count, dtype=np.int64)
        rank = 0
        for before, code in itertools.pairwise(order):
            rank += bool(keys[before] < keys[code])
            ranks[code] = rank
        return ranks


class Columns:
    """The columns of one table, made when they are first asked for.

    Parameters
    ----------
    documents
        Gives the slot and the document of everything in the table.
    """

    def __init__(self, documents: Callable[[], Iterable[tuple[int, Document | None]]]) -> None:
        self._documents = documents
        self._columns: dict[str, Column] = {}
        self._unfit: set[str] = set()

    def get(self, paths: Iterable[str]) -> dict[str, Column]:
        """Return the columns of these fields; those that cannot be are left out."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._unfit]
        missing = [path for path in wanted if path not in self._columns]
        if missing:
            self._make(missing)
        return {path: self._columns[path] for path in wanted if path in self._columns}

    def has(self, paths: Iterable[str]) -> bool:
        """Whether there are columns of all these fields by now."""
        return all(path in self._columns for path in paths)

    def put(self, slot: int, document: Document) -> None:
        """Note a document that was stored."""
        for path, column in list(self._columns.items()):
            self._put(path, column, slot, document)

    def remove(self, slot: int) -> None:
        """Forget a document."""
        for column in self._columns.values():
            column.remove(slot)

    def clear(self) -> None:
        """Forget everything."""
        self._columns.clear()
        self._unfit.clear()

    def _make(self, paths: list[str]) -> None:
        fresh = {path: Column(path) for path in paths if _is_plain(path)}
        self._unfit.update(path for path in paths if path not in fresh)
        self._columns |= fresh
        for slot, document in self._documents():
            for path, column in fresh.items():
                if path not in self._columns:
                    continue
                self._put(path, column, slot, {} if document is None else document)
                if document is None and path in self._columns:
                    column.remove(slot)

    def _put(self, path: str, column: Column, slot: int, document: Document) -> None:
        try:
            column.put(slot, document)
        except UnfitError:
            del self._columns[path]
            self._unfit.add(path)


def _is_plain(path: str) -> bool:
    return all(path.split(".")) and not path.startswith("$")


def _classify(value: Any) -> tuple[int, Any]:
    """Return the kind of a value and a key that only equal values of its type share."""
    kind = type(value)
    if kind is str:
        return _TEXT, value
    if kind is float and value == value:  # noqa: PLR0124 (not a number)
        return _NUMBER, value
    if kind is int and abs(value) <= _LARGEST_EXACT:
        return _NUMBER, (value,)
    if kind is datetime and value.tzinfo is None:
        return _DATE, value
    return _OTHER, None


def _plain_comparisons(condition: Any) -> list[tuple[str, Any]] | None:
    """Read a condition that only compares with plain values; None for any other."""
    if not isinstance(condition, dict):
        condition = {"$eq": condition}
    found = list(condition.items())
    for name, bound in found:
        bounds = bound if name == "$in" else [bound]
        if name not in _COMPARISONS and name != "$in":
            return None
        if not isinstance(bounds, list) or any(_classify(one)[0] == _OTHER for one in bounds):
            return None
    return found or None


def holds_for_text(condition: Any) -> Callable[[Any], bool]:
    """Make a test of single values from a condition that compares with text.

    Parameters
    ----------
    condition
        What a filter says about a field.

    Returns
    -------
        The test; no value that is not text meets it.

    Raises
    ------
    UnfitError
        When the condition is another one.
    """
    comparisons = _plain_comparisons(condition) or [("", None)]
    if any(name not in _COMPARISONS or type(bound) is not str for name, bound in comparisons):
        raise UnfitError
    tests = [(_COMPARISONS[name], bound) for name, bound in comparisons]
    return lambda value: type(value) is str and all(test(value, bound) for test, bound in tests)
