"""Filters taken apart.

Owns what the parts of a filter are and which fields they speak about, not what they mean.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
Condition = tuple[str, Any]
"""A field or an operator such as ``$or``, and what is said about it."""

BRANCHES = ("$or", "$nor", "$and")
"""Operators that join further filters."""


def conditions_of(query: Document) -> list[Condition]:
    """Take a filter apart into what must all be true.

    Parameters
    ----------
    query
        MongoDB filter.

    Returns
    -------
        Its conditions, with those under ``$and``.
    """
    found: list[Condition] = []
    for name, wanted in query.items():
        parts = wanted if isinstance(wanted, list) else []
        if name == "$and" and parts and all(isinstance(part, dict) for part in parts):
            found += [one for part in parts for one in conditions_of(part)]
        else:
            found.append((name, wanted))
    return found


def fields_of(conditions: list[Condition]) -> list[str]:
    """List the fields that conditions speak about.

    Parameters
    ----------
    conditions
        Parts of a filter.

    Returns
    -------
        Field paths, also of the filters that are joined in them.
    """
    found: list[str] = []
    for name, wanted in conditions:
        if name in BRANCHES and isinstance(wanted, list):
            for part in wanted:
                found += fields_of(conditions_of(part)) if isinstance(part, dict) else []
        elif not name.startswith("$"):
            found.append(name)
    return found
