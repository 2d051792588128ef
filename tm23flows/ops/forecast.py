"""What a workflow will cost: core-hours, memory, wall time and bytes, by metal and stage.

Owns the sums over what the Fireworks will do, with what the archive says such work has cost. All
sums are made draw by draw (see :mod:`tm23flows.science.run_costs`), so the interval of a
sum knows that an error of the law is the same everywhere. Work of a kind that was never
measured has no time: a sum that it belongs to is of the rest, and is not complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from tm23flows.ops.measured_work import Measured, fit_measured, fit_memory
from tm23flows.ops.planned_work import SECONDS_EACH, Task, Work
from tm23flows.ops.storage import Bytes
from tm23flows.ops.work import Kind, is_complete
from tm23flows.science.run_costs import LEVEL, N_DRAWS, CostModel, Draws, Estimate, summarise
from tm23flows.science.schedule import makespan

STAGES: Final = ("aimd", "label", "train-gpu", "analyse")
_NEAR: Final = 20
"""So many draws on either side of a percentile are averaged for the times of single jobs."""


@dataclass(frozen=True)
class Knowledge:
    """What was measured, and made of it.

    Parameters
    ----------
    times
        Seconds of a core for a unit of each kind.
    memory
        Bytes for each kind.
    cores
        Cores that a job of each kind had.
    sizes
        Bytes of what is stored.
    """

    times: Mapping[Kind, CostModel] = field(default_factory=dict)
    memory: Mapping[Kind, CostModel] = field(default_factory=dict)
    cores: Mapping[Kind, int] = field(default_factory=dict)
    sizes: Bytes = field(default_factory=Bytes)


@dataclass(frozen=True)
class Row:
    """What jobs of one metal and stage will do, of one kind of work.

    Parameters
    ----------
    metal, stage
        Whose and which.
    work
        Kind of work, such as ``vasp step``; empty for jobs that are only counted.
    jobs
        Number of Fireworks.
    units
        How often it is done.
    core_s
        Seconds of a core; None where it is not known.
    unknown
        Why not, in words; empty where it is known.
    """

    metal: str
    stage: str
    work: str
    jobs: int
    units: int
    core_s: Estimate | None
    unknown: str = ""


@dataclass(frozen=True)
class StageSum:
    """A stage of all metals, or of one.

    Parameters
    ----------
    metal
        Chemical symbol; ``all`` for all.
    stage
        Name; ``all`` for all.
    jobs
        Number of Fireworks.
    core_s
        Seconds of a core; None where nothing is known.
    complete
        Whether this is all of it; else it is of the known part alone.
    memory_bytes
        Of the largest job; None where it is not known.
    database_bytes, disk_bytes
        In the database, and in packed files on the cluster; None where that is not known.
    """

    metal: str
    stage: str
    jobs: int
    core_s: Estimate | None
    complete: bool
    memory_bytes: Estimate | None
    database_bytes: float
    disk_bytes: float | None


@dataclass(frozen=True)
class Forecast:
    """What a workflow will cost.

    Parameters
    ----------
    rows
        By metal, stage and kind of work.
    sums
        By stage, of all metals first.
    workers
        How many jobs run at a time.
    wall_s
        Seconds until all is done with that many workers, without the time in queues; where the
        total is not complete, of the known part. None where nothing is known.
    chain_s
        The longest chain of jobs: with any number of workers.
    """

    rows: tuple[Row, ...]
    sums: tuple[StageSum, ...]
    workers: int
    wall_s: Estimate | None
    chain_s: Estimate | None

    @property
    def total(self) -> StageSum:
        """All stages of all metals."""
        return self.sums[-1]

    @property
    def unknown(self) -> list[str]:
        """What nobody knows, each reason once."""
        return list(dict.fromkeys(row.unknown for row in self.rows if row.unknown))

    def kept(self) -> dict[str, Any]:
        """Return what a workflow keeps of it, to be compared with what happens: small."""
        rows = [
            {
                "metal": row.metal,
                "stage": row.stage,
                "work": row.work,
                "jobs": row.jobs,
                "units": row.units,
                "core_s": None if row.core_s is None else _rounded(row.core_s),
            }
            for row in self.rows
        ]
        return {"level": LEVEL, "rows": rows}

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"level": LEVEL, "unknown": self.unknown, **asdict(self)}


def learn(rows: Iterable[Measured], sizes: Bytes | None = None) -> Knowledge:
    """Make knowledge of what was measured.

    Parameters
    ----------
    rows
        What was measured.
    sizes
        Bytes of what is stored; None for the defaults.

    Returns
    -------
    Laws and numbers.
    """
    measured = list(rows)
    cores: dict[Kind, int] = {}
    for one in measured:
        cores[one.kind] = max(cores.get(one.kind, 1), one.cores or 1)
    return Knowledge(fit_measured(measured), fit_memory(measured), cores, sizes or Bytes())


def forecast(tasks: list[Task], known: Knowledge, workers: int, cores: int | None) -> Forecast:
    """Sum up what tasks will cost.

    Parameters
    ----------
    tasks
        All Fireworks.
    known
        What was measured.
    workers
        How many jobs run at a time.
    cores
        Cores of a job; None for as many as the measured ones had.

    Returns
    -------
    The forecast.
    """
    book = _Book(known, cores)
    rows = [row for group in _groups(tasks).items() for row in book.rows(*group)]
    metals = sorted({task.metal for task in tasks})
    chosen = [(metal, stage) for metal in (("all", *metals) if len(metals) > 1 else ("all",))
              for stage in (*STAGES, "all")]  # fmt: skip
    # the sum of everything is the last one
    chosen = [one for one in chosen if one != ("all", "all")] + [("all", "all")]
    sums = [book.sum(tasks, *one) for one in chosen]
    wall = book.wall(tasks, workers)
    return Forecast(
        rows=tuple(rows),
        sums=tuple(one for one in sums if one.jobs),
        workers=workers,
        wall_s=wall,
        chain_s=book.wall(tasks, None),
    )


def _groups(tasks: list[Task]) -> dict[tuple[str, str], list[Task]]:
    groups: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        groups.setdefault((task.metal, task.stage), []).append(task)
    return dict(sorted(groups.items(), key=lambda one: (one[0][0], _place(one[0][1]))))


def _rounded(estimate: Estimate) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in asdict(estimate).items()}


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _sum(parts: list[Draws]) -> Draws:
    return np.sum(parts, axis=0) if parts else np.zeros(N_DRAWS)


class _Book:
    """Draws of all work, each made once."""

    def __init__(self, known: Knowledge, cores: int | None) -> None:
        self.known, self.cores = known, cores
        self._units: dict[Any, Draws] = {}

    def unit(self, metal: str, work: Work) -> Draws | None:
        """Return seconds of a core for one unit; None where nobody knows."""
        law = self.known.times.get(work.kind)
        if law is None or not work.sizes or not all(is_complete(work.kind, s) for s in work.sizes):
            return None
        key = (work.kind, metal, tuple(tuple(one.items()) for one in work.sizes))
        if key not in self._units:
            self._units[key] = law.draw(metal, work.sizes)
        return self._units[key]

    def draws(self, task: Task) -> Draws | None:
        """Return seconds of a core for what is known of a task; None where nothing is."""
        parts = [one for work in task.work if (one := self.of(task.metal, work)) is not None]
        return _sum(parts) if parts else None

    def is_known(self, task: Task) -> bool:
        """Say whether all of a task is known, or takes seconds."""
        if not task.work:
            return task.stage == SECONDS_EACH
        return all(self.unit(task.metal, work) is not None for work in task.work)

    def of(self, metal: str, work: Work) -> Draws | None:
        """Return seconds of a core for work; None where nobody knows."""
        unit = self.unit(metal, work)
        if unit is None:
            return None
        return np.minimum(unit * work.units, work.limit_s or np.inf)

    def rows(self, where: tuple[str, str], tasks: list[Task]) -> Iterable[Row]:
        """Yield the rows of one metal and stage."""
        metal, stage = where
        kinds: dict[str, list[tuple[Task, Work]]] = {}
        for task in tasks:
            for work in task.work:
                kinds.setdefault(str(work.kind), []).append((task, work))
        for name, some in kinds.items():
            parts = [self.of(metal, work) for _, work in some]
            reasons = [self._reason(work) for _, work in some]
            core_s = None if any(reasons) else summarise(_sum([p for p in parts if p is not None]))
            units = sum(work.units for _, work in some)
            jobs = len({task.number for task, _ in some})
            yield Row(metal, stage, name, jobs, units, core_s, next(filter(None, reasons), ""))
        counted = [task for task in tasks if not task.work]
        if counted:
            known = stage == SECONDS_EACH
            names = ", ".join(sorted({task.function for task in counted}))
            reason = "" if known else f"jobs of the kinds {names} are counted, not estimated"
            yield Row(metal, stage, "", len(counted), len(counted), None, reason)

    def _reason(self, work: Work) -> str:
        if work.kind not in self.known.times:
            other = " with these hyperparameters" if work.kind.settings else ""
            return f"no {work.kind}{other} was measured yet: run one metal first"
        if not work.sizes or not all(is_complete(work.kind, one) for one in work.sizes):
            return f"the size of a {work.kind} is not known before it runs"
        return ""

    def sum(self, tasks: list[Task], metal: str, stage: str) -> StageSum:
        """Sum up a stage."""
        some = [t for t in tasks if metal in ("all", t.metal) and stage in ("all", t.stage)]
        parts = [one for task in some if (one := self.draws(task)) is not None]
        return StageSum(
            metal=metal,
            stage=stage,
            jobs=len(some),
            core_s=summarise(_sum(parts)) if parts else None,
            complete=all(self.is_known(task) for task in some),
            memory_bytes=self._memory(some),
            database_bytes=sum(self.known.sizes.database_bytes(task) for task in some),
            disk_bytes=self.known.sizes.raw_bytes(some),
        )

    def _memory(self, tasks: list[Task]) -> Estimate | None:
        """Return the memory of the largest job; None where nothing was measured."""
        found = []
        for metal, work in {
            (t.metal, w.kind): (t.metal, w) for t in tasks for w in t.work
        }.values():
            law = self.known.memory.get(work.kind)
            needed = work.kind.memory_law.exponents
            if law is None or not work.sizes:
                return None
            if not all(one.get(name, 0) > 0 for one in work.sizes for name in needed):
                return None
            found.append(law.draw(metal, work.sizes[-1]))
        return summarise(np.max(found, axis=0)) if found else None

    def wall(self, tasks: list[Task], workers: int | None) -> Estimate | None:
        """Return seconds until all tasks are done."""
        drawn = {task.number: self.draws(task) for task in tasks}
        known = [one for one in drawn.values() if one is not None]
        if not known:
            return None
        nothing = np.zeros(N_DRAWS)
        seconds = {
            task.number: nothing if one is None else one / self._cores_of(task)
            for task, one in zip(tasks, drawn.values(), strict=True)
        }
        order = np.argsort(_sum(known))
        parents = {task.number: task.parents for task in tasks}
        ends = []
        for level in ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2):
            place = round(level * (len(order) - 1))
            near = order[max(0, place - _NEAR) : place + _NEAR + 1]
            durations = {number: float(one[near].mean()) for number, one in seconds.items()}
            ends.append(makespan(durations, parents, workers))
        return Estimate(low=ends[0], value=ends[1], high=ends[2])

    def _cores_of(self, task: Task) -> int:
        if not task.work or task.stage == "train-gpu":
            return 1
        return self.cores or max(self.known.cores.get(work.kind, 1) for work in task.work)
