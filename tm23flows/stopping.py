"""When this process has to stop: the end of its time, or a signal.

Owns both, as one moment that everything asks for: it is later than now while there is time, and
moves to the moment of a signal when one comes. Does not stop anything: engines, trainings and
workers look at it between two steps.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType

from tm23flows.errors import InputError
from tm23flows.settings import get_settings

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""What schedulers send before they kill: SLURM's ``--signal=B:USR1@600`` and ``scancel``."""

SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "SGE_O_HOST", "COBALT_JOBID")
"""Variables by which a process knows that it runs in a job with a walltime."""

ASK_S, ASK_AGAIN_S = 20.0, 60.0
NO_END = {"NONE", "N/A", "UNLIMITED", "INVALID"}


class _Request:
    """The request of this process to stop; one per process, because signals are."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.reason: str | None = None
        self.catching = False


_request = _Request()
_answers: dict[str, tuple[bool, float | None, float]] = {}


def deadline() -> float | None:
    """Return when the time of this process is over.

    Returns
    -------
    Seconds since 1970: the moment of a signal that came, else the setting ``deadline``, else
    what the scheduler says; None if there is no end.

    Raises
    ------
    InputError
        In a job of a scheduler whose end nobody knows, unless ``allow_no_deadline`` is set.
    """
    if _request.at is not None:
        return _request.at
    if (given := get_settings().deadline) is not None:
        return given
    return _scheduled_end()


def stop_requested() -> str | None:
    """Say why this process was told to stop; None if it was not."""
    return _request.reason


def request_stop(reason: str) -> None:
    """Tell everything in this process to stop at the next good place.

    Parameters
    ----------
    reason
        Why, in a word.
    """
    if _request.at is None:
        _request.reason = reason
        _request.at = time.time()


def forget_request() -> None:
    """Go on after a request, in a process that outlives it: a test, or an interactive session."""
    _request.at = _request.reason = None


@contextmanager
def stopping_on_signals(*more: signal.Signals) -> Iterator[None]:
    """Take signals of schedulers as requests to stop while the block lasts.

    Signals can only be taken in the main thread; in another one, and inside another such block,
    this changes nothing.

    Parameters
    ----------
    *more
        Other signals to take as such; a second SIGINT is what it always is.

    Yields
    ------
    Nothing.
    """
    if _request.catching or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, _on_signal) for one in (*SIGNALS, *more)}
    _request.catching = True
    try:
        yield
    finally:
        _request.catching = False
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)


def catches_signals() -> bool:
    """Say whether signals are requests to stop in this process now."""
    return _request.catching


def _on_signal(number: int, frame: FrameType | None) -> None:
    del frame
    if number == signal.SIGINT and _request.at is not None:
        raise KeyboardInterrupt
    request_stop(signal.Signals(number).name)


def _scheduled_end() -> float | None:
    """Return what the scheduler says about the end of the job that this process runs in."""
    planned = os.environ.get("SLURM_JOB_END_TIME", "")
    if planned.isdecimal():
        return float(planned)
    if not any(os.environ.get(name) for name in SCHEDULERS):
        return None
    job = os.environ.get("SLURM_JOB_ID", "")
    known, end = _end_in_slurm(job) if job else (False, None)
    if known or get_settings().allow_no_deadline:
        return end
    raise InputError(
        "This job has a walltime, and nobody says when it ends: give TM23_DEADLINE (seconds since "
        "1970), or set TM23_ALLOW_NO_DEADLINE=true and lose what is under way at the end."
    )


def _end_in_slurm(job: str) -> tuple[bool, float | None]:
    """Return what ``squeue`` said: for good if it knew, else it is asked again after a while."""
    known, end, asked = _answers.get(job, (False, None, -math.inf))
    if not known and time.monotonic() - asked > ASK_AGAIN_S:
        known, end = _ask_slurm(job)
        _answers[job] = (known, end, time.monotonic())
    return known, end


def _ask_slurm(job: str) -> tuple[bool, float | None]:
    """Ask ``squeue`` for the end of a job; say whether it answered, and what."""
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--jobs", job, "--format", "%e"],
            env={**os.environ, "SLURM_TIME_FORMAT": "standard"},
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False, None
    text = answer.stdout.strip()
    if answer.returncode or not text:
        return False, None
    if text.upper() in NO_END:
        return True, None
    try:
        return True, datetime.fromisoformat(text).timestamp()
    except ValueError:
        return False, None
