"""Many things in batches of bounded size.

Owns the size of one question to the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

BATCH = 1000
"""Ids in one question: 66 kB, far below the 16 MB of one message."""


def batched(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """Cut a stream into lists, without reading ahead.

    Parameters
    ----------
    items
        Anything, in any number.
    size
        Length of all lists but the last.

    Yields
    ------
    Lists, none of them empty.
    """
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
