"""Commands that take metals, or the word ``study`` and what it is about.

Owns the choice between the two: ``tm23 build Cu Ti`` and ``tm23 build study smearing``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from click import Context

METALS, STUDY = "metals", "study"


class MetalsOrStudy(TyperGroup):
    """A group whose command is the one for metals unless ``study`` is asked for."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put the name of the default command in front, where none is given.

        Parameters
        ----------
        ctx
            The context of the group.
        args
            Words after the name of the group.

        Returns
        -------
        What is left, as click does.
        """
        given = args if args[:1] == [STUDY] else [METALS, *args]
        return super().parse_args(ctx, given)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command; that for metals has no name in the help.

        Parameters
        ----------
        ctx
            The context of the group.
        args
            Name of the command and its words.

        Returns
        -------
        Name, command and words.
        """
        name, command, words = super().resolve_command(ctx, args)
        return "" if name == METALS else name, command, words


def metals_or_study(metals: Callable[..., Any], study: Callable[..., Any]) -> typer.Typer:
    """Make a command of both.

    Parameters
    ----------
    metals
        What is done with metals.
    study
        What is done with a study.

    Returns
    -------
    To be added under the name of the command.
    """
    app = typer.Typer(
        cls=MetalsOrStudy,
        help=(metals.__doc__ or "").splitlines()[0],
    )
    app.command(METALS, hidden=True)(metals)
    app.command(STUDY)(study)
    return app
