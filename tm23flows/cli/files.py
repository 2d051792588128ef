"""``tm23 export`` and ``tm23 import``: labels as files, existing runs of VASP, whole archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tm23flows.errors import InputError

VASP = "vasprun"

Declared = Annotated[
    list[str] | None,
    typer.Option(
        "--declare",
        metavar="WORD=VALUE",
        help="What the files do not say, such as energy=free or stress-unit=kbar; repeat it. "
        "See docs/howto/exchange.md.",
    ),
]


def export(
    source: Annotated[
        str, typer.Argument(metavar="NAME", help="A dataset, or a query such as metal=Cu.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="extxyz, ase-db, lmdb, parquet or hdf5; default: the file's name, else extxyz.",
        ),
    ] = None,
    part: Annotated[str | None, typer.Option(help="Only this part of the dataset.")] = None,
    energy: Annotated[
        str | None,
        typer.Option(
            help="Energy to train on: free, sigma0, without_entropy or unspecified; "
            "default: the dataset's."
        ),
    ] = None,
    keys: Annotated[str, typer.Option(help="extxyz: plain or REF.")] = "plain",
    licence: Annotated[str | None, typer.Option(help="Licence of the data.")] = None,
) -> None:
    """Write labels to a file without loss, with a manifest beside it."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.formats import format_of
    from tm23flows.store.files import export_labels

    found = format_of(output)
    chosen = file_format or ("extxyz" if found is None else found.name)
    archive = Archive.open()
    count = export_labels(archive, source, output, part, energy, chosen, keys, licence)
    typer.echo(f"{count} frames in {output}")


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.")],
    name: Annotated[
        str | None,
        typer.Option(help="Name for the dataset of what they hold; a dump has its own names."),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="extxyz, ase-db, lmdb, parquet, hdf5, vasprun, mvl-snap, mvl-mlearn, tm23 or "
            "rare-events; default: what the files are. A dump of an archive is known by itself.",
        ),
    ] = None,
    declare: Declared = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the data.")] = None,
    first: Annotated[
        int, typer.Option(min=1, help="VASP: number of the first step that becomes a frame.")
    ] = 1,
    stride: Annotated[
        int, typer.Option(min=1, help="VASP: every this many steps become a frame.")
    ] = 1,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust-model-files",
            help="Dumps: take files of models that can run code when they are loaded.",
        ),
    ] = False,
    without: Annotated[
        bool, typer.Option("--without-model-files", help="Dumps: take no files of models.")
    ] = False,
) -> None:
    """Read dumps and exports back, runs of VASP, published sets, and declared files."""
    from tm23flows.engines.vasp.past_files import is_vasp_output
    from tm23flows.store.exchange.dump_file import is_dump
    from tm23flows.store.files import IMPORTS

    if dumps := [path for path in files if is_dump(path)]:
        if len(dumps) < len(files) or name or file_format or declare or licence:
            raise InputError(
                f"{dumps[0].name} is a dump of an archive, which says itself what it holds: import "
                "dumps by themselves, without a name, a format, declarations and a licence."
            )
        _import_dumps(dumps, trust=trust, without=without)
        return
    if trust or without:
        raise InputError("--trust-model-files and --without-model-files are for dumps.")
    if name is None:
        raise InputError("Give the dataset of what these files hold a name: --name NAME.")
    if file_format not in (None, *IMPORTS, VASP):
        raise InputError(f"There is no format '{file_format}'; use {', '.join((*IMPORTS, VASP))}.")
    if file_format == VASP or (file_format is None and is_vasp_output(files[0])):
        if declare or licence:
            raise InputError("Runs of VASP say themselves what their numbers are.")
        _import_runs(files, name, first, stride)
        return
    if (first, stride) != (1, 1):
        raise InputError("--first and --stride are for runs of VASP; here all frames are read.")
    _import_files(files, name, file_format, declare, licence)


def _import_dumps(files: list[Path], *, trust: bool, without: bool) -> None:
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.dump_intake import import_dumps, sentences

    if trust and without:
        raise InputError("Give one of --trust-model-files and --without-model-files, not both.")
    taken: Literal["trusted", "none", "harmless"] = (
        "trusted" if trust else "none" if without else "harmless"
    )
    for done in import_dumps(Archive.open(), files, taken):
        for sentence in sentences(done):
            typer.echo(sentence)


def _import_files(
    files: list[Path],
    name: str,
    file_format: str | None,
    declare: list[str] | None,
    licence: str | None,
) -> None:
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.declaration import parse_declared
    from tm23flows.store.exchange.intake import sentences
    from tm23flows.store.files import import_files

    words: dict[str, Any] = parse_declared(declare or [])
    if licence is not None:
        words["licence"] = licence
    for done in import_files(Archive.open(), files, name, file_format, words):
        for sentence in sentences(done):
            typer.echo(sentence)


def _import_runs(files: list[Path], name: str, first: int, stride: int) -> None:
    from tm23flows.ops.vasp_import import import_runs
    from tm23flows.store.archive import Archive

    done = import_runs(Archive.open(), files, name, first, stride)
    named = done.named
    for note in done.notes:
        typer.echo(note)
    runs = "1 trajectory" if done.n_trajectories == 1 else f"{done.n_trajectories} trajectories"
    typer.echo(
        f"{len(named.dataset.label_ids)} labels as {named.name}@{named.version}, "
        f"{done.n_rejected} rejected, {runs}"
    )
