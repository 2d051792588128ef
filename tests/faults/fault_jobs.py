"""Jobs that the tests of faults give to real workers; workers import them from here.

Every job writes to an append-only log what it does, one line per event in one write
with O_APPEND, so that the log is whole whatever is killed. A worker can be held in
the middle of a job by a file beside the log.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from jobflow import CURRENT_JOB, job

from tm23flows.errors import OutOfTimeError
from tm23flows.jobs.label import label_frames

HOLD_PATIENCE_S = 400.0


@job
def note_execution(log: str, sleep_s: float) -> str:
    """Log that this job runs, and in which worker."""
    write(log, "start")
    wait_while_held(log)
    time.sleep(sleep_s)
    write(log, "done")
    return worker_name()


@job
def note_labels(log: str, frame_ids: list[str], recipe: dict, sleep_s: float) -> dict:
    """Label frames as the package does, between two lines of the log."""
    write(log, "start")
    time.sleep(sleep_s)
    counts = label_frames(frame_ids, [recipe], 0, 0)
    write(log, "done", counts["accepted"], counts["existing"])
    return counts


@job
def note_soaked(log: str, frame_ids: list[str], recipe: dict, sleep_s: float, size: int) -> dict:
    """Label frames as the package does, after a program that leaves a file of some size."""
    write(log, "start")
    with Path("output.bin").open("wb") as file:
        file.seek(size)
        file.write(b"x")
    time.sleep(sleep_s)
    counts = label_frames(frame_ids, [recipe], 0, 0)
    if counts["waiting"]:
        # The package's own job goes on in a detour; here each task stays one Firework.
        raise OutOfTimeError("told to stop before all was labelled")
    write(log, "done", counts["accepted"], counts["existing"])
    return counts


def write(log, event, *more):
    """Append ``event uuid worker pid ...`` in one write."""
    line = " ".join(
        str(word) for word in (event, CURRENT_JOB.job.uuid, worker_name(), os.getpid(), *more)
    )
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def wait_while_held(log):
    """Stay in this job while the file ``LOG.hold.WORKER`` is there."""
    hold = Path(f"{log}.hold.{worker_name()}")
    if hold.exists():
        write(log, "held")
    deadline = time.monotonic() + HOLD_PATIENCE_S
    while hold.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def worker_name():
    return os.environ["FAULT_WORKER"]
