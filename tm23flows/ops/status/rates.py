"""How fast work is done, and how long the rest will take.

Owns the window of time that rates are measured in, and what an estimate assumes. Ends of jobs
are read from the launchpad, those of steps and labels from the archive. A worker writes them by
its own clock; where a window begins and ends is said by the clock of the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm23flows.ops.moments import moment
from tm23flows.ops.status.jobs import JobTable
from tm23flows.ops.tags import stage_order
from tm23flows.store.batches import batched
from tm23flows.store.collections import BLOBS

if TYPE_CHECKING:
    from pymongo.database import Database

HOUR_S = 3600.0
SHORTEST_S = 60.0
"""Of less time no rate is made: what was done in the first second is no measure."""

NEWEST = 100
"""How long a job takes is the mean of so many."""

AS_STEPS = "steps of molecular dynamics go on as fast as in the window"
AS_JOBS = "jobs of this stage are done as fast as in the window"
AS_BEFORE = "each job takes as long as those that were done, on the workers that run now"
NOTHING_MEASURED = "no job of this stage has been done yet"
NO_WORKER = "none was done in the window, and no worker runs"
BY_PERSON = "failed and paused jobs are not counted: they wait for a person"
ALL_STAGES = (
    "the stages go on side by side at the earliest, one after the other at the latest; jobs that "
    "other jobs add later are not known yet"
)

_LAUNCH = {"_id": 0, "fw_id": 1, "time_start": 1, "time_end": 1}


@dataclass(frozen=True)
class Rate:
    """What was done in a window.

    Parameters
    ----------
    done
        How much.
    span_s
        In how many seconds: the window, or less where work began within it.
    """

    done: int
    span_s: float

    @property
    def per_hour(self) -> float:
        """How much in an hour."""
        return self.done * HOUR_S / self.span_s


@dataclass(frozen=True)
class Estimate:
    """How long something will take.

    Parameters
    ----------
    seconds
        At least so long; None if nobody knows.
    latest_s
        At most so long.
    assumes
        What must be true for it, or why it is not known.
    """

    seconds: float | None
    latest_s: float | None
    assumes: str


@dataclass(frozen=True)
class Steps:
    """Molecular-dynamics steps of ab initio runs.

    Parameters
    ----------
    rate
        How many were done in the window.
    left
        How many the jobs are yet to do.
    """

    rate: Rate
    left: int


@dataclass(frozen=True)
class Ends:
    """Ends of jobs.

    Parameters
    ----------
    rates
        Jobs that were done in the window, by stage.
    mean_s
        Mean run time of the last :data:`NEWEST` jobs, by stage.
    """

    rates: dict[str, Rate]
    mean_s: dict[str, float]


def ends_of_jobs(launchpad: Database, table: JobTable, now: datetime, window: timedelta) -> Ends:
    """Measure how fast jobs are done.

    Parameters
    ----------
    launchpad
        The launchpad's database.
    table
        Jobs; launches of others are passed over.
    now
        The server's clock.
    window
        How far to look back.

    Returns
    -------
    Rates and run times by stage.
    """
    numbers: dict[str, list[int]] = {}
    for fw_id, place in table.places.items():
        numbers.setdefault(place.stage, []).append(fw_id)
    recent = _recent(launchpad, table, now - window)
    rates, mean_s = {}, {}
    for stage, fw_ids in numbers.items():
        newest = _newest(launchpad, fw_ids)
        if newest:
            begins = [begin for begin, _ in (*newest, *recent.get(stage, ()))]
            span_s = _span_s(min(begins), now, window)
            rates[stage] = Rate(len(recent.get(stage, ())), span_s)
            times = [max(0.0, (end - begin).total_seconds()) for begin, end in newest]
            mean_s[stage] = sum(times) / len(times)
    return Ends(rates, mean_s)


def _recent(
    launchpad: Database, table: JobTable, since: datetime
) -> dict[str, list[tuple[datetime, datetime]]]:
    """Return begins and ends of the jobs that were done in the window, by stage."""
    # FireWorks stores moments as text in UTC, which sorts as they do.
    wanted = {"state": "COMPLETED", "time_end": {"$gte": since.isoformat()}}
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for one in launchpad["launches"].find(wanted, _LAUNCH):
        place, times = table.places.get(one["fw_id"]), _times(one)
        if place is not None and times is not None:
            found.setdefault(place.stage, []).append(times)
    return found


def _newest(launchpad: Database, fw_ids: list[int]) -> list[tuple[datetime, datetime]]:
    """Return begins and ends of the last of these jobs that were done."""
    wanted = {"fw_id": {"$in": fw_ids}, "state": "COMPLETED"}
    found = launchpad["launches"].find(wanted, _LAUNCH).sort("launch_id", -1).limit(NEWEST)
    return [times for one in found if (times := _times(one)) is not None]


def _times(launch: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    begin, end = moment(launch.get("time_start")), moment(launch.get("time_end"))
    return None if begin is None or end is None else (begin, end)


def label_rate(
    archive: Database, now: datetime, window: timedelta, element: str | None = None
) -> Rate:
    """Measure how fast labels are made.

    Parameters
    ----------
    archive
        The archive's database.
    now
        The server's clock.
    window
        How far to look back.
    element
        Only labels of this metal.

    Returns
    -------
    The rate. Labels that were imported count from when they came.
    """
    wanted: dict[str, Any] = {} if element is None else {"element": element}
    since = {**wanted, "provenance.created": {"$gte": now - window}}
    oldest = archive["labels"].find(wanted, {"provenance.created": 1})
    first = next(iter(oldest.sort("provenance.created", 1).limit(1)), None)
    begin = moment(first["provenance"]["created"]) if first else None
    return Rate(archive["labels"].count_documents(since), _span_s(begin, now, window))


def step_rate(
    archive: Database,
    launchpad: Database,
    now: datetime,
    window: timedelta,
    element: str | None = None,
) -> Steps:
    """Measure how fast ab initio molecular dynamics goes, and count what is left of it.

    Parameters
    ----------
    archive
        The archive's database.
    launchpad
        The launchpad's database: jobs say how many steps they are to do.
    now
        The server's clock.
    window
        How far to look back.
    element
        Only of this metal.

    Returns
    -------
    Rate and rest. When a segment came is known from its blob.
    """
    wanted: dict[str, Any] = {"recipe.engine": {"$ne": "model"}}
    if element is not None:
        wanted["element"] = element
    fields = {"element": 1, "recipe.engine": 1, "regime": 1, "dynamics": 1,
              "segments.first_step": 1, "segments.last_step": 1, "segments.blob": 1}  # fmt: skip
    runs = list(archive["trajectories"].find(wanted, fields))
    steps = {
        one["blob"]: one["last_step"] - one["first_step"] + 1
        for run in runs
        for one in run.get("segments") or ()
    }
    came = _upload_dates(archive, steps)
    recent = sum(steps[blob] for blob, when in came.items() if when >= now - window)
    rate = Rate(recent, _span_s(min(came.values(), default=None), now, window))
    done: dict[Any, int] = {}
    for run in runs:
        last = max((one["last_step"] for one in run.get("segments") or ()), default=0)
        key = _run_key(run["element"], run["recipe"], run.get("regime"), run["dynamics"])
        done[key] = max(last, done.get(key, 0))
    asked = _asked_steps(launchpad, element)
    return Steps(rate, sum(max(0, n - done.get(key, 0)) for key, n in asked.items()))


def estimate(table: JobTable, ends: Ends, steps: Steps) -> tuple[dict[str, Estimate], Estimate]:
    """Estimate how long the rest takes.

    Parameters
    ----------
    table
        Jobs.
    ends
        How fast jobs are done.
    steps
        How fast molecular dynamics goes.

    Returns
    -------
    By stage, of stages that have something left; and of all together.
    """
    numbers = table.by_stage()
    running = sum(one["running"] for one in numbers.values())
    stages = {}
    for stage in sorted(numbers, key=stage_order):
        left = sum(numbers[stage][word] for word in ("running", "ready", "waiting", "reserved"))
        if left and stage == "aimd" and steps.left and steps.rate.done:
            seconds = steps.left / steps.rate.per_hour * HOUR_S
            stages[stage] = Estimate(seconds, seconds, AS_STEPS)
        elif left:
            stages[stage] = _by_jobs(left, ends.rates.get(stage), ends.mean_s.get(stage), running)
    return stages, _together(stages)


def _by_jobs(left: int, rate: Rate | None, mean_s: float | None, running: int) -> Estimate:
    if rate is None or mean_s is None:
        return Estimate(None, None, NOTHING_MEASURED)
    if rate.done:
        seconds = left / rate.per_hour * HOUR_S
        return Estimate(seconds, seconds, AS_JOBS)
    if not running:
        return Estimate(None, None, NO_WORKER)
    seconds = left * mean_s / running
    return Estimate(seconds, seconds, AS_BEFORE)


def _together(stages: Mapping[str, Estimate]) -> Estimate:
    unknown = [stage for stage, one in stages.items() if one.seconds is None]
    if unknown:
        return Estimate(None, None, f"the pace of {', '.join(unknown)} is not known yet")
    seconds = [one.seconds for one in stages.values() if one.seconds is not None]
    return Estimate(max(seconds, default=0.0), sum(seconds), f"{ALL_STAGES}; {BY_PERSON}")


def _span_s(begin: datetime | None, now: datetime, window: timedelta) -> float:
    span = window if begin is None else min(window, now - begin)
    return max(span.total_seconds(), SHORTEST_S)


def _upload_dates(archive: Database, blobs: Iterable[str]) -> dict[str, datetime]:
    files = archive[BLOBS].files
    found: dict[str, datetime] = {}
    for some in batched(blobs):
        for one in files.find({"_id": {"$in": some}}, {"uploadDate": 1}):
            if when := moment(one["uploadDate"]):
                found[one["_id"]] = when
    return found


def _asked_steps(launchpad: Database, element: str | None) -> dict[Any, int]:
    """Return how many steps the jobs that are left are to do; a job that goes on counts once."""
    wanted: dict[str, Any] = {
        "spec._category": "aimd",
        "state": {"$in": ["RUNNING", "READY", "WAITING", "RESERVED"]},
    }
    if element is not None:
        wanted["spec.tm23.element"] = element
    fields = {"spec._tasks.job.function_args": 1, "spec.tm23": 1}
    asked: dict[Any, int] = {}
    for one in launchpad["fireworks"].find(wanted, fields):
        try:
            arguments = one["spec"]["_tasks"][0]["job"]["function_args"]
            _, recipe, dynamics, n_steps, _, regime = arguments[:6]
            key = _run_key(one["spec"]["tm23"]["element"], recipe, regime, dynamics)
            asked[key] = max(int(n_steps), asked.get(key, 0))
        except (LookupError, TypeError, ValueError):
            continue  # a job of somebody else
    return asked


def _run_key(
    element: str, recipe: Mapping[str, Any], regime: str | None, dynamics: Mapping[str, Any]
) -> Any:
    """Tell runs apart by what both a job and a trajectory say of them."""
    temperature_K, seed = dynamics.get("temperature_K"), dynamics.get("seed", 0)
    return (element, recipe.get("engine"), regime, temperature_K, seed)
