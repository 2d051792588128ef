"""One recovery at a time: a claim of its own, with a heartbeat.

Owns that claim. Like that of any task it ends by itself when its owner dies, so that no recovery
that was killed keeps the next one from its work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tm23flows.store.claims import Claim, acquire, check, heartbeat, release
from tm23flows.store.collections import CLAIMS

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

TASK = "recovery"
LEASE_S = 120.0
BEATS = 6


@contextmanager
def one_recovery(
    archive: Archive, lease_s: float = LEASE_S
) -> Iterator[tuple[Callable[[], None] | None, str | None]]:
    """Be the only recovery while the block lasts.

    Parameters
    ----------
    archive
        The archive.
    lease_s
        Who is not heard of for so long has lost it, in s.

    Yields
    ------
    A function that raises StaleClaimError if another recovery has taken over, and None; or None
    and the name of who recovers at the moment.
    """
    claim = acquire(archive, TASK, {"kind": TASK, "name": TASK}, lease_s)
    if claim is None:
        found = archive.database[CLAIMS].find_one({"_id": TASK}) or {}
        yield None, f"process {found.get('pid')} on {found.get('host')}"
        return
    over = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(archive, claim, lease_s / BEATS, over), daemon=True
    )
    thread.start()
    state = "failed"
    try:
        yield lambda: check(archive, claim), None
        state = "done"
    finally:
        over.set()
        thread.join()
        _release(archive, claim, state)


def _beat(archive: Archive, claim: Claim, pause_s: float, over: threading.Event) -> None:
    from pymongo.errors import PyMongoError

    while not over.wait(pause_s):
        # A database that is away is asked again: what is written next decides.
        with suppress(PyMongoError):
            if not heartbeat(archive, claim):
                return


def _release(archive: Archive, claim: Claim, state: str) -> None:
    from pymongo.errors import ConnectionFailure

    with suppress(ConnectionFailure):  # the lease ends by itself
        release(archive, claim, state)
