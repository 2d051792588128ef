"""``tm23 build`` and ``tm23 run``: the road as a workflow file, or right here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.cli.all_metals import ALL, ENDINGS, named_metals, sum_line, write_folder
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
    check_metals,
    make_flow,
)
from tm23flows.errors import InputError


def build(
    metals: Metals,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Workflow file to write: YAML, or JSON by its name. Of 'all' the folder for a "
            "file of each metal and an index.",
        ),
    ],
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    structure: StructureFile = None,
    mp_id: MaterialId = None,
    mp: MaterialsProject = False,
    supercell: Supercell = None,
    file_format: Annotated[
        str, typer.Option("--format", help="Files of 'all': yaml, or json, which is added faster.")
    ] = "yaml",
) -> None:
    """Write the workflow of some metals for 'lpad add', or those of 'all' 27 metals of TM23.

    For studies of several metals or recipes see 'tm23 build study --help'.
    """
    check_output(output)
    cell = Cell(phase, structure, mp_id, mp, supercell)
    if ALL not in metals:
        write_workflow(make_flow(metals, scale, engine, cell), output)
        return
    if file_format not in ENDINGS:
        raise InputError(f"There is no format '{file_format}'; use {' or '.join(ENDINGS)}.")
    named = named_metals(metals)
    cell.check(named)
    check_metals(named, scale, engine)
    rows = write_folder(
        named,
        lambda metal: make_flow([metal], scale, engine, cell),
        output,
        f"{scale}_{engine}",
        file_format,
    )
    typer.echo(sum_line(rows, output))


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
