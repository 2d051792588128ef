"""``tm23 grid-search``: hyperparameters compared on a small dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import print_json
from tm23flows.cli.execution import Workdir, WorkflowFile, check_output, run_here, write_workflow
from tm23flows.cli.train import DatasetName, Json, Seed, Setting, TrainerName, settings_of
from tm23flows.errors import TrainingError

if TYPE_CHECKING:
    from tm23flows.documents.grid_search import GridRow, GridSearch


def grid_search(
    trainer: TrainerName,
    dataset: DatasetName,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            help="Axis such as nmax=6,8, or l_max:n_features=1:32,2:16 for values that change "
            "together; left out, the grid that is offered for the trainer.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Compute only these values of the grid now, such as nmax=6."),
    ] = None,
    setting: Setting = None,
    seed: Seed = 0,
    output: WorkflowFile = None,
    workdir: Workdir = Path("tm23-run"),
    as_json: Json = False,
) -> None:
    """Train and measure a model at each point of a grid, and choose the best.

    Points that were computed before are found, in whatever grid that was. The least force MAE
    wins; where the likelihood prefers another point, that is said and kept.
    """
    from tm23flows.flows.grid_words import grid_search_flow
    from tm23flows.jobs.grid_search import Search, make_grid_search
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    if output is not None:
        check_output(output)
    fixed = settings_of(setting or [])
    flow = grid_search_flow(archive, trainer, dataset, axis or [], only or [], fixed, seed)
    if output is not None:
        write_workflow(flow, output)
        return
    outputs = run_here(flow, workdir, keep_going=True)
    verdict = outputs.get(flow.output["grid_id"].uuid)
    if verdict is None:
        search, points = flow.jobs[-1].function_args[:2]
        why = make_grid_search(archive, Search(**search), points).reason
        raise TrainingError(f"{why} {workdir / 'jobflow.log'} says more.")
    from tm23flows.documents.grid_search import GridSearch

    found = archive.get(GridSearch, verdict["grid_id"])
    if as_json:
        print_json(found.model_dump(mode="json", exclude={"provenance"}))
        return
    for line in grid_lines(found):
        typer.echo(line)


def grid_lines(found: GridSearch) -> list[str]:
    """Put a grid search into words.

    Parameters
    ----------
    found
        The grid search.

    Returns
    -------
    A line for each point, the best first, and the choice.
    """
    rows = sorted(found.rows, key=_rank)
    return [
        f"grid search {found.id[:12]}: {len(found.rows)} points of {found.trainer}",
        *(f"  {_row_words(row)}" for row in rows),
        found.reason,
    ]


def _rank(row: GridRow) -> float:
    return float("inf") if row.force_mae_eV_per_A is None else row.force_mae_eV_per_A


def _row_words(row: GridRow) -> str:
    from tm23flows.science.grid_points import point_words

    if row.failure is not None:
        return f"{point_words(row.point)}: {row.failure}"
    said = [f"force {1000 * row.force_mae_eV_per_A:.1f} meV/A"]
    if row.log_likelihood is not None:
        said.append(f"log likelihood {row.log_likelihood:.1f}")
    if row.validation_force_mae_eV_per_A is not None:
        said.append(f"validation force {1000 * row.validation_force_mae_eV_per_A:.1f} meV/A")
    if row.wall_s is not None:
        said.append(f"{row.wall_s:.0f} s")
    return f"{point_words(row.point)}: {', '.join(said)}"
