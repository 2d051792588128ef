"""``tm23 plan``: how much a workflow is and what it will cost, before it is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.cli.execution import check_output, make_workflow
from tm23flows.cli.forecast import kept_plan, make_forecast
from tm23flows.cli.forecast_view import forecast_lines, forecast_table
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

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.ops.cost.plan import Plan

Workers = Annotated[
    int, typer.Option(min=1, help="How many jobs run at a time, for the wall time.")
]
Cores = Annotated[
    int | None,
    typer.Option(min=1, help="Cores of a job, for the wall time; as many as measured ones had."),
]
PlanFile = Annotated[
    Path | None, typer.Option("-o", "--output", help="Also write the plan as JSON, for tm23 cost.")
]


def plan(
    metals: Metals,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    structure: StructureFile = None,
    mp_id: MaterialId = None,
    mp: MaterialsProject = False,
    supercell: Supercell = None,
    workers: Workers = 1,
    cores: Cores = None,
    output: PlanFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """State the numbers of jobs, steps, frames and labels of a workflow, and what they will cost.

    Times and memory follow from what the archive of the settings has measured; work that was
    never measured has none. No job is made. For studies of several metals or recipes see
    'tm23 plan study --help'.
    """
    if output is not None:
        check_output(output)
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
    show_plan(flow, as_json, workers, cores, output)


def show_plan(
    flow: Flow,
    as_json: bool,
    workers: int = 1,
    cores: int | None = None,
    output: Path | None = None,
) -> None:
    """Print how much a flow is, and what it will cost.

    Parameters
    ----------
    flow
        The flow.
    as_json
        Whether as JSON.
    workers
        How many jobs run at a time.
    cores
        Cores of a job; None for as many as measured ones had.
    output
        File for the JSON; None for none.
    """
    from tm23flows.ops.cost.plan import plan_of
    from tm23flows.ops.workflow_files import write_whole

    workflow = make_workflow(flow)
    found = plan_of(workflow)
    expected, reason = make_forecast(workflow, workers, cores)
    whole = {
        **found.as_dict(),
        "forecast": {**expected.as_dict(), "no_archive": reason},
        "kept": kept_plan(expected, workflow),
    }
    if output is not None:
        write_whole(output, (json.dumps(whole, indent=2) + "\n").encode())
    if as_json:
        print_json(whole)
        return
    out = console()
    for line in plan_lines(found):
        out.print(line)
    out.print(forecast_table(expected))
    for line in forecast_lines(expected, reason):
        out.print(line)


def plan_lines(found: Plan) -> list[str]:
    """Put the size of a workflow into words.

    Parameters
    ----------
    found
        The numbers.

    Returns
    -------
    Lines for a terminal.
    """
    kinds = ", ".join(f"{number} {category}" for category, number in found.categories.items())
    size = f"{found.largest_document_bytes / 1000:.1f} kB ({found.largest_document})"
    return [
        f"Fireworks: {found.fireworks} ({kinds})",
        f"largest Firework document: {size}; MongoDB takes 16 MB",
        f"steps of molecular dynamics: {found.aimd_steps}",
        f"frames: {found.frames}",
        f"labels: {found.labels} (those in the archive already are not computed again)",
    ]
