"""A worker: takes jobs off the launchpad until there is a reason to stop.

Owns when a job is taken and when no more is. FireWorks runs it: this is its ``rapidfire`` with
an ear for signals, an eye on the walltime and the disk, and patience for a database that is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from tm23flows import stopping
from tm23flows.disk import has_space
from tm23flows.errors import DatabaseError, InputError
from tm23flows.log import get_log
from tm23flows.store.patience import patiently, rest

if TYPE_CHECKING:
    from fireworks import FWorker, LaunchPad

Reason = Literal["nothing left", "nothing ready", "enough", "told to stop", "walltime", "disk full"]
Done = TypeVar("Done")

DISK_S = 60.0
"""Time between two looks at the disk."""


@dataclass(frozen=True)
class Rules:
    """When a worker takes jobs.

    Parameters
    ----------
    n_jobs
        So many and no more; None for all there are.
    sleep_s
        Time between two looks at a launchpad that has nothing for this worker yet.
    spare_s
        No job is begun with less time left.
    wait
        Whether to wait for new jobs where none is left.
    patience_s
        For how long a database may be away.
    idle_s
        For how long it waits for a job. A node that waits is paid for.
    """

    n_jobs: int | None
    sleep_s: float
    spare_s: float
    wait: bool
    patience_s: float
    idle_s: float = float("inf")


@dataclass(frozen=True)
class Ended:
    """Why a worker ended, and how many jobs it took, failed ones too."""

    reason: Reason
    n_jobs: int


def work(launchpad: LaunchPad, worker: FWorker, folder: Path, rules: Rules) -> Ended:
    """Take jobs until there is a reason to stop.

    Parameters
    ----------
    launchpad
        The launchpad.
    worker
        FireWorks' worker; its categories decide which jobs it takes.
    folder
        Each job gets a folder in it.
    rules
        When to take jobs.

    Returns
    -------
    Why it ended.

    Raises
    ------
    DatabaseError
        If the database is away for longer than the patience; no job is taken then.
    InputError
        In a job of a scheduler whose end nobody knows.
    """
    n_jobs = 0
    log, disk = get_log(), _Disk(folder)
    log.info("worker.begun", worker=worker.name, folder=str(folder))
    idle_since = time.monotonic()
    while (reason := _reason_to_end(disk, rules, n_jobs)) is None:
        if _ask(lambda: launchpad.run_exists(worker), rules):
            ran = _launch(launchpad, worker, folder, rules)
            n_jobs += ran
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= rules.idle_s:
            reason = "nothing ready"
            break
        elif rules.wait or _ask(lambda: launchpad.future_run_exists(worker), rules):
            rest(rules.sleep_s)
        else:
            reason = "nothing left"
            break
    log.info("worker.ended", worker=worker.name, reason=reason, jobs=n_jobs)
    return Ended(reason, n_jobs)


def check_outputs() -> None:
    """Refuse a worker whose jobs could not hand their outputs on.

    Raises
    ------
    InputError
        If jobflow would keep them in this process, or lacks the store that our jobs name.
    """
    from jobflow import SETTINGS
    from maggma.stores import MemoryStore

    if isinstance(SETTINGS.JOB_STORE.docs_store, MemoryStore):
        raise InputError(
            "Outputs of jobs would be lost with this worker: set JOBFLOW_CONFIG_FILE to a "
            "jobflow.yaml such as that of launchpad/."
        )


class _Disk:
    """The disk, looked at every now and then: looking is writing."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._looked = folder, -DISK_S

    def is_full(self) -> bool:
        """Say whether it was full at the last look."""
        if time.monotonic() - self._looked < DISK_S:
            return False
        self._looked = time.monotonic()
        return not has_space(self._folder)


def _reason_to_end(disk: _Disk, rules: Rules, n_jobs: int) -> Reason | None:
    if stopping.stop_requested():
        return "told to stop"
    if rules.n_jobs is not None and n_jobs >= rules.n_jobs:
        return "enough"
    end = stopping.deadline()
    if end is not None and time.time() + rules.spare_s > end:
        return "walltime"
    return "disk full" if disk.is_full() else None


def _launch(launchpad: LaunchPad, worker: FWorker, folder: Path, rules: Rules) -> bool:
    """Run one job in a folder of its own; say whether there was one."""
    from fireworks.core.rocket_launcher import launch_rocket
    from pymongo.errors import ConnectionFailure

    with _launch_folder(folder):
        try:
            return bool(launch_rocket(launchpad, worker))
        except ConnectionFailure as error:
            # What it was at is found and run again by 'tm23 recover'.
            get_log().error("worker.cut_off", reason=type(error).__name__)
            _ask(lambda: launchpad.connection.admin.command("ping"), rules)
            return True


@contextmanager
def _launch_folder(folder: Path) -> Iterator[None]:
    """Be in a new folder for a job, as FireWorks names them; an empty one does not stay."""
    from fireworks.core.rocket_launcher import get_fw_logger
    from fireworks.utilities.fw_utilities import create_datestamp_dir

    logger = get_fw_logger("rocket.launcher", l_dir=None, stream_level="WARNING")
    path = Path(create_datestamp_dir(str(folder), logger, prefix="launcher_"))
    try:
        with chdir(path):
            yield
    finally:
        if not any(path.iterdir()):
            path.rmdir()


def _ask(ask: Callable[[], Done], rules: Rules) -> Done:
    """Ask a database that may be away; nothing is taken meanwhile."""
    from pymongo.errors import ConnectionFailure

    try:
        return patiently(ask, rules.patience_s)
    except ConnectionFailure as error:
        raise DatabaseError(
            f"The database was away for {rules.patience_s:g} s, and this worker ends; it took no "
            "job meanwhile."
        ) from error
