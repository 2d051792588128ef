"""Waiting for a database that is away for a while.

Owns how long and in what rhythm. What becomes of results when the patience is over is the
outbox's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tm23flows.log import get_log
from tm23flows.stopping import deadline

Done = TypeVar("Done")

FIRST_S = 0.5
LONGEST_S = 60.0

HEARD_S = 1.0
"""Who waits hears a signal within this time."""


def patiently(
    what: Callable[[], Done],
    patience_s: float,
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Done:
    """Do something with the database, again and again while it is away.

    A process that is told to stop, or whose time is over, has no patience left.

    Parameters
    ----------
    what
        What to do; doing it twice must do no harm, because the answer may be what was lost.
    patience_s
        For how long to try, in s; it is done once at least.
    sleep
        Waits; default: :func:`rest`.
    clock
        Says what time it is.

    Returns
    -------
    What it returns.

    Raises
    ------
    pymongo.errors.ConnectionFailure
        If the database is still away in the end.
    """
    from pymongo.errors import ConnectionFailure

    end, pause = clock() + patience_s, FIRST_S
    while True:
        try:
            return what()
        except ConnectionFailure as error:
            left = end - clock()
            if left <= 0 or _is_over():
                raise
            get_log().warning("database.away", reason=type(error).__name__, patience_s=round(left))
            # Jitter: all workers lost it at the same moment, and must not come back at one.
            (sleep or rest)(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311 - no secret
            pause = min(LONGEST_S, 2 * pause)


def rest(seconds: float) -> None:
    """Wait, with an ear for signals.

    Parameters
    ----------
    seconds
        How long; it is less where this process has to stop.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not _is_over():
        time.sleep(min(left, HEARD_S))


def _is_over() -> bool:
    end = deadline()
    return end is not None and time.time() > end
