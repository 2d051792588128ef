"""One field of all documents of a large table, by its distinct values.

Owns which distinct value each document has, and what follows from that for filters and
orders. A condition is put to each distinct value once; what is not a plain comparison of plain
values goes to the engine, so both always mean the same. A field in which arrays lie on the
way, or large values, makes no column and stays the engine's business.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from typing import Any

import bson
import numpy as np
from mongomock_ng.filtering import filter_applies, resolve_sort_key

from tm23flows.store.embedded.comparisons import (
    COMPARISONS,
    DATE,
    NUMBER,
    OTHER,
    TEXT,
    UnfitError,
    classify,
    plain_comparisons,
)
from tm23flows.store.embedded.wire import CODEC

Document = dict[str, Any]

_SORTED_AS = {NUMBER: 10, TEXT: 15, DATE: 45}  # the engine's order of types
_NO_VALUE = 5
_MAX_VALUE_BYTES = 1024
_MAX_ODD_VALUES = 20_000


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

        Parameters
        ----------
        slot
            Place of the document; the next one, or one that is there.
        document
            All of it.

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
        met: np.ndarray = self._meets(condition)[self._codes_at(slots)]
        return met

    def ranks(self, slots: np.ndarray) -> np.ndarray:
        """Return numbers that are ordered as the values are; equal ones have the same.

        Parameters
        ----------
        slots
            Places of documents.

        Returns
        -------
            One integer for each.

        Raises
        ------
        UnfitError
            When the order of the values is not simple and they are many.
        """
        if self._ranks is None or len(self._ranks) != len(self._values):
            self._ranks = self._ranked()
        ranks: np.ndarray = self._ranks[self._codes_at(slots)]
        return ranks

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
        kind, key = classify(value)
        if kind == OTHER:
            return self._odd_code(self._nest(len(self._parts), value))
        code = self._by_key.get(key)
        return self._new_code(key, kind, value) if code is None else code

    def _nest(self, depth: int, value: Any) -> Document:
        for part in reversed(self._parts[:depth]):
            value = {part: value}
        nested: Document = value
        return nested

    def _odd_code(self, stand_in: Document) -> int:
        raw = bson.encode(stand_in, codec_options=CODEC)
        if len(raw) > _MAX_VALUE_BYTES:
            raise UnfitError
        code = self._by_key.get(raw)
        if code is None:
            code = self._new_code(raw, OTHER, stand_in)
            self._odd.append(code)
        return code

    def _new_code(self, key: Any, kind: int, value: Any) -> int:
        code = self._by_key[key] = len(self._values)
        self._values.append(value)
        self._kinds.append(kind)
        return code

    def _stand_in(self, code: int) -> Document:
        value = self._values[code]
        return value if self._kinds[code] == OTHER else self._nest(len(self._parts), value)

    def _meets(self, condition: Any) -> np.ndarray:
        """Decide for each distinct value, and with a last False for documents that are gone."""
        found = np.zeros(len(self._values) + 1, dtype=bool)
        query = {self.path: condition}
        comparisons = plain_comparisons(condition)
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
        kind, key = classify(bound)
        compare = COMPARISONS[name]
        if kind == NUMBER:
            met: np.ndarray = compare(self._as_numbers(), bound)
            return met
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
            kind, key = classify(one)
            whole = kind == NUMBER and float(one).is_integer()
            keys = [float(one), (int(one),)] if whole else [key]
            for each in keys:
                if each in self._by_key:
                    found[self._by_key[each]] = True
        return found

    def _as_numbers(self) -> np.ndarray:
        known = len(self._numbers)
        if known < len(self._values):
            pairs = zip(self._kinds[known:], self._values[known:], strict=True)
            more = np.array([v if k == NUMBER else np.nan for k, v in pairs], dtype=float)
            self._numbers = np.concatenate([self._numbers, more])
        return self._numbers

    def _ranked(self) -> np.ndarray:
        count = len(self._values)
        odd = {code: resolve_sort_key(self.path, self._values[code]) for code in self._odd}
        if all(first == 1 and one.obj is None for first, one in odd.values()):
            keys: list[Any] = [
                (_NO_VALUE, 0) if kind == OTHER else (_SORTED_AS[kind], value)
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
