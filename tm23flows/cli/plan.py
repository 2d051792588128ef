"""``tm23 plan``: how much a workflow is, before it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.cli.execution import make_workflow
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

    from tm23flows.ops.plan import Plan


def plan(
    metals: Metals,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    structure: StructureFile = None,
    mp_id: MaterialId = None,
    mp: MaterialsProject = False,
    supercell: Supercell = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """State the numbers of jobs, steps, frames and labels of a workflow; nothing is written.

    For studies of several metals or recipes see 'tm23 plan study --help'.
    """
    flow = make_flow(metals, scale, engine, Cell(phase, structure, mp_id, mp, supercell))
    show_plan(flow, as_json)


def show_plan(flow: Flow, as_json: bool) -> None:
    """Print how much a flow is.

    Parameters
    ----------
    flow
        The flow.
    as_json
        Whether as JSON.
    """
    from tm23flows.ops.plan import plan_of

    found = plan_of(make_workflow(flow))
    if as_json:
        print_json(found.as_dict())
        return
    out = console()
    for line in plan_lines(found):
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
