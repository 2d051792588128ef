"""``tm23 db``: the embedded database, and the archive in whatever database as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.cli.console import fail, print_json
from tm23flows.cli.counting import counting
from tm23flows.errors import DatabaseError
from tm23flows.settings import get_settings

app = typer.Typer(help="Start, stop, find, upgrade and dump the database.", no_args_is_help=True)

PathOption = Annotated[
    Path | None, typer.Option("--path", help="Folder of the database [default: from settings].")
]
CONFIG_FOLDER = "config"


@app.command()
def start(
    path: PathOption = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 for any free one [default: from settings]."),
    ] = None,
) -> None:
    """Start the embedded database, or a mongod where one is installed."""
    from tm23flows.ops.fireworks_config import write_config
    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.store.embedded import process

    folder = _folder(path)
    info = process.start(folder, get_settings().db_port if port is None else port)
    open_launchpad(info.uri)
    write_config(folder / CONFIG_FOLDER, info.uri)
    typer.echo(f"The database is running at {info.uri}, its files are in {info.path}.")
    typer.echo(
        'For lpad, rlaunch and tm23 in this shell: eval "$(tm23 db env' + _again(path) + ')"'
    )


@app.command()
def stop(path: PathOption = None) -> None:
    """Stop the embedded database; nothing is lost."""
    from tm23flows.store.embedded import process

    was_running = process.stop(_folder(path))
    typer.echo("The database is stopped." if was_running else "No database was running.")


@app.command()
def status(
    path: PathOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether the database runs; exit code 1 if not."""
    from tm23flows.store.embedded import process

    info = process.status(_folder(path))
    if as_json:
        print_json(
            {"running": False}
            if info is None
            else {"running": True, "pid": info.pid, "uri": info.uri, "path": str(info.path)}
        )
    elif info is None:
        typer.echo("No database is running; start one with 'tm23 db start'.")
    else:
        typer.echo(f"Running at {info.uri} (process {info.pid}), files in {info.path}.")
    if info is None:
        raise typer.Exit(1)


@app.command()
def uri(path: PathOption = None) -> None:
    """Print the URI of the database that commands use."""
    typer.echo(_uri(path))


@app.command()
def env(path: PathOption = None) -> None:
    """Print shell commands that point lpad, rlaunch and tm23 to the database."""
    from tm23flows.ops.fireworks_config import write_config

    found = _uri(path)
    folder = _folder(path) / CONFIG_FOLDER
    variables = write_config(folder, found)
    own = get_settings().mongo_uri
    if own is None or own.get_secret_value() != found:  # else it may hold a password
        variables["TM23_MONGO_URI"] = found
    for name, value in variables.items():
        typer.echo(f"export {name}='{value}'")


@app.command()
def upgrade(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rewrite documents of older layouts in today's; exit code 1 if one cannot be read.

    It can be interrupted and run again, and workers may go on meanwhile. Make a backup first.
    """
    from tm23flows.ops.upgrade import Upgrade, older_documents
    from tm23flows.ops.upgrade import upgrade as rewrite
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    with counting() as tick:
        found = Upgrade(older_documents(archive)) if dry_run else rewrite(archive, tick)
    if as_json:
        print_json({"dry_run": dry_run, "documents": found.done, "unreadable": found.unreadable})
    else:
        counts = ", ".join(f"{number} {name}" for name, number in found.done.items())
        verb = "would be rewritten" if dry_run else "are rewritten"
        typer.echo(f"{counts} {verb}." if counts else "All documents have today's layout.")
    if found.unreadable:
        fail(
            f"{len(found.unreadable)} documents cannot be read and are left as they are, the first "
            f"is {found.unreadable[0][:12]}; see 'tm23 audit --only I1,I3'."
        )
        raise typer.Exit(1)


@app.command()
def dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write: NAME.tm23.tar.xz.")],
    licence: Annotated[str | None, typer.Option(help="Licence of the data.")] = None,
    citation: Annotated[
        list[str] | None, typer.Option(help="What to cite; may be given several times.")
    ] = None,
    without_model_files: Annotated[
        bool,
        typer.Option(
            "--without-model-files", help="Leave out the files of models; their results stay."
        ),
    ] = False,
    without_places: Annotated[
        bool,
        typer.Option(
            "--without-places", help="Leave out names of machines and folders, to publish the file."
        ),
    ] = False,
) -> None:
    """Write everything that the archive holds to one file, which 'tm23 import' takes in.

    Workers may go on meanwhile. The launchpad is not in it.
    """
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive
    from tm23flows.store.exchange.manifest import NOT_STATED

    options = DumpOptions(
        licence or NOT_STATED,
        tuple(citation or ()),
        model_files=not without_model_files,
        places=not without_places,
    )
    with counting() as tick:
        manifest = dump_archive(Archive.open(), file, options, tick)
    counts = [f"{one.count} {name}" for name, one in manifest.collections.items()]
    typer.echo(f"{', '.join(counts)} and {manifest.blobs} blobs in {file}")
    if manifest.files_left_out:
        typer.echo(f"{len(manifest.files_left_out)} files of models are not in it.")


def _uri(path: Path | None) -> str:
    if path is None:
        from tm23flows.store.connect import resolve_uri

        return resolve_uri()
    from tm23flows.store.embedded.process import status as find

    info = find(_folder(path))
    if info is None:
        raise DatabaseError(f"No database is running in {path}; start it with 'tm23 db start'.")
    return info.uri


def _folder(path: Path | None) -> Path:
    return (path or get_settings().db_path).expanduser()


def _again(path: Path | None) -> str:
    return "" if path is None else f" --path {path}"
