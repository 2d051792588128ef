"""Jobs by metal, stage and state, and the ones that run now.

Owns what is asked of the launchpad and of the claims. Of a Firework only small fields are read,
never what it is to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tm23flows.ops.fireworks_config import FIREWORKS_SETTINGS
from tm23flows.ops.moments import moment, seconds_between
from tm23flows.ops.tags import element_of, stage_of

if TYPE_CHECKING:
    from pymongo.database import Database

WORDS = {
    "COMPLETED": "done",
    "RUNNING": "running",
    "FIZZLED": "failed",
    "READY": "ready",
    "WAITING": "waiting",
    "RESERVED": "reserved",
    "PAUSED": "paused",
    "DEFUSED": "defused",
}
"""Our words for the states of FireWorks. Ready is what a worker could take now; waiting is what
depends on another job; reserved is in a queue; defused was taken out by a person."""

LEFT = ("running", "ready", "waiting", "reserved", "paused", "failed")
"""States of jobs that are still to be done; those that failed wait for ``tm23 rerun``."""

CLAIMS = "claims"
SILENT_S = float(FIREWORKS_SETTINGS["RUN_EXPIRATION_SECS"])
"""Who says nothing for so long is probably dead; a claim says itself how long its lease is."""

GRACE_S = 60.0

_JOB = {"_id": 0, "fw_id": 1, "state": 1, "spec.tm23": 1, "spec._category": 1}
_RUNNING = {**_JOB, "name": 1, "spec._tasks.job.uuid": 1}
_LAUNCH = {"_id": 0, "fw_id": 1, "host": 1, "state_history.state": 1,
           "state_history.created_on": 1, "state_history.updated_on": 1}  # fmt: skip


class Place(NamedTuple):
    """Where a job belongs in the table."""

    element: str
    stage: str


@dataclass(frozen=True)
class JobTable:
    """Numbers of jobs.

    Parameters
    ----------
    counts
        Numbers by state, in our words, by metal and stage.
    places
        Metal and stage by number of the Firework.
    """

    counts: dict[Place, Counter[str]]
    places: dict[int, Place]

    def by_stage(self) -> dict[str, Counter[str]]:
        """Add up over the metals."""
        return self._added(lambda place: place.stage)

    def by_element(self) -> dict[str, Counter[str]]:
        """Add up over the stages."""
        return self._added(lambda place: place.element)

    def _added(self, key: Any) -> dict[str, Counter[str]]:
        added: dict[str, Counter[str]] = {}
        for place, numbers in self.counts.items():
            added.setdefault(key(place), Counter()).update(numbers)
        return added


@dataclass(frozen=True)
class RunningJob:
    """A job that runs now.

    Parameters
    ----------
    fw_id
        Number of its Firework; None outside of FireWorks.
    name
        Its name.
    element, stage
        Where it belongs.
    host
        Machine that it runs on.
    ran_s
        For how long, in s; None where that is not known.
    heard_s
        How long ago its worker was heard of, in s.
    silent
        Whether that is longer than its lease: the worker is probably dead.
    """

    fw_id: int | None
    name: str
    element: str
    stage: str
    host: str
    ran_s: float | None
    heard_s: float | None
    silent: bool


def count_jobs(launchpad: Database, element: str | None = None) -> JobTable:
    """Count the jobs of a launchpad.

    Parameters
    ----------
    launchpad
        The launchpad's database.
    element
        Only jobs of this metal.

    Returns
    -------
    The numbers; archived jobs are not counted.
    """
    counts: dict[Place, Counter[str]] = {}
    places = {}
    for one in launchpad["fireworks"].find({"state": {"$in": list(WORDS)}}, _JOB):
        place = Place(element_of(one), stage_of(one))
        if element in (None, place.element):
            counts.setdefault(place, Counter())[WORDS[one["state"]]] += 1
            places[one["fw_id"]] = place
    return JobTable(counts, places)


def running_jobs(
    launchpad: Database, archive: Database, now: datetime, element: str | None = None
) -> list[RunningJob]:
    """List what runs now, in FireWorks or by ``tm23 run``.

    Parameters
    ----------
    launchpad
        The launchpad's database.
    archive
        The archive's database: its claims say who was heard of when. Where a job has none, its
        worker's pings count.
    now
        The server's clock.
    element
        Only of this metal.

    Returns
    -------
    The jobs, those not heard of for longest first.
    """
    claims = {
        str((one.get("about") or {}).get("job") or one["_id"]): one
        for one in archive[CLAIMS].find({"state": "running"})
    }
    jobs = list(launchpad["fireworks"].find({"state": "RUNNING"}, _RUNNING))
    wanted = {"state": "RUNNING", "fw_id": {"$in": [one["fw_id"] for one in jobs]}}
    launches = {one["fw_id"]: one for one in launchpad["launches"].find(wanted, _LAUNCH)}
    found = [
        _running(one, launches.get(one["fw_id"], {}), claims.pop(_uuid(one), None), now)
        for one in jobs
    ]
    found += [_claimed(one, now) for one in claims.values()]
    chosen = [one for one in found if element in (None, one.element)]
    return sorted(chosen, key=_silence)


def _running(
    job: Mapping[str, Any],
    launch: Mapping[str, Any],
    claim: Mapping[str, Any] | None,
    now: datetime,
) -> RunningJob:
    states = [one for one in launch.get("state_history") or () if one.get("state") == "RUNNING"]
    begun = [when for one in states if (when := moment(one.get("created_on")))]
    pinged = [when for one in states if (when := moment(one.get("updated_on")))]
    beats = [*pinged, *begun]
    lease_s = SILENT_S
    if claim and (beat := moment(claim.get("beat"))):
        beats, lease_s = [beat], _lease_s(claim)
    heard_s = seconds_between(max(beats, default=None), now)
    return RunningJob(
        fw_id=job["fw_id"],
        name=job["name"],
        element=element_of(job),
        stage=stage_of(job),
        host=str((claim or {}).get("host") or launch.get("host") or ""),
        ran_s=seconds_between(max(begun, default=None), now),
        heard_s=heard_s,
        silent=heard_s is None or heard_s > lease_s,
    )


def _claimed(claim: Mapping[str, Any], now: datetime) -> RunningJob:
    """Show a claim whose job is not in this launchpad."""
    about = claim.get("about") or {}
    heard_s = seconds_between(moment(claim.get("beat")), now)
    return RunningJob(
        fw_id=None,
        name=str(about.get("name") or about.get("kind") or claim["_id"]),
        element=str(about.get("element") or ""),
        stage=str(about.get("stage") or "other"),
        host=str(claim.get("host") or ""),
        ran_s=seconds_between(moment(claim.get("begun")), now),
        heard_s=heard_s,
        silent=heard_s is None or heard_s > _lease_s(claim),
    )


def _lease_s(claim: Mapping[str, Any]) -> float:
    return float(claim.get("lease_s") or SILENT_S) + GRACE_S


def _uuid(job: Mapping[str, Any]) -> str:
    tasks: Iterable[Any] = (job.get("spec") or {}).get("_tasks") or ()
    return next((str(one["job"]["uuid"]) for one in tasks if "uuid" in (one.get("job") or {})), "")


def _silence(one: RunningJob) -> tuple[bool, float, str]:
    return (not one.silent, -(one.heard_s or 0.0), one.name)
