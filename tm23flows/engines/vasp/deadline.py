"""Stopping VASP in time for the end of this worker's time, or at once when a signal comes.

Owns when; how VASP is stopped (STOPCAR) is custodian's.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Self

from custodian.vasp.handlers import WalltimeHandler

from tm23flows.engines.base import Deadline, no_deadline
from tm23flows.engines.vasp.handlers import MEGABYTE, is_static, tail

STOP_S = 300.0
"""Time before the end of a worker's that is kept for VASP to stop, and for reading and packing."""


class DeadlineHandler(WalltimeHandler):
    """Stops VASP in time for the end of this worker's time.

    custodian's own counts from a variable of the environment that it sets itself, which the
    next run of the same process would find, and reads the whole OUTCAR each time.

    Parameters
    ----------
    deadline
        Says when, in seconds since 1970; None for not at all. It is asked at each look.
    buffer_s
        The least time that is left for VASP to end; more if three steps take longer.
    """

    def __init__(self, deadline: Deadline, buffer_s: float = STOP_S) -> None:
        self.deadline = deadline
        self.buffer_s = buffer_s
        self.electronic_step_stop = False

    def as_dict(self) -> dict[str, Any]:
        """Say what custodian's records can hold; when the time is over is no value."""
        named = {"@module": type(self).__module__, "@class": type(self).__name__}
        return {**named, "buffer_s": self.buffer_s}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Self:
        """Make one that never stops anything."""
        return cls(no_deadline, d["buffer_s"])

    def check(self, directory: str = "./") -> bool:
        """Say whether it is time to stop."""
        end = self.deadline()
        if end is None:
            return False
        folder = Path(directory)
        self.electronic_step_stop = is_static(folder)
        loop = rb"LOOP:.+real time(.+)" if self.electronic_step_stop else rb"LOOP\+.+real time(.+)"
        times = re.findall(loop, tail(folder / "OUTCAR", MEGABYTE))
        slowest = max((_number(text) for text in times[-20:]), default=0.0)
        return end - time.time() < max(3 * slowest, self.buffer_s)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
