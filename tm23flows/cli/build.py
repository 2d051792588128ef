"""``tm23 build`` and ``tm23 run``: the road as a workflow file, or right here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.cli.execution import check_output, run_here, write_workflow
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
)


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
    """Write the workflow of some metals for 'lpad add'.

    For studies of several metals or recipes see 'tm23 build study --help'.
    """
    check_output(output)
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
    write_workflow(flow, output)


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
    """Run the workflow of some metals here, without FireWorks.

    For studies of several metals or recipes see 'tm23 run study --help'.
    """
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
    from tm23flows.jobs.context import open_archive, run_folder

    open_archive()  # say at once that there is no database
    _check_engine(engine, run_folder())
    run_here(flow, workdir, log=True)
    typer.echo("Done; next: tm23 report -o report/index.html")


def _check_engine(engine: str, workdir: Path) -> None:
    from tm23flows.engines.base import get_engine

    get_engine(engine, workdir)
