"""``tm23 build`` and ``tm23 run``: the road as a workflow file, or right here."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from jobflow import Flow

Metals = Annotated[list[str], typer.Argument(help="Chemical symbols, such as Cu Ti.")]
Scale = Annotated[str, typer.Option(help="demo (minutes) or paper (TM23's own protocol).")]
Engine = Annotated[str, typer.Option(help="gpaw (real DFT), or emt (not DFT, for tests).")]


def build(
    metals: Metals,
    output: Annotated[Path, typer.Option("-o", "--output", help="Workflow file to write.")],
    scale: Scale = "demo",
    engine: Engine = "gpaw",
) -> None:
    """Write the workflow of some metals for 'lpad add'."""
    if not output.resolve().parent.is_dir():
        raise InputError(f"There is no folder {output.parent} to write {output.name} to.")
    flow = _flow(metals, scale, engine)
    from jobflow.managers.fireworks import flow_to_workflow

    # Without a store: the worker's own configuration decides, and no password
    # ends up in the workflow.
    with warnings.catch_warnings():
        # Several metals are independent of each other, and that is meant.
        warnings.filterwarnings("ignore", message="Some jobs are not connected")
        workflow = flow_to_workflow(flow, store=None)
    partial = output.with_name(output.name + ".part.yaml")
    workflow.to_file(str(partial), f_format="yaml")
    partial.replace(output)
    typer.echo(f"{len(workflow.fws)} jobs in {output}; next: lpad add {output}")


def run(
    metals: Metals,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    workdir: Annotated[
        Path, typer.Option(help="Folder for the text output of the programs.")
    ] = Path("tm23-run"),
) -> None:
    """Run the workflow of some metals here, without FireWorks."""
    flow = _flow(metals, scale, engine)
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    from tm23flows.jobs.context import open_archive, run_folder

    open_archive()  # say at once that there is no database
    _check_engine(engine, run_folder())
    workdir.mkdir(parents=True, exist_ok=True)
    run_locally(
        flow,
        store=JobStore(MemoryStore(), additional_stores={"data": MemoryStore()}),
        create_folders=True,
        root_dir=workdir,
        raise_immediately=True,
    )
    typer.echo("Done; next: tm23 report -o report/index.html")


def _flow(metals: list[str], scale: str, engine: str) -> Flow:
    from tm23flows.flows.scales import make_tm23

    repeated = sorted({one for one in metals if metals.count(one) > 1})
    if repeated:
        raise InputError(f"{', '.join(repeated)} is named more than once.")
    flows = [make_tm23(metal, scale, engine).make(metal) for metal in metals]
    if len(flows) == 1:
        return flows[0]
    from jobflow import Flow as JobflowFlow

    return JobflowFlow(flows, name=f"{'-'.join(metals)} {scale}")


def _check_engine(engine: str, workdir: Path) -> None:
    from tm23flows.engines.base import get_engine

    get_engine(engine, workdir)
