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

Done = TypeVar("Done")

FIRST_S = 0.5
LONGEST_S = 60.0


def patiently(
    what: Callable[[], Done],
    patience_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Done:
    """Do something with the database, again and again while it is away.

    Parameters
    ----------
    what
        What to do; doing it twice must do no harm, because the answer may be what was lost.
    patience_s
        For how long to try, in s; it is done once at least.
    sleep
        Waits.
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
            if left <= 0:
                raise
            get_log().warning("database.away", reason=type(error).__name__, patience_s=round(left))
            # Jitter: all workers lost it at the same moment, and must not come back at one.
            sleep(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311 - no secret
            pause = min(LONGEST_S, 2 * pause)
