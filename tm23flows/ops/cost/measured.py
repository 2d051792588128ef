"""A row of what was measured, and the laws of cost that are fitted to such rows.

Owns the value type and the fits. Reading rows out of an archive is the business of
:mod:`tm23flows.ops.cost.measured_work`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tm23flows.documents.effort import Effort
from tm23flows.ops.cost.work import Kind, is_complete
from tm23flows.science.run_costs import CostModel, Run, fit_costs


@dataclass
class Measured:
    """All work of one kind on one metal under one recipe.

    Parameters
    ----------
    kind
        What was done.
    metal
        Chemical symbol.
    sizes
        Of one unit; empty where they are not known.
    units, known
        How many were done, and of how many the cost is known.
    core_s
        Seconds of a core of those that are known.
    wall_s
        Seconds on the clock of those that have them.
    rejected, rejected_core_s
        How many failed, and what is known to have been spent on them.
    cores
        Most cores that one had; None where it is not known.
    memory_bytes
        Most memory that one had; None where it is not known.
    """

    kind: Kind
    metal: str
    sizes: dict[str, float] = field(default_factory=dict)
    units: int = 0
    known: int = 0
    core_s: float = 0.0
    wall_s: float = 0.0
    rejected: int = 0
    rejected_core_s: float = 0.0
    cores: int | None = None
    memory_bytes: int | None = None

    def add(self, effort: Effort, units: int = 1) -> None:
        """Count work with its account."""
        self.units += units
        self.wall_s += effort.wall_s or 0.0
        if (spent := effort.core_s) is not None:
            self.known += units
            self.core_s += spent
        self.cores = max(self.cores or 0, effort.cores or 0) or None
        self.memory_bytes = max(self.memory_bytes or 0, effort.max_memory_bytes or 0) or None


def fit_measured(rows: Iterable[Measured]) -> dict[Kind, CostModel]:
    """Fit a law to each kind of work that was measured.

    Parameters
    ----------
    rows
        What was measured.

    Returns
    -------
    Seconds of a core per unit, by kind; kinds without a measured row have none.
    """
    runs: dict[Kind, list[Run]] = {}
    for one in rows:
        if one.core_s > 0 and is_complete(one.kind, one.sizes):
            run = Run(one.metal, one.sizes, one.core_s / one.known)
            runs.setdefault(one.kind, []).append(run)
    return {kind: fit_costs(kind.law, some) for kind, some in runs.items()}


def fit_memory(rows: Iterable[Measured]) -> dict[Kind, CostModel]:
    """Fit the memory of each kind of work; as :func:`fit_measured`, in bytes of all ranks."""
    runs: dict[Kind, list[Run]] = {}
    for one in rows:
        law = one.kind.memory_law
        if one.memory_bytes and all(one.sizes.get(name, 0) > 0 for name in law.exponents):
            run = Run(one.metal, one.sizes, float(one.memory_bytes))
            runs.setdefault(one.kind, []).append(run)
    return {kind: fit_costs(kind.memory_law, some) for kind, some in runs.items()}
