"""``tm23 export`` and ``tm23 import``: labels as files, and existing runs of VASP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.errors import InputError

EXPORTS, IMPORTS = ("extxyz",), ("extxyz", "vasprun")
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
    _check_format(file_format, EXPORTS)
    from tm23flows.store.archive import Archive
    from tm23flows.store.files import export_labels

    count = export_labels(Archive.open(), source, output, part, energy)
    typer.echo(f"{count} frames in {output}")


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.")],
    name: Annotated[str, typer.Option(help="Name for the dataset of what they hold.")],
    file_format: Annotated[
        str | None,
        typer.Option("--format", help="extxyz or vasprun; default: what the files are."),
    ] = None,
    first: Annotated[
        int, typer.Option(min=1, help="VASP: number of the first step that becomes a frame.")
    ] = 1,
    stride: Annotated[
        int, typer.Option(min=1, help="VASP: every this many steps become a frame.")
    ] = 1,
) -> None:
    """Read files of 'tm23 export' back, or vasprun.xml[.gz] and vaspout.h5 of existing runs."""
    _check_format(file_format, IMPORTS)
    from tm23flows.engines.vasp.past_files import is_vasp_output
    from tm23flows.store.archive import Archive

    if file_format == "vasprun" or (file_format is None and is_vasp_output(files[0])):
        _import_runs(files, name, first, stride)
        return
    from tm23flows.store.files import import_labels

    named = import_labels(Archive.open(), files, name)
    typer.echo(f"{len(named.dataset.label_ids)} labels as {named.name}@{named.version}")


def _import_runs(files: list[Path], name: str, first: int, stride: int) -> None:
    from tm23flows.ops.vasp_import import import_runs
    from tm23flows.store.archive import Archive

    done = import_runs(Archive.open(), files, name, first, stride)
    named = done.named
    for note in done.notes:
        typer.echo(note)
    typer.echo(
        f"{len(named.dataset.label_ids)} labels as {named.name}@{named.version}, "
        f"{done.n_rejected} rejected, {done.n_trajectories} trajectories"
    )


def _check_format(file_format: str | None, known: tuple[str, ...]) -> None:
    if file_format is not None and file_format not in known:
        raise InputError(f"There is no format '{file_format}'; use {', '.join(known)}.")
