"""What a workflow will cost: core-hours, memory, wall time and bytes, by metal and stage.

Owns the sums over what the Fireworks will do, with what the archive says such work has cost. All
sums are made draw by draw (see :mod:`tm23flows.science.run_costs`), so the interval of a
sum knows that an error of the law is the same everywhere. Work of a kind that was never
measured has no time: a sum that it belongs to is of the rest, and is not complete.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from tm23flows.ops.cost.book import CostBook, Row, StageSum
from tm23flows.ops.cost.knowledge import Knowledge
from tm23flows.ops.cost.tasks import Task
from tm23flows.science.run_costs import LEVEL, Estimate

STAGES: Final = ("aimd", "label", "train-gpu", "analyse")


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
    book = CostBook(known, cores)
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
