"""A line on a terminal that counts what goes by, for commands of which the end is not known.

Owns the line. Commands that know their end use :func:`tm23flows.cli.console.with_progress`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def counting() -> Iterator[Callable[[str, int], None]]:
    """Count on standard error what goes by; say nothing where no person looks.

    Yields
    ------
    A function to be told what it was, and how many more.
    """
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    errors = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    column = TextColumn("{task.completed} {task.description}")
    with Progress(column, console=errors, transient=True, disable=not errors.is_terminal) as bar:

        def tick(what: str, number: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.advance(tasks[what], number)

        yield tick
