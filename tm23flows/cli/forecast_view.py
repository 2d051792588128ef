"""Costs in words: the table of stages, intervals, bytes.

Owns the words; the numbers come from :mod:`tm23flows.cli.forecast`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from tm23flows.ops.cost.book import StageSum
    from tm23flows.ops.cost.forecast import Forecast
    from tm23flows.science.run_costs import Estimate

S_PER_HOUR = 3600.0
NOT_KNOWN = "unknown"
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def forecast_table(found: Forecast) -> Table:
    """Lay out what the stages cost.

    Parameters
    ----------
    found
        The forecast.

    Returns
    -------
    A row for each stage, of all metals and then of each.
    """
    from tm23flows.cli.console import table_of
    from tm23flows.report.studies.section import StudyTable

    level = f"{found.as_dict()['level']:.0%} interval"
    return table_of(
        StudyTable(
            title="",
            columns=("metal", "stage", "jobs", f"core-hours ({level})", f"memory ({level})",
                     "database", "packed files"),
            rows=[_row(one) for one in found.sums],
            documents=[],
            note="'and more': a part is not known, see below. Jobs of the stage analyse take "
            "seconds each and have no hours here.",
        )
    )  # fmt: skip


def _row(one: StageSum) -> tuple[str, ...]:
    hours = NOT_KNOWN if not one.complete else "-"
    if one.core_s is not None:
        more = "" if one.complete else " and more"
        hours = interval_words(one.core_s, S_PER_HOUR) + more
    memory = "-" if one.stage == "analyse" else NOT_KNOWN
    if one.memory_bytes is not None:
        memory = (
            f"{bytes_words(one.memory_bytes.value)} "
            f"({bytes_words(one.memory_bytes.low)} to {bytes_words(one.memory_bytes.high)})"
        )
    disk = NOT_KNOWN if one.disk_bytes is None else bytes_words(one.disk_bytes)
    return (
        one.metal,
        one.stage,
        str(one.jobs),
        hours,
        memory,
        bytes_words(one.database_bytes),
        disk,
    )


def forecast_lines(found: Forecast, reason: str | None) -> list[str]:
    """Put what does not fit into the table into words.

    Parameters
    ----------
    found
        The forecast.
    reason
        Why there are no times at all; None where there are.

    Returns
    -------
    Lines for a terminal.
    """
    lines = []
    if found.wall_s is not None and found.chain_s is not None:
        least = "" if found.total.complete else ", of what is known,"
        lines = [
            (
                f"wall time{least} with {found.workers} worker{'s' * (found.workers > 1)}: "
                f"{interval_words(found.wall_s, S_PER_HOUR)} h, without waiting in queues"
            ),
            (
                f"longest chain of jobs{least} which more workers do not shorten: "
                f"{interval_words(found.chain_s, S_PER_HOUR)} h"
            ),
        ]
    if reason is not None:
        return [*lines, f"times: unknown, because no archive could be read. {reason}"]
    return [*lines, *(f"times: {one}" for one in found.unknown)]


def interval_words(estimate: Estimate, unit: float) -> str:
    """Write an estimate with its interval.

    Parameters
    ----------
    estimate
        The estimate.
    unit
        What it is divided by.

    Returns
    -------
    Such as ``12 (7 to 21)``.
    """
    value, low, high = (one / unit for one in (estimate.value, estimate.low, estimate.high))
    return f"{_digits(value)} ({_digits(low)} to {_digits(high)})"


def _digits(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def bytes_words(number: float) -> str:
    """Write a number of bytes.

    Parameters
    ----------
    number
        The number.

    Returns
    -------
    With a decimal unit, such as ``1.2 GB``.
    """
    for size, unit in _BYTES:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return "0 B"
