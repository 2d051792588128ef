"""The costs of tasks, drawn once and summed up in any way.

Owns the sums: by kind of work, by stage, and along the jobs' dependencies. Every cost is a set of
draws (see :mod:`tm23flows.science.run_costs`), and all sums are made draw by draw. Who asks for
which sums is the business of :mod:`tm23flows.ops.cost.forecast`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tm23flows.ops.cost.knowledge import Knowledge
from tm23flows.ops.cost.tasks import SECONDS_EACH, Task, Work
from tm23flows.ops.cost.work import is_complete
from tm23flows.science.run_costs import LEVEL, N_DRAWS, Draws, Estimate, summarise
from tm23flows.science.schedule import makespan

_NEAR: Final = 20
"""So many draws on either side of a percentile are averaged for the times of single jobs."""


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


class CostBook:
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
        different = {(t.metal, w.kind, str(w.sizes[-1:])): w for t in tasks for w in t.work}
        for (metal, _, _), work in different.items():
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


def _sum(parts: list[Draws]) -> Draws:
    return np.sum(parts, axis=0) if parts else np.zeros(N_DRAWS)
