"""What every job of a worker shares: the open archive and the run folder.

Jobs get ids, never connections; this is where a worker finds its database.
"""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobflow import CURRENT_JOB

from tm23flows.disk import has_space
from tm23flows.errors import DiskFullError, OutOfTimeError
from tm23flows.settings import get_settings
from tm23flows.stopping import catches_signals, deadline, stop_requested
from tm23flows.store.claims import note_attempt
from tm23flows.store.connect import resolve_uri
from tm23flows.store.patience import patiently, rest
from tm23flows.store.raw_outputs import record_raw_outputs

if TYPE_CHECKING:
    from jobflow import Job

    from tm23flows.engines.base import Engine
    from tm23flows.store.archive import Archive

MAX_FRUITLESS = 3
"""So many workers in a row may have no time for a job before it fails."""

SPACE_LOOK_S = 5.0
SPACE_PATIENCE_S = 3600.0

RLAUNCH = "fireworks.scripts.rlaunch_run"
"""The module that is loaded where rlaunch runs the jobs."""

STOPPED_PATIENCE_S = 900.0
"""A worker that was told to stop is killed before this; SLURM does so after ten minutes."""


def open_archive() -> Archive:
    """Return the archive that this worker's settings mean, opened once per process.

    Returns
    -------
    The archive.

    Raises
    ------
    DatabaseError
        If no database answers.
    """
    return _open(resolve_uri(), get_settings().database)


@lru_cache(maxsize=4)
def _open(uri: str, database: str) -> Archive:
    from tm23flows.store.archive import Archive

    return Archive.open(uri, database)


def run_folder() -> Path:
    """Return the folder for text output: the one that the launcher made for this job.

    Returns
    -------
    The working directory.
    """
    return Path.cwd()


def wait_for_space() -> None:
    """Keep a worker with a full disk from taking one job after the other, to fail in each.

    The first job that finds the disk full has said so; the next one waits here for space.

    Raises
    ------
    DiskFullError
        If there is none in an hour, or before the deadline.
    """
    patient_until = time.time() + SPACE_PATIENCE_S
    while not has_space(run_folder()):
        # a signal moves the deadline, so it is asked each time
        if time.time() > min(patient_until, deadline() or float("inf")):
            raise DiskFullError(
                f"The disk of {run_folder()} is full (disk_full): free some space, then run this "
                "again; nothing was computed."
            )
        time.sleep(SPACE_LOOK_S)


def keep_raw_outputs(archive: Archive, engine: Engine) -> None:
    """Let an engine pack its files, and write down where they are and what is in them.

    Parameters
    ----------
    archive
        The archive.
    engine
        The engine, when its work is done.
    """
    packed = engine.finish()
    if packed is not None:
        patiently(
            lambda: record_raw_outputs(archive, packed.path, packed.sha256, packed.members),
            get_settings().database_patience_s,
        )


def as_this_job(following: Job) -> Job:
    """Let a job that goes on with the work of the running one be called and found like it.

    Parameters
    ----------
    following
        The job; it is changed. jobflow hands the category of workers on by itself.

    Returns
    -------
    The job.
    """
    current = CURRENT_JOB.job
    following.name = current.name
    following.metadata = current.metadata
    return following


def wait_for_deadline(task: str, progress: int) -> None:
    """Keep a worker without time for any job from taking one after the other.

    Parameters
    ----------
    task
        Id of the task; how many workers in a row have done nothing of it is on its claim.
    progress
        What this job has done before it ran out of time. If it is nothing, the worker waits
        for its end here, and the job goes on elsewhere.

    Raises
    ------
    OutOfTimeError
        If nothing was done and the deadline is past already, or if this worker is one too
        many: what is to be done does not fit into the time of a worker.
    """
    if stop_requested():
        return  # nothing that the job could have done better
    fruitless = note_attempt(open_archive(), task, progress)
    if not fruitless:
        return
    if fruitless >= MAX_FRUITLESS:
        # whoever runs it again, with more time, begins to count anew
        note_attempt(open_archive(), task, 1)
        raise OutOfTimeError(
            f"{MAX_FRUITLESS} workers in a row had no time for any of this job: give them a longer "
            "walltime or more cores, and start them with 'tm23 worker'."
        )
    end = deadline()
    if end is None:
        return
    if time.time() > end:
        raise OutOfTimeError(
            "The deadline of this worker is past, and it still takes jobs: start it with "
            "'tm23 worker', or with 'rlaunch rapidfire --timeout SECONDS', some minutes less than "
            "its walltime."
        )
    rest(end - time.time())


def begin_job() -> None:
    """Begin a job only in a worker that may still begin one and has space for its files.

    'tm23 worker' takes no job after a signal. One that it took just before goes on here: it
    stops at its first look at the clock and goes back to the queue. rlaunch takes one after the
    other, so it waits here for its end.

    Raises
    ------
    OutOfTimeError
        If this process was told to stop, and is no 'tm23 worker'.
    DiskFullError
        If there is no space for long.
    """
    if reason := stop_requested():
        if catches_signals():
            return
        if RLAUNCH in sys.modules:
            time.sleep(STOPPED_PATIENCE_S)
        raise OutOfTimeError(
            f"This process was told to stop ({reason}) and begins nothing more; workers that end "
            "then are started with 'tm23 worker'."
        )
    wait_for_space()
