"""What every job of a worker shares: the open archive and the run folder.

Jobs get ids, never connections; this is where a worker finds its database.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobflow import CURRENT_JOB

from tm23flows.errors import OutOfTimeError
from tm23flows.settings import get_settings
from tm23flows.store.connect import resolve_uri
from tm23flows.store.raw_outputs import record_raw_outputs

if TYPE_CHECKING:
    from jobflow import Job

    from tm23flows.engines.base import Engine
    from tm23flows.store.archive import Archive


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


def deadline() -> float | None:
    """Return when the time of this worker is over.

    Returns
    -------
    Seconds since 1970: the setting ``deadline``, else what SLURM says; None without both.
    """
    if (given := get_settings().deadline) is not None:
        return given
    planned = os.environ.get("SLURM_JOB_END_TIME", "")
    return float(planned) if planned.isdecimal() else None


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
        record_raw_outputs(archive, packed.path, packed.sha256, packed.members)


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


def wait_for_deadline(progress: int) -> None:
    """Keep a worker without time for any job from taking one after the other.

    Parameters
    ----------
    progress
        What this job has done before it ran out of time. If it is nothing, the worker waits
        for its end here, and the job goes on elsewhere.

    Raises
    ------
    OutOfTimeError
        If nothing was done and the deadline is past already.
    """
    end = deadline()
    if progress or end is None:
        return
    if time.time() > end:
        raise OutOfTimeError(
            "The deadline of this worker is past, and it still takes jobs: start it with "
            "'rlaunch rapidfire --timeout SECONDS', some minutes less than its walltime."
        )
    time.sleep(max(0.0, end - time.time()))
