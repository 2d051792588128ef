"""What ``tm23 status`` draws on a terminal: tables and lines of one moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from tm23flows.ops.failures import Failure
    from tm23flows.ops.status.overview import Overview

MOST_LINES = 20
"""So many running jobs are listed, and so many failed ones; the rest is a number."""


def show(view: Overview, out: Console) -> None:
    """Print a moment.

    Parameters
    ----------
    view
        The moment.
    out
        Where to.
    """
    for part in overview_parts(view):
        out.print(part)


def overview_parts(view: Overview, *, metals_last: bool = False) -> list[RenderableType]:
    """Lay a moment out.

    Parameters
    ----------
    view
        The moment.
    metals_last
        Whether the long table comes last, for a screen that ends somewhere.

    Returns
    -------
    What rich prints, from above to below. Words of jobs are never taken for markup.
    """
    from rich.text import Text

    from tm23flows.cli.status import status_lines

    first, *rest = status_lines(view.progress)
    # the others are said better below
    last = [line for line in rest if not line.startswith("  ")]
    metals = [_metals(view)] if view.jobs.counts or view.frames else []
    stages = [_stages(view)] if view.jobs.counts else []
    tellers = (_together, _rates, _rejected, _running, _trainings, _failed)
    lines = [Text(line) for tell in tellers for line in tell(view)]
    ending = [Text(line) for line in last]
    if metals_last:
        return [Text(first), *stages, *lines, *metals, *ending]
    return [Text(first), *metals, *stages, *lines, *ending]


def _metals(view: Overview) -> Table:
    from tm23flows.ops.status.frames import FrameCounts
    from tm23flows.ops.status.jobs import Place

    columns = ["metal", *view.stages, "frames accepted", "rejected", "labels"]
    table = _table(columns, right=3)
    for name in view.elements:
        counts = view.frames.get(name, FrameCounts())
        cells = [_cell(view.jobs.counts.get(Place(name, stage))) for stage in view.stages]
        numbers = (counts.frames_accepted, counts.frames_rejected, counts.labels)
        _add(table, [name or "-", *cells, *map(str, numbers)])
    return table


def _stages(view: Overview) -> Table:
    from tm23flows.ops.status.words import per_hour, states, time_left

    estimates, _ = view.estimates
    table = _table(["stage", "jobs", "per hour", "time left", "if"], right=0)
    by_stage = view.jobs.by_stage()
    for stage in view.stages:
        numbers = by_stage[stage]
        rate, left = view.ends.rates.get(stage), estimates.get(stage)
        speed = per_hour(rate.per_hour if rate else None)
        assumes = left.assumes if left else ""
        _add(table, [stage, states(numbers), speed, time_left(left), assumes])
    return table


def _together(view: Overview) -> list[str]:
    from tm23flows.ops.status.words import time_left

    estimates, together = view.estimates
    if not estimates:
        return []
    return [f"time left: {time_left(together)} ({together.assumes})"]


def _rates(view: Overview) -> list[str]:
    from tm23flows.ops.status.words import measured_span, per_hour

    jobs = sum(one.per_hour for one in view.ends.rates.values())
    told = ((jobs, "jobs"), (view.steps.rate.per_hour, "steps"), (view.labels.per_hour, "labels"))
    said = ", ".join(f"{per_hour(rate)} {what}" for rate, what in told)
    span = measured_span([*view.ends.rates.values(), view.steps.rate, view.labels], view)
    left = f"; {view.steps.left} steps left" if view.steps.left else ""
    return [f"per hour, over the last {span}: {said}{left}"]


def _rejected(view: Overview) -> list[str]:
    from tm23flows.ops.status.words import all_reasons, example_of

    return [
        f"rejected labels, {code}: {number}, such as: {example_of(view, code)}"
        for code, number in all_reasons(view).items()
    ]


def _running(view: Overview) -> list[str]:
    from tm23flows.ops.status.words import duration, heard

    lines = []
    for one in view.running[:MOST_LINES]:
        ran = "" if one.ran_s is None else f" for {duration(one.ran_s)}"
        known = "never heard of" if one.heard_s is None else f"heard of {heard(one)}"
        lines.append(f"  running: {one.name} on {one.host or '-'}{ran}, {known}")
    return [*lines, *_more(len(view.running))]


def _trainings(view: Overview) -> list[str]:
    from tm23flows.ops.status.trainings import training_line

    return [f"  training: {training_line(one)}" for one in view.progress.trainings]


def _failed(view: Overview) -> list[str]:
    from tm23flows.ops.failures import ERROR_CLASSES

    lines = []
    for found, some in view.failure_classes().items():
        lines.append(
            f"failed, {found} ({ERROR_CLASSES[found]}): {len(some)}; "
            f"tm23 rerun --where class={found}"
        )
        lines += _failures(some)
    return lines


def _failures(some: list[Failure]) -> list[str]:
    """List failures of one class; those that said the same are one line."""
    numbers = Counter(one.reason for one in some)
    first = {one.reason: one for one in reversed(some)}
    lines = []
    for reason, number in numbers.most_common(MOST_LINES):
        others = f" and {number - 1} more" if number > 1 else ""
        lines.append(f"  failed: {first[reason].name}{others}: {reason}")
    return [*lines, *_more(len(numbers))]


def _more(number: int) -> list[str]:
    rest = number - MOST_LINES
    return [f"  and {rest} more: tm23 status --json"] if rest > 0 else []


def _cell(numbers: Counter[str] | None) -> str:
    if not numbers:
        return "-"
    rest = [f"{numbers[word]} {word}" for word in ("running", "failed") if numbers[word]]
    return " ".join([f"{numbers['done']}/{numbers.total()}", *rest])


def _table(columns: list[str], right: int) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(
            name, justify="right" if right and place >= len(columns) - right else "left"
        )
    return table


def _add(table: Table, cells: list[str]) -> None:
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))
