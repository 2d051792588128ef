"""Results that do not fit into one reply.

Owns open cursors: cutting results into batches by number and by bytes, and
forgetting cursors that nobody asks for any more. It does not find documents.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.wire import CODEC, MAX_DOCUMENT_BYTES

FIRST_BATCH = 101
_CURSOR_NOT_FOUND = 43
_IDLE_LIMIT_S = 1800.0


@dataclass
class _Cursor:
    namespace: str
    rest: deque[bytes | dict[str, Any]]
    used: float = field(default_factory=time.monotonic)


class Cursors:
    """All open cursors of the server."""

    def __init__(self) -> None:
        self._open: dict[int, _Cursor] = {}
        self._numbers = itertools.count(1)

    def start(
        self,
        namespace: str,
        documents: Iterable[bytes | dict[str, Any]],
        batch_size: int | None,
        *,
        single_batch: bool = False,
    ) -> dict[str, Any]:
        """Reply with the first batch and keep the rest.

        Parameters
        ----------
        namespace
            Database and collection, joined by a dot.
        documents
            The whole result, as BSON or not; stored documents may be given by reference.
        batch_size
            Wanted number of documents; None for the default.
        single_batch
            Whether the client will not ask for more.

        Returns
        -------
            Body of the reply.
        """
        self._forget_idle()
        cursor = _Cursor(namespace, deque(documents))
        batch = _take(cursor.rest, FIRST_BATCH if batch_size is None else batch_size)
        number = 0
        if cursor.rest and not single_batch:
            number = next(self._numbers)
            self._open[number] = cursor
        return _reply(namespace, number, "firstBatch", batch)

    def more(self, namespace: str, number: int, batch_size: int | None) -> dict[str, Any]:
        """Reply with the next batch of a cursor."""
        cursor = self._open.get(number)
        if cursor is None or cursor.namespace != namespace:
            raise OperationFailure(f"cursor id {number} not found", _CURSOR_NOT_FOUND)
        cursor.used = time.monotonic()
        batch = _take(cursor.rest, batch_size or len(cursor.rest))
        if not cursor.rest:
            del self._open[number]
            number = 0
        return _reply(namespace, number, "nextBatch", batch)

    def kill(self, numbers: Iterable[int]) -> dict[str, Any]:
        """Close cursors."""
        numbers = list(numbers)
        killed = [number for number in numbers if self._open.pop(number, None) is not None]
        unknown = [number for number in numbers if number not in killed]
        return {
            "cursorsKilled": [Int64(number) for number in killed],
            "cursorsNotFound": [Int64(number) for number in unknown],
            "cursorsAlive": [],
            "cursorsUnknown": [],
        }

    def _forget_idle(self) -> None:
        oldest = time.monotonic() - _IDLE_LIMIT_S
        for number in [n for n, cursor in self._open.items() if cursor.used < oldest]:
            del self._open[number]


def _take(rest: deque[bytes | dict[str, Any]], count: int) -> list[RawBSONDocument]:
    """Take documents off the front, at least one, at most 16 MB together."""
    batch: list[RawBSONDocument] = []
    size = 0
    while rest and len(batch) < count:
        first = rest[0]
        raw = first if isinstance(first, bytes) else bson.encode(first, codec_options=CODEC)
        size += len(raw)
        if batch and size > MAX_DOCUMENT_BYTES:
            break
        batch.append(RawBSONDocument(raw))
        rest.popleft()
    return batch


def _reply(namespace: str, number: int, name: str, batch: list[Any]) -> dict[str, Any]:
    return {"cursor": {name: batch, "id": Int64(number), "ns": namespace}}
