"""``tm23 cost``: what was spent, and how well the plan knew it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, print_json, table_of
from tm23flows.cli.forecast_view import S_PER_HOUR, bytes_words, interval_words

if TYPE_CHECKING:
    from rich.table import Table

    from tm23flows.ops.cost.lost_attempts import Lost
    from tm23flows.ops.cost.spending import Spent


def cost(
    metal: Annotated[str | None, typer.Option(help="Only this metal.")] = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="Plan of 'tm23 plan -o', in place of those of the launchpad."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what steps, labels, trainings and predictions have cost, planned and actual.

    Plans are those of the workflows in the launchpad ('tm23 build' writes them in), actual costs
    are from the archive, also of what ran without FireWorks.
    """
    from tm23flows.ops.cost.lost_attempts import lost_attempts
    from tm23flows.ops.cost.spending import launchpad_plans, read_plan, spending
    from tm23flows.science.metals import metal as known_metal
    from tm23flows.store.archive import Archive

    if metal is not None:
        known_metal(metal)
    given = None if plan is None else [read_plan(plan)]
    archive = Archive.open()
    rows = spending(archive, launchpad_plans(archive) if given is None else given, metal)
    lost = lost_attempts(archive, metal)
    if as_json:
        print_json(
            {
                "rows": [one.as_dict() for one in rows],
                "core_s": {stage: _stage_core_s(rows, stage) for stage in _stages(rows)},
                "lost_attempts": [asdict(one) for one in lost],
            }
        )
        return
    out = console()
    out.print(cost_table(rows))
    for line in cost_lines(rows, lost):
        out.print(line)


def _stages(rows: list[Spent]) -> list[str]:
    return list(dict.fromkeys(one.stage for one in rows))


def _stage_core_s(rows: list[Spent], stage: str) -> float:
    return sum(one.core_s + one.rejected_core_s for one in rows if one.stage == stage)


def cost_table(rows: list[Spent]) -> Table:
    """Lay out what was spent.

    Parameters
    ----------
    rows
        By metal, stage and kind of work.

    Returns
    -------
    The table.
    """
    from tm23flows.report.studies.section import StudyTable

    return table_of(
        StudyTable(
            title="",
            columns=("metal", "stage", "work", "done of planned", "core-hours", "planned for these",
                     "ratio", "in the interval", "memory"),
            rows=[_row(one) for one in rows],
            documents=[],
            note="Core-hours of what says its cost; trainings and models count as one core. The "
            "ratio is spent over planned.",
        )
    )  # fmt: skip


def _row(one: Spent) -> tuple[str, ...]:
    done = f"{one.units} of {one.planned_units}" if one.planned_units else str(one.units)
    if one.rejected:
        done += f", {one.rejected} rejected"
    expected, ratio = one.expected_core_s, one.ratio
    return (
        one.metal,
        one.stage,
        one.work,
        done,
        f"{one.core_s / S_PER_HOUR:.3g}" if one.known else "-",
        "-" if expected is None else interval_words(expected, S_PER_HOUR),
        "-" if ratio is None else f"{ratio:.2f}",
        {None: "-", True: "yes", False: "no"}[one.in_interval],
        "-" if one.memory_bytes is None else bytes_words(one.memory_bytes),
    )


def cost_lines(rows: list[Spent], lost: list[Lost]) -> list[str]:
    """Put sums, and what is not in the table, into words.

    Parameters
    ----------
    rows
        What was spent.
    lost
        Attempts that did not complete.

    Returns
    -------
    Lines for a terminal.
    """
    if not rows and not lost:
        return ["nothing was done yet, and nothing planned: see 'tm23 plan' and 'tm23 build'."]
    hours = ", ".join(
        f"{stage} {_stage_core_s(rows, stage) / S_PER_HOUR:.3g}" for stage in _stages(rows)
    )
    lines = [f"core-hours by stage, rejected labels included: {hours}"]
    judged = [one.in_interval for one in rows if one.in_interval is not None]
    if judged:
        lines.append(f"in the interval of the plan: {sum(judged)} of {len(judged)} rows")
    silent = sum(one.units - one.known for one in rows)
    if silent:
        lines.append(f"{silent} pieces of work do not say what they cost, and add nothing")
    lines += [
        f"{one.metal} {one.stage}: {one.attempts} attempts did not complete, after "
        f"{one.wall_s / S_PER_HOUR:.3g} h in all; what they had finished is kept"
        for one in lost
    ]
    return lines
