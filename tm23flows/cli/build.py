"""``tm23 build`` and ``tm23 run``: the road as a workflow file, or right here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.cli.workflow import (
    Cell,
    Engine,
    MaterialId,
    MaterialsProject,
    Metals,
    Phase,
    Scale,
    StructureFile,
    Supercell,
    make_flow,
    make_workflow,
)
from tm23flows.errors import InputError


def build(
    metals: Metals,
    output: Annotated[Path, typer.Option("-o", "--output", help="Workflow file to write.")],
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    structure: StructureFile = None,
    mp_id: MaterialId = None,
    mp: MaterialsProject = False,
    supercell: Supercell = None,
) -> None:
    """Write the workflow of some metals for 'lpad add'."""
    if not output.resolve().parent.is_dir():
        raise InputError(f"There is no folder {output.parent} to write {output.name} to.")
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
    from tm23flows.ops.plan import plan_of

    workflow = make_workflow(flow)
    plan = plan_of(workflow)
    partial = output.with_name(output.name + ".part.yaml")
    try:
        workflow.to_file(str(partial), f_format="yaml")
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            f"The workflow cannot be written to {output} ({error.strerror}); choose another file."
        ) from error
    typer.echo(f"{plan.fireworks} jobs in {output}; next: lpad add {output}")


def run(
    metals: Metals,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    structure: StructureFile = None,
    mp_id: MaterialId = None,
    mp: MaterialsProject = False,
    supercell: Supercell = None,
    workdir: Annotated[
        Path, typer.Option(help="Folder for the text output of the programs.")
    ] = Path("tm23-run"),
) -> None:
    """Run the workflow of some metals here, without FireWorks."""
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
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


def _check_engine(engine: str, workdir: Path) -> None:
    from tm23flows.engines.base import get_engine

    get_engine(engine, workdir)
