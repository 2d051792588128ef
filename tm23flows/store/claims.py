"""Who does what: claims with an owner, a lease and a fencing token.

FireWorks decides which worker gets a job; a claim decides whose results count. Owns the
collection ``claims``, one document per task, which changes while the task is done. All times in it
are the database's: no clock of a worker counts.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tm23flows.documents.ids import content_id
from tm23flows.errors import StaleClaimError
from tm23flows.process_group import birth, is_zombie
from tm23flows.store.collections import CLAIMS

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

State = Literal["ready", "running", "done", "stopped", "failed"]

GRACE_S = 60.0
"""A lease is over so long after its time, for a database that answers late."""

LOST = "lost"
"""Reason of a claim that was taken from a worker that was not heard of."""


@dataclass(frozen=True)
class Claim:
    """A task that is this worker's until its lease is over.

    Parameters
    ----------
    task_id
        The task.
    owner
        Host, process and moment of its start.
    token
        Number of the claim; each new one of a task is larger. Only the newest may write.
    """

    task_id: str
    owner: str
    token: int


def task_id(kind: str, **asked: Any) -> str:
    """Return the id of a task from what it was asked for.

    Parameters
    ----------
    kind
        What it makes, such as ``labels``.
    **asked
        JSON values.

    Returns
    -------
    The id; the same for whoever is asked for the same.
    """
    return content_id("task", task=kind, **asked)


def server_now(database: Database[dict[str, Any]]) -> datetime:
    """Return what time it is where the database is, UTC without a zone.

    Parameters
    ----------
    database
        Any database of the server.

    Returns
    -------
    The moment.
    """
    now: datetime = database.client.admin.command("hello")["localTime"]
    return now


def acquire(
    archive: Archive, task: str, about: dict[str, str], lease_s: float, key: str | None = None
) -> Claim | None:
    """Claim a task, unless another worker that lives has it.

    Claim and record of the attempt are one write, so no crash comes between them.

    Parameters
    ----------
    archive
        The archive.
    task
        Its id.
    about
        What it is about, for people: kind, element, stage.
    lease_s
        Who is not heard of for so long has lost the task, in s.
    key
        Random text of one who asks again, because the answer to the first time may be what was
        lost: what that got is returned then.

    Returns
    -------
    The claim; None if somebody else has the task.
    """
    from pymongo import ReturnDocument
    from pymongo.errors import DuplicateKeyError

    claims = archive.database[CLAIMS]
    new = {"state": "ready", "token": 0, "attempt": 0, "lost": 0, "fruitless": 0}
    with suppress(DuplicateKeyError):  # somebody else was as fast, so it is there
        claims.update_one({"_id": task}, {"$setOnInsert": new}, upsert=True)
    expire_lost(archive, task)
    run = {
        "state": "running",
        "owner": owner(),
        "machine": _machine(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": _start_of(os.getpid()),
        "key": key,
        "folder": str(Path.cwd()),
        "lease_s": lease_s,
        "about": about,
        "reason": None,
    }
    found = claims.find_one_and_update(
        {"_id": task, "state": {"$ne": "running"}},
        {
            "$set": run,
            "$inc": {"token": 1, "attempt": 1},
            "$currentDate": {"beat": True, "begun": True},
        },
        return_document=ReturnDocument.AFTER,
    )
    if found is None and key is not None:
        found = claims.find_one({"_id": task, "state": "running", "key": key})
    return None if found is None else Claim(task, found["owner"], found["token"])


def heartbeat(archive: Archive, claim: Claim) -> bool:
    """Say that a claim's worker lives.

    One who was lost for a while, and whose task nobody has taken since, has it again.

    Parameters
    ----------
    archive
        The archive.
    claim
        The claim.

    Returns
    -------
    Whether the task is still this worker's.
    """
    claims, beat = archive.database[CLAIMS], {"$currentDate": {"beat": True}}
    if claims.update_one(_mine(claim), beat).matched_count:
        return True
    lost = {**_mine(claim), "state": "ready", "reason": LOST}
    again = {"$set": {"state": "running", "reason": None}, **beat}
    return claims.update_one(lost, again).matched_count == 1


def check(archive: Archive, claim: Claim) -> None:
    """Make sure, before something is written, that the task is still this worker's.

    Parameters
    ----------
    archive
        The archive.
    claim
        The claim.

    Raises
    ------
    StaleClaimError
        If the lease was over and another worker has the task, or has done it.
    """
    if not heartbeat(archive, claim):
        raise StaleClaimError(
            f"The task {claim.task_id[:12]} was given to another worker while this one was not "
            "heard of; nothing more is written here, and what is in this folder is left as it is."
        )


def release(archive: Archive, claim: Claim, state: State, reason: str | None = None) -> bool:
    """Give a task back.

    Parameters
    ----------
    archive
        The archive.
    claim
        The claim.
    state
        done, stopped (goes on later), failed or ready.
    reason
        Why it failed or stopped.

    Returns
    -------
    Whether it was still this worker's; a claim that is not says nothing. Giving it back twice,
    because the first answer was lost, is as good as once.
    """
    claims = archive.database[CLAIMS]
    said = {"$set": {"state": state, "reason": reason}, "$currentDate": {"beat": True}}
    if claims.update_one(_mine(claim), said).matched_count:
        return True
    return claims.count_documents({**_mine(claim), "state": state, "reason": reason}) == 1


def expire_lost(archive: Archive, task: str | None = None) -> list[str]:
    """Give back the tasks whose worker is lost: not heard of for longer than its lease.

    A worker that is known to be dead, because it was a process of this machine and is no more,
    has lost its task at once. Being lost is nothing that a task did, so it does not count as a
    failure.

    Parameters
    ----------
    archive
        The archive.
    task
        Only this one; None for all.

    Returns
    -------
    Ids of the tasks that were given back.
    """
    expired = []
    for one in lost_claims(archive, task):
        # The beat is part of the condition: one that came meanwhile keeps the claim.
        done = archive.database[CLAIMS].update_one(
            {name: one[name] for name in ("_id", "token", "state", "beat")},
            {"$set": {"state": "ready", "reason": LOST}, "$inc": {"lost": 1}},
        )
        if done.matched_count:
            expired.append(one["_id"])
    return expired


def lost_claims(archive: Archive, task: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield running claims whose worker is lost; nothing is changed.

    Parameters
    ----------
    archive
        The archive.
    task
        Only this one; None for all.

    Yields
    ------
    Claims as they are stored.
    """
    wanted = {"state": "running"} if task is None else {"_id": task, "state": "running"}
    found = list(archive.database[CLAIMS].find(wanted))
    if found:
        now = server_now(archive.database)
        for one in found:
            late = now - one["beat"] > timedelta(seconds=one["lease_s"] + GRACE_S)
            if late or _is_dead_here(one):
                yield one


def note_attempt(archive: Archive, task: str, progress: int) -> int:
    """Count how many workers in a row have come no further with a task.

    Parameters
    ----------
    archive
        The archive.
    task
        Its id.
    progress
        What this worker has done of it.

    Returns
    -------
    How many did nothing since the last one that did something. Who only waited for a worker
    that has the task is not counted.
    """
    from pymongo import ReturnDocument

    claims = archive.database[CLAIMS]
    if not progress and claims.find_one({"_id": task, "state": "running"}, {"_id": 1}):
        return 0
    change = {"$set": {"fruitless": 0}} if progress else {"$inc": {"fruitless": 1}}
    found = claims.find_one_and_update(
        {"_id": task}, change, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert found is not None  # it was made where there was none
    return int(found["fruitless"])


def owner() -> str:
    """Name this process among all of all machines."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


def _mine(claim: Claim) -> dict[str, Any]:
    return {
        "_id": claim.task_id,
        "owner": claim.owner,
        "token": claim.token,
        "state": "running",
    }


def _is_dead_here(claim: dict[str, Any]) -> bool:
    """Whether the worker was a process that this one could see, and is no more."""
    if claim.get("machine") != _machine():
        return False
    pid = claim["pid"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, who may hide when it began
    return is_zombie(pid) or _start_of(pid) not in (None, claim["process_start"])


def _start_of(pid: int) -> str | None:
    """Return when a process began; None if that is not known.

    It is counted from the start of the machine: a clock that is set does not move it.
    """
    born = birth(pid)
    return None if born is None else str(born)


@cache
def _machine() -> str:
    """Name the boot of this machine and what processes it lets this one see."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"unknown:{os.getpid()}:{os.urandom(8).hex()}"
