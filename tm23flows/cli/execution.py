"""What commands do with a flow: write it for 'lpad add', or run it here.

Owns both ways, so that every command that makes a flow offers them with the same words.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.ops.status.trainings import training_line
from tm23flows.stopping import stop_requested

if TYPE_CHECKING:
    from fireworks import Workflow
    from jobflow import Flow

    from tm23flows.cli.forecast import Known
    from tm23flows.ops.cost.plan import Plan
    from tm23flows.store.archive import Archive

Workdir = Annotated[Path, typer.Option(help="Folder for the text output of the programs.")]
WorkflowFile = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write a workflow for 'lpad add' instead of running it."),
]

LOOK_S = 2.0
UNCONNECTED = "Some jobs are not connected"


def make_workflow(flow: Flow) -> Workflow:
    """Turn a flow into what FireWorks runs.

    Parameters
    ----------
    flow
        The flow.

    Returns
    -------
    The workflow. It names no store: the worker's own configuration decides, and no password
    ends up in the workflow.
    """
    from jobflow.managers.fireworks import flow_to_workflow

    with warnings.catch_warnings():
        # Several metals are independent of each other, and that is meant.
        warnings.filterwarnings("ignore", message=UNCONNECTED)
        return flow_to_workflow(flow, store=None)


def check_output(output: Path) -> None:
    """Refuse a file that cannot be written, before any work.

    Parameters
    ----------
    output
        The file.

    Raises
    ------
    InputError
        If its folder is not there.
    """
    if not output.resolve().parent.is_dir():
        raise InputError(f"There is no folder {output.parent} to write {output.name} to.")


def write_workflow(flow: Flow, output: Path) -> None:
    """Write a flow for ``lpad add``, and say what to do with it.

    Parameters
    ----------
    flow
        The flow.
    output
        File to write; it is complete or not there.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    plan, _ = save_workflow(flow, output)
    typer.echo(f"{plan.fireworks} jobs in {output}; next: lpad add {output}")


def save_workflow(flow: Flow, output: Path, known: Known | None = None) -> tuple[Plan, int]:
    """Write a flow for ``lpad add``, with its plan inside for ``tm23 cost``.

    Parameters
    ----------
    flow
        The flow.
    output
        File to write; it is complete or not there.
    known
        What :func:`tm23flows.cli.forecast.read_known` returned, for whoever writes many; None asks
        the archive.

    Returns
    -------
    Its size in numbers, and the bytes of the file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    from tm23flows.cli.forecast import keep_plan
    from tm23flows.ops.cost.plan import plan_of
    from tm23flows.ops.workflow_files import write_workflow_file

    workflow = make_workflow(flow)
    plan = plan_of(workflow)
    keep_plan(workflow, known)
    return plan, write_workflow_file(workflow, output)


def job_names(flow: Flow) -> dict[str, str]:
    """Return the name of each job of a flow.

    Parameters
    ----------
    flow
        The flow; its parts may be independent of each other.

    Returns
    -------
    Names by uuid.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=UNCONNECTED)
        return {job.uuid: job.name for job, _ in flow.iterflow()}


def run_here(
    flow: Flow, workdir: Path, *, log: bool = False, keep_going: bool = False
) -> dict[str, Any]:
    """Run a flow in this process, without FireWorks.

    Parameters
    ----------
    flow
        The flow.
    workdir
        Folder for the text output of the programs.
    log
        Whether jobflow tells of every job on the screen; else it does so in ``jobflow.log``.
    keep_going
        Whether the other jobs are run when one fails.

    Returns
    -------
    The output of each job by its uuid; of one that was gone on with, what it said when its time
    was over: the job that went on has a uuid of its own. Jobs that failed have none.

    Raises
    ------
    OutOfTimeError
        If the time of this process is over.
    """
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    from tm23flows.jobs.context import open_archive

    workdir.mkdir(parents=True, exist_ok=True)
    logged = nullcontext() if log else _logged_to(workdir / "jobflow.log")
    with logged, _shown_trainings(open_archive()), warnings.catch_warnings():
        # jobflow 0.4.0 calls a function of its own that it deprecates
        warnings.filterwarnings("ignore", message="cd is deprecated", category=FutureWarning)
        warnings.filterwarnings("ignore", message=UNCONNECTED)
        try:
            responses = run_locally(
                flow,
                store=JobStore(MemoryStore(), additional_stores={"data": MemoryStore()}),
                create_folders=True,
                root_dir=workdir,
                raise_immediately=not keep_going,
                log=log,
            )
        except OutOfTimeError as error:
            # what the job says is meant for workers of FireWorks
            why = stop_requested() or "TM23_DEADLINE, or the end of the SLURM job"
            raise OutOfTimeError(
                f"The time was over ({why}) and what was done is kept: run the same command again "
                "to go on, with more time."
            ) from error
    return {uuid: found[max(found)].output for uuid, found in responses.items() if found}


@contextmanager
def _logged_to(path: Path) -> Iterator[None]:
    """Let jobflow tell a file of its jobs, with the tracebacks of those that fail."""
    logger, handler = logging.getLogger("jobflow"), logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers, logger.level, logger.propagate = before
        handler.close()


@contextmanager
def _shown_trainings(archive: Archive) -> Iterator[None]:
    """Show a person who waits how far trainings are, on standard error."""
    if not sys.stderr.isatty():
        yield
        return
    from pymongo.errors import ConnectionFailure
    from rich.console import Console
    from rich.text import Text

    from tm23flows.store.trainings import list_trainings

    out, over = Console(stderr=True, highlight=False), threading.Event()
    with out.status("...") as status:

        def look() -> None:
            while not over.wait(LOOK_S):
                # a database that is away for a while is asked again
                with suppress(ConnectionFailure):
                    lines = [training_line(one) for one in list_trainings(archive, "running")]
                    status.update(Text("\n".join(lines) or "..."))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
