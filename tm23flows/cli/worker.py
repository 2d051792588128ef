"""``tm23 worker``: run jobs of the launchpad, and stop in time."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from fireworks import FWorker, LaunchPad

EVENTS = "tm23-events.jsonl"

LaunchpadFile = Annotated[
    Path | None,
    typer.Option("-l", "--launchpad", help="FireWorks' my_launchpad.yaml [default: FW_config's]."),
]
WorkerFile = Annotated[
    Path | None,
    typer.Option("-w", "--fworker", help="FireWorks' my_fworker.yaml [default: FW_config's]."),
]


def worker(
    launchpad: LaunchpadFile = None,
    fworker: WorkerFile = None,
    nlaunches: Annotated[
        int | None, typer.Option(min=1, help="End after so many jobs [default: all there are].")
    ] = None,
    sleep: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 10.0,
    spare: Annotated[
        float, typer.Option(min=0, help="Begin no job with fewer seconds of walltime left.")
    ] = 600.0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for new jobs; never end.")] = False,
    idle: Annotated[
        float | None, typer.Option(min=0, help="End after so many seconds without a job.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(help=f"File for events [default: {EVENTS} in this folder].")
    ] = None,
) -> None:
    """Take jobs one after the other, like 'rlaunch rapidfire', and stop in time.

    SIGTERM, SIGUSR1 and Ctrl-C, the end of the walltime and a full disk end it at a good place:
    what is done is kept, and the rest goes back to the queue. A second Ctrl-C does not wait.
    """
    from tm23flows.ops.credentials import check_credentials
    from tm23flows.ops.worker import Rules, check_outputs, work
    from tm23flows.settings import get_settings
    from tm23flows.stopping import stopping_on_signals

    os.environ.setdefault("TM23_LOG_FILE", str((log_file or Path(EVENTS)).absolute()))
    check_credentials(launchpad, fworker)
    check_outputs()
    patience = get_settings().database_patience_s
    idle_s = float("inf") if idle is None else idle
    rules = Rules(nlaunches, sleep, spare, wait, patience, idle_s)
    with stopping_on_signals(signal.SIGINT):
        taker = _fworker(fworker)
        ended = work(_launchpad(launchpad), taker, Path.cwd(), rules)
    jobs = f"{ended.n_jobs} job{'' if ended.n_jobs == 1 else 's'}"
    typer.echo(f"{taker.name}: {ended.reason} after {jobs}")


def _launchpad(path: Path | None) -> LaunchPad:
    from fireworks import LaunchPad
    from fireworks.fw_config import LAUNCHPAD_LOC

    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.store.connect import resolve_uri

    place = path or (Path(LAUNCHPAD_LOC) if LAUNCHPAD_LOC else None)
    if place is None:
        return open_launchpad(resolve_uri())
    return LaunchPad.from_file(str(_there(place)))


def _fworker(path: Path | None) -> FWorker:
    from fireworks import FWorker, fw_config

    if path is not None:
        # Jobs look here for the commands of their worker.
        fw_config.FWORKER_LOC = str(_there(path).absolute())
    place = fw_config.FWORKER_LOC
    return FWorker() if place is None else FWorker.from_file(str(_there(Path(place))))


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"There is no file {path}; name another one, or leave the option out.")
    return path
