"""Predicts frames one after the other with a worker that may be lost on any of them.

Owns the loop: what a frame did (an answer, a complaint, the end of the process, silence) is
written down under its place, and the next frame goes to the same worker or to a new one. Knows
no calculator.
"""

from __future__ import annotations

import io
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
from ase import Atoms

from tm23flows.errors import TM23Error, TrainingError
from tm23flows.trainers.base import Predictions
from tm23flows.trainers.frames import read_predictions, write_frames
from tm23flows.trainers.worker import Running, bring_home

LOOK_S = 1.0
LOAD_LIMIT_S = 3600.0
"""Loading may mean to fetch weights, or to compile."""

Start = Callable[[int], AbstractContextManager[tuple[Running, Connection]]]
"""Starts the worker for the n-th time."""


@dataclass
class _Course:
    """What became of the frames so far."""

    frames: list[Atoms]
    found: dict[int, Predictions] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    lost_in_a_row: int = 0

    @property
    def place(self) -> int:
        """Place of the next frame."""
        return len(self.found) + len(self.failures)

    def leave(self, reason: str) -> None:
        """Count all that are left as failed."""
        self.failures.update(dict.fromkeys(range(self.place, len(self.frames)), reason))


def predict_one_by_one(
    start: Start, frames: list[Atoms], limit_s: float, give_up_after: int
) -> Predictions:
    """Predict every frame that can be predicted, and say why the others cannot.

    Parameters
    ----------
    start
        Starts the worker.
    frames
        The frames.
    limit_s
        A frame that takes longer, in s, counts as failed, and its worker is ended.
    give_up_after
        So many frames in a row that end their worker end the work; the frames after them count
        as failed, and their reason says that they were not tried.

    Returns
    -------
    The predictions, with failures.

    Raises
    ------
    TM23Error
        If the model cannot be loaded. Where it could be before, and predicted something, the frames
        that are left count as failed.
    """
    course, starts = _Course(frames), 0
    while course.place < len(frames):
        if course.lost_in_a_row >= give_up_after:
            course.leave(f"Not tried: the {give_up_after} frames before it ended the calculator.")
            break
        starts += 1
        with start(starts) as (running, connection):
            try:
                # what is kept with the frames names no log, which is gone by then
                _wait_until_loaded(running, connection, name_log=not course.found)
            except TM23Error as error:
                if not course.found:
                    raise
                course.leave(f"Not tried: the calculator could not be made again. {error}")
                break
            _go_on(course, running, connection, limit_s)
    return _together(course)


def _wait_until_loaded(running: Running, connection: Connection, *, name_log: bool) -> None:
    if _answer(running, connection, LOAD_LIMIT_S) is None:
        if running.process.poll() is None:
            where = f" The log is {running.log}." if name_log else ""
            raise TrainingError(f"The calculator was not loaded in {LOAD_LIMIT_S:.0f} s.{where}")
        bring_home(running, name_log=name_log)
        raise TrainingError("The calculator ended while it was loaded, without a word.")


def _go_on(course: _Course, running: Running, connection: Connection, limit_s: float) -> None:
    """Predict until a frame ends the worker, or there is no frame left."""
    while (place := course.place) < len(course.frames):
        message = io.BytesIO()
        write_frames(message, [course.frames[place]], labels=False)
        said = _answer(running, connection, limit_s, message.getvalue())
        if said is None:
            course.failures[place] = _reason_of_loss(running, limit_s)
            course.lost_in_a_row += 1
            return
        course.lost_in_a_row = 0
        one = read_predictions(io.BytesIO(said), [course.frames[place]])
        if one.failures:
            course.failures[place] = one.failures[0]
        else:
            course.found[place] = one


def _answer(
    running: Running, connection: Connection, limit_s: float, message: bytes | None = None
) -> bytes | None:
    """Wait for an answer; None where the worker ended, or the time is over."""
    end = time.monotonic() + limit_s
    try:
        if message is not None:
            connection.send_bytes(message)
        while (left := end - time.monotonic()) > 0:
            if connection.poll(min(left, LOOK_S)):
                return connection.recv_bytes()
            # children of a dead worker may hold the line
            if running.process.poll() is not None and not connection.poll(0):
                return None
    except (EOFError, OSError):
        running.process.wait()
    return None


def _reason_of_loss(running: Running, limit_s: float) -> str:
    status = running.process.poll()
    if status is None:
        return f"The calculator did not answer within {limit_s:g} s."
    if status < 0:
        return f"The process was ended by signal {-status} ({signal.strsignal(-status)})."
    return f"The process ended with exit status {status}."


def _together(course: _Course) -> Predictions:
    """Put the frames into one set of arrays; numbers of frames that failed are nan."""
    energies, forces, stresses = [], [], []
    for place, atoms in enumerate(course.frames):
        one = course.found.get(place)
        energies.append(np.nan if one is None else float(one.energies[0]))
        forces.append(np.full((len(atoms), 3), np.nan) if one is None else one.forces[0])
        stresses.append(
            np.full(6, np.nan) if one is None or one.stresses is None else one.stresses[0]
        )
    some = any(one.stresses is not None for one in course.found.values())
    return Predictions(
        energies=np.array(energies),
        forces=tuple(forces),
        stresses=np.array(stresses) if some else None,
        uncertainties=None,
        failures=course.failures,
    )
