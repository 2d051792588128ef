"""``tm23 export`` and ``tm23 import``: labels as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.errors import InputError

FORMATS = ("extxyz",)
Format = Annotated[str, typer.Option("--format", help="extxyz.")]


def export(
    source: Annotated[
        str, typer.Argument(metavar="NAME", help="A dataset, or a query such as metal=Cu.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    file_format: Format = "extxyz",
    part: Annotated[str | None, typer.Option(help="Only this part of the dataset.")] = None,
    energy: Annotated[
        str, typer.Option(help="Energy in the key 'energy': free, sigma0, without_entropy.")
    ] = "free",
) -> None:
    """Write labels to a file, without loss."""
    _check_format(file_format)
    from tm23flows.store.archive import Archive
    from tm23flows.store.files import export_labels

    count = export_labels(Archive.open(), source, output, part, energy)
    typer.echo(f"{count} frames in {output}")


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.")],
    name: Annotated[str, typer.Option(help="Name for the dataset of what they hold.")],
    file_format: Format = "extxyz",
) -> None:
    """Read files of 'tm23 export' back."""
    _check_format(file_format)
    from tm23flows.store.archive import Archive
    from tm23flows.store.files import import_labels

    named = import_labels(Archive.open(), files, name)
    typer.echo(f"{len(named.dataset.label_ids)} labels as {named.name}@{named.version}")


def _check_format(file_format: str) -> None:
    if file_format not in FORMATS:
        raise InputError(f"There is no format '{file_format}'; use {', '.join(FORMATS)}.")
