"""Plain values, and the conditions that compare with them.

Owns which values and conditions are simple enough to be decided without the engine, and what
they mean then, which is what they mean to the engine.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

OTHER, TEXT, NUMBER, DATE = range(4)
"""Kinds of values; those of kind OTHER are the engine's business."""

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_LARGEST_EXACT = 2**53


class UnfitError(Exception):
    """Something is not simple enough."""


def classify(value: Any) -> tuple[int, Any]:
    """Return the kind of a value and a key that only equal values of its type share."""
    kind = type(value)
    if kind is str:
        return TEXT, value
    if kind is float and value == value:  # noqa: PLR0124 (not a number)
        return NUMBER, value
    if kind is int and abs(value) <= _LARGEST_EXACT:
        return NUMBER, (value,)
    if kind is datetime and value.tzinfo is None:
        return DATE, value
    return OTHER, None


def plain_comparisons(condition: Any) -> list[tuple[str, Any]] | None:
    """Read a condition that only compares with plain values; None for any other."""
    if not isinstance(condition, dict):
        condition = {"$eq": condition}
    found = list(condition.items())
    for name, bound in found:
        bounds = bound if name == "$in" else [bound]
        if name not in COMPARISONS and name != "$in":
            return None
        if not isinstance(bounds, list) or any(classify(one)[0] == OTHER for one in bounds):
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
    comparisons = plain_comparisons(condition) or [("", None)]
    if any(name not in COMPARISONS or type(bound) is not str for name, bound in comparisons):
        raise UnfitError
    tests = [(COMPARISONS[name], bound) for name, bound in comparisons]
    return lambda value: type(value) is str and all(test(value, bound) for test, bound in tests)
