"""Holding a task while it is done: the claim, its heartbeat, and writes that only its owner makes.

Owns what every long job does around its work. The rules of claims are in
:mod:`tm23flows.store.claims`; what waits for a database that is away is in
:mod:`tm23flows.store.outbox`.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from jobflow import CURRENT_JOB

from tm23flows import stopping
from tm23flows.errors import OutOfTimeError, StaleClaimError
from tm23flows.log import get_log
from tm23flows.settings import get_settings
from tm23flows.store.claims import Claim, State, acquire, check, heartbeat, release
from tm23flows.store.outbox import write_or_keep
from tm23flows.store.patience import patiently, rest

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Done = TypeVar("Done")

BEATS = 6
"""Heartbeats per lease: so many in a row have to fail before a living worker counts as lost."""

RELEASE_S = 60.0
"""Patience with a database that is away when all is done and a task is given back."""

JOIN_S = 5.0

LOOK_S = 10.0
"""Who waits for another worker looks again at least so often."""


SPARE_S = 20.0
"""Who waits for another worker gives up so long before the end, and hands its job back."""


class Hold:
    """A task in the hands of this job; before :meth:`claim` it has none.

    Parameters
    ----------
    archive
        The archive.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._claim: Claim | None = None
        self._lost = threading.Event()

    def deadline(self) -> float | None:
        """Return when to stop: at the end of the worker's time, or now if the task is lost.

        Returns
        -------
        Seconds since 1970; None if there is no end.
        """
        return 0.0 if self._lost.is_set() else stopping.deadline()

    @contextmanager
    def claim(self, task: str, kind: str, element: str) -> Iterator[None]:
        """Have a task while the block lasts; wait for a worker that has it.

        A signal of the scheduler moves the deadline to now meanwhile.

        Parameters
        ----------
        task
            Its id.
        kind
            What it makes: a noun.
        element
            Chemical symbol.

        Yields
        ------
        Nothing.

        Raises
        ------
        OutOfTimeError
            If another worker still has it at the end of this one's time.
        StaleClaimError
            If another worker has it when the block is over, whatever was done in it.
        """
        with stopping.stopping_on_signals():
            self._claim = _acquire(self._archive, task, {**_this_job(), "kind": kind,
                                                         "element": element})  # fmt: skip
            get_log().info("task.begun", **self._ids(), kind=kind, element=element, **_this_job())
            try:
                with self._beating(self._claim):
                    yield
            except OutOfTimeError:
                self._release("stopped", stopping.stop_requested() or "walltime")
                raise
            except StaleClaimError:
                raise
            except BaseException as error:
                self._release("failed", type(error).__name__)
                raise
            self._release("done", None)

    def check(self) -> None:
        """Make sure that the task is still in these hands.

        Raises
        ------
        StaleClaimError
            If it is not.
        """
        if self._claim is None:
            return
        try:
            check(self._archive, self._claim)
        except StaleClaimError:
            get_log().error("task.stale", **self._ids())
            raise

    def write(self, write: Callable[[Any], Done]) -> Done:
        """Write results as the owner of the task.

        Parameters
        ----------
        write
            Writes to the archive that it is given, or to a recorder where that is away; see
            :func:`tm23flows.store.outbox.write_or_keep`.

        Returns
        -------
        What it returns.

        Raises
        ------
        StaleClaimError
            If another worker has the task; nothing is written.
        ResultsKeptError
            If the database is away for too long.
        """

        def guarded(target: Any) -> Done:
            if target is self._archive:
                self.check()
            return write(target)

        task = self._claim.task_id if self._claim else "unclaimed"
        return write_or_keep(self._archive, task, guarded)

    @contextmanager
    def _beating(self, claim: Claim) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=(claim, over), daemon=True, name="heartbeat"
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            # One that waits for an answer that does not come must not hold up what is done.
            thread.join(JOIN_S)

    def _beat(self, claim: Claim, over: threading.Event) -> None:
        from pymongo.errors import PyMongoError

        pause = get_settings().lease_s / BEATS
        while not over.wait(pause):
            # A database that is away is asked again: what is written in the end decides.
            with suppress(PyMongoError):
                if not heartbeat(self._archive, claim) and not over.is_set():
                    self._lost.set()
                    get_log().error("task.lost", task=claim.task_id, claim_token=claim.token)
                    return

    def _release(self, state: State, reason: str | None) -> None:
        from pymongo.errors import ConnectionFailure

        # A lease that is not given back is in the way until it ends by itself.
        patience = 0.0 if state == "failed" else min(RELEASE_S, get_settings().database_patience_s)
        with suppress(ConnectionFailure):
            patiently(lambda: self._give_back(state, reason), patience)
        get_log().info(f"task.{state}", **self._ids(), reason=reason)
        self._claim = None

    def _give_back(self, state: State, reason: str | None) -> None:
        given = release(self._archive, self._claim, state, reason)
        if not given and state != "failed":
            self.check()  # it may have been lost, and nobody has taken it
            release(self._archive, self._claim, state, reason)

    def _ids(self) -> dict[str, Any]:
        return {"task": self._claim.task_id, "claim_token": self._claim.token}


def _acquire(archive: Archive, task: str, about: dict[str, str]) -> Claim:
    settings = get_settings()
    waiting, key = False, uuid.uuid4().hex
    while True:
        claim = patiently(
            lambda: acquire(archive, task, about, settings.lease_s, key),
            settings.database_patience_s,
        )
        if claim is not None:
            return claim
        if not waiting:
            get_log().warning("task.taken", task=task, **about)
            waiting = True
        end = stopping.deadline()
        if end is not None and time.time() + SPARE_S > end:
            raise OutOfTimeError("Another worker is still at this task, and the time is over.")
        rest(min(LOOK_S, settings.lease_s / BEATS))


def _this_job() -> dict[str, str]:
    """Name the job that this is done in, for people and for whoever mends the launchpad."""
    job = CURRENT_JOB.job
    if job is None:
        return {}
    stage = (job.metadata or {}).get("tm23", {}).get("category", "")
    return {"job": job.uuid, "name": job.name, "stage": stage}
