"""What commands print with: text for people, JSON for programs, errors to stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console


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


def fail(message: str) -> None:
    """Print an error for a person.

    Parameters
    ----------
    message
        One sentence.
    """
    typer.echo(f"tm23: {message}", err=True)
