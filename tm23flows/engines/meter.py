"""What the work of this process costs: processor time, clock, memory.

Owns reading the counters of the operating system. Programs that run on their own report for
themselves; see :mod:`tm23flows.engines.vasp.accounts`.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass

from tm23flows.documents.effort import Effort


@dataclass(frozen=True)
class Mark:
    """A moment on the counters of this process, in s."""

    cpu_s: float
    wall_s: float


def mark() -> Mark:
    """Return the counters now."""
    return Mark(time.process_time(), time.monotonic())


def spent_since(start: Mark, scf_iterations: int | None = None) -> Effort:
    """Account for the work of this process since a moment.

    Parameters
    ----------
    start
        The moment.
    scf_iterations
        Self-consistency steps in between; None where there are none to count.

    Returns
    -------
    The account. The memory is the most that the process ever had, not that of this work alone.
    """
    return Effort(
        scf_iterations=scf_iterations,
        cpu_s=time.process_time() - start.cpu_s,
        wall_s=time.monotonic() - start.wall_s,
        cores=_threads(),
        max_memory_bytes=_max_memory_bytes(),
    )


def _threads() -> int:
    """Return how many threads the linear algebra may use: one, unless somebody said more."""
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, int(given)) if given.isdecimal() else 1


def _max_memory_bytes() -> int:
    # Linux counts in kB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
