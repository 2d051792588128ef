"""A document without the places where it was made, for files that strangers read.

Owns which fields are places: names of machines, and folders on them. They say nothing about the
numbers and are in no id, but a published file has no need of them.
"""

from __future__ import annotations

from typing import Any

from tm23flows.store.decode import OPEN_FIELDS
from tm23flows.store.exchange.manifest import NOT_STATED

MACHINES = {"host"}
FOLDERS = {"folder", "run_folder"}
"""Names of fields, at any depth of a document; they may be empty."""

OPEN = {path[-1] for path in OPEN_FIELDS} | {"settings"}
"""Fields with names that others chose: a host there may be a metal, and ids and checksums are made
of them."""


def without_places(value: Any) -> Any:
    """Leave out names of machines and folders.

    Parameters
    ----------
    value
        A document as it is stored, or a part of one.

    Returns
    -------
    The same with machines that are not stated, and no folders.
    """
    if isinstance(value, dict):
        return {key: one if key in OPEN else _without(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_places(one) for one in value)
    return value


def _without(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if key in MACHINES:
            return NOT_STATED
        if key in FOLDERS:
            return None
    return without_places(value)
