"""Jobs of the launchpad that are under way and that nobody does.

Owns what can be known at once, without waiting: the launch of a job is over, its queue job is
gone, its worker's claim is lost, or its worker was not heard of for too long. It only reads;
who looks abandoned and may not be is the business of :mod:`tm23flows.ops.recovery.suspects`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tm23flows.ops.moments import moment, seconds_between
from tm23flows.ops.recovery.queue import QueuedJobs, ask_queue
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.database import Database

RANKS = {"COMPLETED": 3, "RUNNING": 2, "RESERVED": 1}
"""Which launch of a job FireWorks goes by: the one of the highest rank."""

ENDED = ("COMPLETED", "FIZZLED")

_JOB = {"_id": 0, "fw_id": 1, "name": 1, "state": 1, "launches": 1, "spec._tasks.job.uuid": 1}
_LAUNCH = {"_id": 0, "launch_id": 1, "state": 1, "host": 1, "launch_dir": 1,
           "state_history.state": 1, "state_history.created_on": 1, "state_history.updated_on": 1,
           "state_history.reservation_id": 1}  # fmt: skip

Stored = Mapping[str, Any]


@dataclass(frozen=True)
class Hole:
    """A job that is under way and that nobody does.

    Parameters
    ----------
    fw_id, name, state
        The job.
    launches
        Its launches.
    how
        ``refresh``: its launch is over, and its workflow has to hear of it. ``put back``: it has
        to run again.
    what
        What is wrong, for people.
    """

    fw_id: int
    name: str
    state: str
    launches: tuple[int, ...]
    how: Literal["refresh", "put back"]
    what: str

    @property
    def subject(self) -> str:
        """Name it for people."""
        return f"{self.fw_id} ({self.name})"


@dataclass(frozen=True)
class Living:
    """What tells whether workers live.

    Parameters
    ----------
    now
        The server's clock.
    silent_s
        A worker without a claim that was not heard of for so long is lost.
    claims
        Whether the claim of a job is alive, by the uuid of the job; jobs without one are not in
        it.
    unsubmitted
        Launches that were reserved some time ago, and had no job in a queue then.
    ask
        Asks the scheduler of this machine; None from it where none answers. It is asked when the
        launches were read, never before: a job that is submitted meanwhile is not gone.
    """

    now: datetime
    silent_s: float
    claims: Mapping[str, bool]
    unsubmitted: frozenset[int] = frozenset()
    ask: Callable[[], QueuedJobs | None] = ask_queue


def find_holes(launchpad: Database, living: Living) -> Iterator[Hole]:
    """Find the jobs that nobody does; nothing is changed.

    Parameters
    ----------
    launchpad
        The launchpad's database.
    living
        What tells whether workers live.

    Yields
    ------
    The jobs by rising number. Those without any launch are not among them.
    """
    pairs = list(_with_launch(launchpad))
    asked = any(one["state"] == "RESERVED" or _reservation(one) for _, one in pairs)
    queue = living.ask() if asked else None
    for job, launch in pairs:
        if hole := _hole(job, launch, living, queue):
            yield hole


def unsubmitted_launches(launchpad: Database) -> frozenset[int]:
    """List the launches that are reserved and have no job in a queue yet.

    Parameters
    ----------
    launchpad
        The launchpad's database.

    Returns
    -------
    Their numbers.
    """
    found = launchpad["launches"].find({"state": "RESERVED"}, _LAUNCH)
    return frozenset(one["launch_id"] for one in found if _reservation(one) is None)


def claims_by_job(claims: Iterable[Stored], lost: Iterable[str]) -> dict[str, bool]:
    """Say of jobs whether their claims are alive.

    Parameters
    ----------
    claims
        Running claims, as they are stored.
    lost
        Ids of those whose worker is lost.

    Returns
    -------
    Whether one is alive, by the uuid of the job.
    """
    gone, alive = set(lost), dict[str, bool]()
    for one in claims:
        if job := (one.get("about") or {}).get("job"):
            alive[job] = alive.get(job, False) or one["_id"] not in gone
    return alive


def last_ping(launch: Stored) -> datetime | None:
    """Return when the worker of a launch was last heard of.

    Parameters
    ----------
    launch
        As it is stored.

    Returns
    -------
    UTC without a zone, by the worker's clock; None if it never was.
    """
    moments = [
        moment(one.get("updated_on") or one.get("created_on"))
        for one in launch.get("state_history") or ()
        if one.get("state") == "RUNNING"
    ]
    return max((one for one in moments if one), default=None)


def _with_launch(launchpad: Database) -> Iterator[tuple[Stored, Stored]]:
    """Yield jobs that are under way or failed, each with the launch that FireWorks goes by."""
    wanted = {"state": {"$in": ["RUNNING", "RESERVED", "FIZZLED"]}}
    jobs = sorted(launchpad["fireworks"].find(wanted, _JOB), key=_number)
    for some in batched(jobs):
        named = [number for one in some for number in one.get("launches") or ()]
        found = launchpad["launches"].find({"launch_id": {"$in": named}}, _LAUNCH)
        launches = {one["launch_id"]: one for one in found}
        for job in some:
            its = [launches[one] for one in job.get("launches") or () if one in launches]
            if its:
                yield job, max(its, key=_rank)


def _hole(job: Stored, launch: Stored, living: Living, queue: QueuedJobs | None) -> Hole | None:
    state, its = job["state"], launch["state"]
    if its in ENDED:
        if its == state:
            return None  # it failed, as it says
        words = f"it is {state}, and its last launch is {its}: its workflow did not hear of it"
        return _as_hole(job, "refresh", words)
    if gone := _gone(job, launch, living, queue):
        return _as_hole(job, "put back", gone)
    return None


def _gone(job: Stored, launch: Stored, living: Living, queue: QueuedJobs | None) -> str | None:
    """Say how we know that nobody does a job; None if somebody may."""
    alive = living.claims.get(_uuid(job))
    if alive:
        return None
    if alive is False:
        return "the worker that had claimed its task is lost"
    # The queue of another cluster does not know it, so only a launch of this machine is asked for.
    here = queue is not None and launch.get("host") == socket.gethostname()
    if here and (left := _left_the_queue(launch, living, queue)):
        return left
    if launch["state"] != "RUNNING":
        return None
    age_s = seconds_between(last_ping(launch), living.now)
    if age_s is not None and age_s < living.silent_s:
        return None
    heard = "never heard of" if age_s is None else f"last heard of {int(age_s)} s ago"
    return f"its worker was {heard}"


def _left_the_queue(launch: Stored, living: Living, queue: QueuedJobs) -> str | None:
    number = _reservation(launch)
    if number is not None:
        return None if queue.has(number) else f"its job in the queue, {number}, is gone"
    folder = str(launch.get("launch_dir"))
    if launch["launch_id"] in living.unsubmitted and not queue.has_folder(folder):
        return "it was reserved, and no job for it is in the queue"
    return None


def _as_hole(job: Stored, how: Literal["refresh", "put back"], what: str) -> Hole:
    launches = tuple(job.get("launches") or ())
    return Hole(job["fw_id"], str(job.get("name")), job["state"], launches, how, what)


def _reservation(launch: Stored) -> str | None:
    for one in launch.get("state_history") or ():
        if one.get("reservation_id") is not None:
            return str(one["reservation_id"])
    return None


def _uuid(job: Stored) -> str:
    tasks: Iterable[Any] = (job.get("spec") or {}).get("_tasks") or ()
    return next((str(one["job"]["uuid"]) for one in tasks if "uuid" in (one.get("job") or {})), "")


def _rank(launch: Stored) -> int:
    return RANKS.get(launch["state"], 0)


def _number(job: Stored) -> int:
    return job["fw_id"]
