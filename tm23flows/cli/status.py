"""``tm23 status``: how far everything is, once, live, or as a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.errors import InputError
from tm23flows.ops.status.trainings import training_line

if TYPE_CHECKING:
    from tm23flows.ops.progress import Progress
    from tm23flows.ops.status.overview import Observer, Overview

DEFAULT_PORT = 27924


def status(
    metal: Annotated[str | None, typer.Option(help="Only this metal.")] = None,
    window: Annotated[
        float, typer.Option(min=0.1, help="Rates are over so many hours back.")
    ] = 24.0,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve a page on this machine.")] = False,
    every: Annotated[
        int, typer.Option(min=1, help="Seconds between two looks of --watch and --serve.")
    ] = 10,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of --serve; 0 for a free one.")
    ] = DEFAULT_PORT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show by metal and stage what is done, runs, failed and waits, how fast, and how long yet."""
    if watch + serve + as_json > 1:
        raise InputError("Choose one of --watch, --serve and --json.")
    observer = _observer(metal, timedelta(hours=window))
    if serve:
        _serve(observer, port, every)
    elif watch:
        with suppress(KeyboardInterrupt):  # the way to end it
            _watch(observer, every)
    elif as_json:
        print_json(observer.look().as_dict())
    else:
        from tm23flows.cli.status_view import show

        show(observer.look(), console())


def status_lines(progress: Progress) -> list[str]:
    """Put the few numbers of a small work into words.

    Parameters
    ----------
    progress
        The numbers.

    Returns
    -------
    Lines for a terminal.
    """
    jobs = ", ".join(f"{number} {state.lower()}" for state, number in progress.jobs.items())
    kept = ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in progress.documents.items()
    )
    return [
        f"jobs: {progress.done} of {progress.total} done ({jobs or 'none'})",
        *(f"  running: {name}" for name in progress.running),
        *(f"  training: {training_line(one)}" for one in progress.trainings),
        *(f"  failed: {name}: {reason}" for name, reason in progress.failed.items()),
        f"steps of molecular dynamics: {progress.steps}",
        f"archive: {kept}",
    ]


def _observer(metal: str | None, window: timedelta) -> Observer:
    from tm23flows.ops.status.overview import Observer
    from tm23flows.store.archive import Archive

    return Observer(Archive.open(), metal, window)


def _watch(observer: Observer, every: int) -> None:
    from rich.console import Console, Group
    from rich.live import Live

    from tm23flows.cli.status_view import overview_parts, show

    out = console()
    if not out.is_terminal:
        for view, problem in _looks(observer, every):
            if problem:
                typer.echo(problem)
            elif view:
                show(view, out)
        return
    # as wide as the screen is: what is beyond it would not be seen
    screen = Console(highlight=False)
    with Live(console=screen, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        for view, problem in _looks(observer, every):
            parts = overview_parts(view, metals_last=True) if view else []
            live.update(Group(*([problem] if problem else []), *parts), refresh=True)


def _looks(observer: Observer, every: int) -> Iterator[tuple[Overview | None, str | None]]:
    """Look for ever; yield the newest look, and what is wrong where there is no newer one."""
    from pymongo.errors import PyMongoError

    from tm23flows.store.connect import without_password

    view, problem = None, None
    while True:
        try:
            view, problem = observer.look(), None
        except PyMongoError as error:
            words = without_password(str(error)).split(", Timeout")[0]
            problem = f"the database is away ({words}); it is asked again every {every} s"
        yield view, problem
        _pause(every)


def _pause(seconds: float) -> None:
    time.sleep(seconds)


def _serve(observer: Observer, port: int, every: int) -> None:
    from tm23flows.ops.status.server import HOST, make_server

    server = make_server(observer.look, port, every)
    typer.echo(f"http://{HOST}:{server.server_address[1]}/  (Ctrl-C ends it)")
    try:
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        server.server_close()
