"""What looks abandoned and may only be in the middle of something.

Owns the four holes of FireWorks that a living worker leaves open for a moment: a workflow that
is locked, a job that was taken and has no launch yet, a job that is done while its workflow does
not know, and a job of no workflow. They are looked at twice, some time apart; what has not
changed in between is abandoned. FireWorks' locks have no owner and its times are those of
workers, so there is no other way to know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.database import Database

GOES_ON = ("RESERVED", "RUNNING")
"""States that workers write without a lock; they say nothing about who holds it."""

_JOB = {"_id": 0, "fw_id": 1, "name": 1, "state": 1, "updated_on": 1, "launches": 1}
_WORKFLOW = {"name": 1, "nodes": 1, "fw_states": 1, "updated_on": 1, "locked": 1}


@dataclass(frozen=True)
class Lock:
    """A workflow that is locked.

    Parameters
    ----------
    key
        Its ``_id``.
    name
        Its name and the number of its first job.
    updated_on
        When it was last written.
    jobs
        What whoever holds the lock would change: state and time of its jobs, by number.
    """

    key: Any
    name: str
    updated_on: str
    jobs: frozenset[tuple[int, str, str]]


@dataclass(frozen=True)
class Abandoned:
    """A job that looks abandoned.

    Parameters
    ----------
    fw_id, name, state
        The job.
    updated_on
        When it last changed.
    launches
        Its launches.
    """

    fw_id: int
    name: str
    state: str
    updated_on: str
    launches: tuple[int, ...]


@dataclass
class Suspects:
    """What looks abandoned at one moment.

    Parameters
    ----------
    locks
        Workflows that are locked.
    unlaunched
        Jobs that were taken and have no launch.
    unapplied
        Jobs that are done, and their workflow does not know.
    orphans
        Jobs of no workflow.
    """

    locks: list[Lock] = field(default_factory=list)
    unlaunched: list[Abandoned] = field(default_factory=list)
    unapplied: list[Abandoned] = field(default_factory=list)
    orphans: list[Abandoned] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.locks, self.unlaunched, self.unapplied, self.orphans))


def find_suspects(launchpad: Database) -> Suspects:
    """Look for what may be abandoned; nothing is changed.

    Parameters
    ----------
    launchpad
        The launchpad's database.

    Returns
    -------
    What was found.
    """
    # Jobs first: one that is added meanwhile has its workflow when the workflows are read.
    jobs = {one["fw_id"]: one for one in launchpad["fireworks"].find({}, _JOB)}
    found = Suspects()
    homeless = {number for number, one in jobs.items() if one["state"] != "ARCHIVED"}
    for workflow in launchpad["workflows"].find({}, _WORKFLOW):
        nodes = [jobs[one] for one in workflow["nodes"] if one in jobs]
        homeless.difference_update(workflow["nodes"])
        if workflow.get("locked"):
            found.locks.append(_lock(workflow, nodes))
        known = workflow.get("fw_states") or {}
        done = [one for one in nodes if one["state"] == "COMPLETED"]
        found.unapplied += [
            _abandoned(one)
            for one in done
            if known.get(str(one["fw_id"]), "COMPLETED") != "COMPLETED"
        ]
    taken = [one for one in jobs.values() if one["state"] in GOES_ON]
    found.unlaunched = [_abandoned(one) for one in taken if not one.get("launches")]
    found.orphans = [_abandoned(jobs[one]) for one in sorted(homeless)]
    return found


def unchanged(before: Suspects, after: Suspects) -> Suspects:
    """Keep what was suspect before and has not changed since.

    Parameters
    ----------
    before, after
        Two looks, some time apart.

    Returns
    -------
    What is abandoned.
    """
    earlier = {one.key: one for one in before.locks}
    return Suspects(
        [one for one in after.locks if one.key in earlier and _idle(earlier[one.key], one)],
        [one for one in after.unlaunched if one in before.unlaunched],
        [one for one in after.unapplied if one in before.unapplied],
        [one for one in after.orphans if one in before.orphans],
    )


def _idle(before: Lock, after: Lock) -> bool:
    """Whether nobody did between two looks what only the holder of a lock does."""
    return before.updated_on == after.updated_on and after.jobs <= before.jobs


def _lock(workflow: dict[str, Any], jobs: list[dict[str, Any]]) -> Lock:
    held = frozenset(
        (one["fw_id"], one["state"], str(one.get("updated_on")))
        for one in jobs
        if one["state"] not in GOES_ON
    )
    first = min(workflow["nodes"], default=0)
    name = f"{workflow.get('name')} (workflow of job {first})"
    return Lock(workflow["_id"], name, str(workflow.get("updated_on")), held)


def _abandoned(job: dict[str, Any]) -> Abandoned:
    return Abandoned(
        job["fw_id"],
        str(job.get("name")),
        job["state"],
        str(job.get("updated_on")),
        tuple(job.get("launches") or ()),
    )
