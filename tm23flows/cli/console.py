"""What commands print with: text for people, JSON for programs, errors to stderr."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tm23flows.report.studies.section import StudyTable

Item = TypeVar("Item")

MIN_WIDTH = 160
"""Ids and tables are never cut: a narrow terminal wraps, a file does not care."""


def console() -> Console:
    """Return a console on standard output that knows whether it is a terminal."""
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=True)
    out.width = max(out.width, MIN_WIDTH)
    return out


def print_json(value: Any) -> None:
    """Print one JSON value.

    Parameters
    ----------
    value
        JSON values, dates and tuples.
    """
    typer.echo(json.dumps(value, indent=2, default=str))


def print_json_list(values: Iterable[Any]) -> None:
    """Print a JSON list value by value, so that its length does not matter.

    Parameters
    ----------
    values
        JSON values, dates and tuples.
    """
    between = "["
    for value in values:
        text = textwrap.indent(json.dumps(value, indent=2, default=str), "  ")
        typer.echo(f"{between}\n{text}", nl=False)
        between = ","
    typer.echo("[]" if between == "[" else "\n]")


def with_progress(
    values: Iterable[Item], what: str, count: Callable[[], int], patience: int = 2000
) -> Iterator[Item]:
    """Pass values on, and show a person who waits for many how far it is.

    The bar is drawn on standard error, where that is a terminal and the output goes elsewhere.

    Parameters
    ----------
    values
        The values.
    what
        What they are.
    count
        Says how many there are; asked when there are many.
    patience
        So many values need no bar.

    Yields
    ------
    The values.
    """
    stream = iter(values)
    yield from islice(stream, patience)
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from stream
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=count(), completed=patience)
        for value in stream:
            yield value
            bar.advance(task)


def table_of(one: StudyTable) -> Table:
    """Lay a table of the report out for a terminal.

    Parameters
    ----------
    one
        The table.

    Returns
    -------
    The same for rich, without its ids.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(one.title), caption=Text(one.note), caption_justify="left", box=SIMPLE_HEAD
    )
    for name in one.columns:
        table.add_column(name)
    for row in one.rows:
        table.add_row(*map(Text, row))
    return table


def fail(message: str) -> None:
    """Print an error for a person.

    Parameters
    ----------
    message
        One sentence.
    """
    typer.echo(f"tm23: {message}", err=True)
