"""What was spent, beside what was planned: by metal, stage and kind of work.

Owns the comparison. Plans are those that workflows in the launchpad carry, or one from a file;
what was spent is in the archive, so it is also known of what ran without FireWorks. A plan is of
all its work, and the work may be half done: what is compared is the cost of the units that were
done and measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError
from tm23flows.ops.cost.measured import Measured
from tm23flows.ops.cost.measured_work import measured_work
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE
from tm23flows.science.run_costs import Estimate

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

PLAN_KEY = "tm23_plan"
"""Name of the plan in the metadata of a workflow."""

Key = tuple[str, str, str]
PlanRow = Mapping[str, Any]


@dataclass(frozen=True)
class Spent:
    """One kind of work of one metal.

    Parameters
    ----------
    metal, stage, work
        Whose, which, and the kind of work, such as ``vasp step``.
    planned_units
        How often it was planned to be done; 0 where no plan says so.
    planned_core_s
        Seconds of a core for all of them; None where the plan knew no time.
    units, known
        How often it was done, and of how many the cost is known.
    core_s
        Seconds of a core of those that are known.
    rejected, rejected_core_s
        Labels that failed, and what is known to have been spent on them.
    memory_bytes
        Most memory of a job; None where it is not known.
    """

    metal: str
    stage: str
    work: str
    planned_units: int
    planned_core_s: Estimate | None
    units: int
    known: int
    core_s: float
    rejected: int
    rejected_core_s: float
    memory_bytes: int | None

    @property
    def expected_core_s(self) -> Estimate | None:
        """What the plan says of the units whose cost is known; None where nothing can be said."""
        plan = self.planned_core_s
        if plan is None or not self.planned_units or not self.known:
            return None
        share = self.known / self.planned_units
        return Estimate(plan.value * share, plan.low * share, plan.high * share)

    @property
    def ratio(self) -> float | None:
        """Spent over expected."""
        expected = self.expected_core_s
        return None if expected is None else self.core_s / expected.value

    @property
    def in_interval(self) -> bool | None:
        """Whether what was spent is in the interval of the plan."""
        expected = self.expected_core_s
        return None if expected is None else expected.holds(self.core_s)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        expected = self.expected_core_s
        return {
            **asdict(self),
            "expected_core_s": None if expected is None else asdict(expected),
            "ratio": self.ratio,
            "in_interval": self.in_interval,
        }


def spending(
    archive: Archive, plans: Iterable[Iterable[PlanRow]], metal: str | None = None
) -> list[Spent]:
    """Compare what was spent with plans.

    Parameters
    ----------
    archive
        The archive.
    plans
        Rows of each plan; see :meth:`tm23flows.ops.cost.forecast.Forecast.kept`.
    metal
        Only this one; None for all.

    Returns
    -------
    One for each metal, stage and kind of work that was planned or done.
    """
    planned: dict[Key, list[PlanRow]] = defaultdict(list)
    for row in (row for plan in plans for row in plan):
        if row["work"] and metal in (None, row["metal"]):
            planned[row["metal"], row["stage"], row["work"]].append(row)
    done: dict[Key, list[Measured]] = defaultdict(list)
    for one in measured_work(archive, None if metal is None else [metal]):
        done[one.metal, one.kind.stage, str(one.kind)].append(one)
    keys = sorted({*planned, *done})
    return [_spent(key, planned.get(key, []), done.get(key, [])) for key in keys]


def _spent(key: Key, planned: list[PlanRow], done: list[Measured]) -> Spent:
    times = [row["core_s"] for row in planned]
    known = bool(times) and None not in times
    # Plans of one metal share their errors, so the ends of intervals are added.
    total = (
        {name: sum(one[name] for one in times) for name in ("value", "low", "high")}
        if known
        else {}
    )
    return Spent(
        *key,
        planned_units=sum(row["units"] for row in planned),
        planned_core_s=Estimate(**total) if known else None,
        units=sum(one.units for one in done),
        known=sum(one.known for one in done),
        core_s=sum(one.core_s for one in done),
        rejected=sum(one.rejected for one in done),
        rejected_core_s=sum(one.rejected_core_s for one in done),
        memory_bytes=max((one.memory_bytes or 0 for one in done), default=0) or None,
    )


def launchpad_plans(archive: Archive) -> list[list[PlanRow]]:
    """Read the plans of the workflows in the launchpad beside an archive.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Rows of each plan. Workflows that ask for the same have one, the first that was added, because
    their work is done once.
    """
    workflows = archive.database.client[LAUNCHPAD_DATABASE]["workflows"]
    name = f"metadata.{PLAN_KEY}"
    found = workflows.find({name: {"$exists": True}}, {name: 1}).sort("_id", 1)
    plans: dict[str, list[PlanRow]] = {}
    for plan in (one["metadata"][PLAN_KEY] for one in found):
        same = plan.get("work_id") or json.dumps(plan["rows"], sort_keys=True)
        plans.setdefault(same, plan["rows"])
    return list(plans.values())


def read_plan(path: Path) -> list[PlanRow]:
    """Read the plan that ``tm23 plan -o`` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Its rows.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["kept"]["rows"]
        return [
            {
                **{name: str(row[name]) for name in ("metal", "stage", "work")},
                "units": int(row["units"]),
                "core_s": row["core_s"]
                and {n: float(row["core_s"][n]) for n in ("value", "low", "high")},
            }
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no plan ({type(error).__name__}): write one with 'tm23 plan ... -o {path}'."
        ) from error
