"""What was measured, made ready for plans: laws of time and memory, cores, bytes.

Owns the value type and its making; reading the archive is the business of ``measured_work`` and
``storage``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tm23flows.ops.cost.measured import Measured, fit_measured, fit_memory
from tm23flows.ops.cost.storage import Bytes
from tm23flows.ops.cost.work import Kind
from tm23flows.science.run_costs import CostModel


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
