"""``tm23 demo``: the whole road for one metal, on this machine, in minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console
from tm23flows.cli.status import status_lines
from tm23flows.errors import TM23Error
from tm23flows.settings import get_settings

if TYPE_CHECKING:
    from pymongo.database import Database
    from rich.console import Console

    from tm23flows.documents.label import Label
    from tm23flows.ops.demo import Demo
    from tm23flows.ops.progress import Progress
    from tm23flows.store.archive import Archive

POLL_S = 1.0
QUIET_S = 15.0
"""Elsewhere than on a terminal a line is printed at least this often."""


def demo(
    metal: Annotated[str, typer.Option(help="Chemical symbol.")] = "Cu",
    work: Annotated[Path, typer.Option(help="Folder of everything; delete to start anew.")] = Path(
        "work"
    ),
    engine: Annotated[str, typer.Option(help="gpaw (real DFT), or emt (seconds).")] = "gpaw",
    workers: Annotated[int, typer.Option(min=1, help="Workers, one thread each.")] = 2,
    report: Annotated[Path, typer.Option(help="Report to write.")] = Path("report/index.html"),
) -> None:
    """Run AIMD, relabel, train, evaluate and report, through lpad and rlaunch."""
    from tm23flows.flows.scales import make_tm23
    from tm23flows.ops.demo import Demo
    from tm23flows.store.archive import Archive

    make_tm23(metal, "demo", engine)  # a wrong name is said before anything is started
    out = console()
    begin = time.monotonic()
    with _database(work, out) as uri:
        archive = Archive.open(uri)
        with closing(Demo(work, uri)) as here:
            launchpad = here.new_launchpad()
            file = here.add(metal, "demo", engine)
            out.print(f"tm23 build {metal} --scale demo -o {file.name}; lpad add {file.name}")
            out.print(f"{workers} x rlaunch rapidfire, logs in {work}/worker-*.log")
            here.start_workers(workers)
            final = _watch(here, archive, launchpad.db, out)
        if final.failed:
            raise TM23Error("; ".join(f"{k} failed: {v}" for k, v in final.failed.items()))
        _show(archive, f"{metal}-demo", report, out)
    out.print(f"done in {time.monotonic() - begin:.0f} s")


@contextmanager
def _database(work: Path, out: Console) -> Iterator[str]:
    """Use the user's database, or one in the work folder for as long as the demo runs."""
    from tm23flows.store.embedded import process

    settings = get_settings()
    if settings.mongo_uri is not None:
        yield settings.mongo_uri.get_secret_value()
        return
    folder = work / "db"
    was_running = process.status(folder) is not None
    info = process.start(folder, 0)
    out.print(f"tm23 db start --path {folder}  ({info.uri})")
    try:
        yield info.uri
    finally:
        if not was_running:
            process.stop(folder)
    out.print(
        f'To look further: tm23 db start --path {folder} && eval "$(tm23 db env --path {folder})"'
    )


def _watch(here: Demo, archive: Archive, launchpad: Database, out: Console) -> Progress:
    """Follow the work until nothing moves any more."""
    from rich.live import Live

    from tm23flows.ops.progress import observe

    begin = shown = time.monotonic()
    last_line = ""
    with Live(console=out, auto_refresh=False, transient=True) as live:
        while True:
            now = observe(archive, launchpad)
            elapsed = time.monotonic() - begin
            if out.is_terminal:
                live.update("\n".join([f"{elapsed:.0f} s", *status_lines(now)]), refresh=True)
            elif _line(now) != last_line or time.monotonic() - shown > QUIET_S:
                last_line, shown = _line(now), time.monotonic()
                out.print(f"{elapsed:4.0f} s  {last_line}")
            if not now.active:
                return now
            if len(here.dead_workers()) == len(here.workers):
                raise TM23Error(f"All workers ended early; see {here.work}/worker-1.log.")
            time.sleep(POLL_S)


def _line(now: Progress) -> str:
    kept = now.documents
    return (
        f"{now.done}/{now.total} jobs, {now.steps} MD steps, {kept['frames']} frames, "
        f"{kept['labels']} labels, {kept['models']} models; now: {', '.join(now.running) or '-'}"
    )


def _show(archive: Archive, dataset: str, report: Path, out: Console) -> None:
    from tm23flows.cli.trace import trace_tree
    from tm23flows.documents.label import Label
    from tm23flows.report.label_noise import noise_rows
    from tm23flows.report.page import write_report
    from tm23flows.report.tables import error_rows, format_error_table

    found = archive.dataset(dataset)
    rows, noise = error_rows(archive, found.id), noise_rows(archive, found.id)
    out.print(format_error_table(rows, noise))
    label = archive.get(Label, found.parts["test"][-1])
    out.print(f"one frame of the test set, {label.frame_id[:12]}, and its labels:")
    for one in archive.labels(frame=label.frame_id):
        recipe = one.recipe
        out.print(
            f"  {one.id[:12]}  {recipe.engine} {recipe.kmesh_text} sigma {recipe.sigma_eV} eV  "
            f"F = {one.energies.free:.4f} eV  largest force {largest_force(one):.3f} eV/A"
        )
    out.print(trace_tree(archive.trace(label.frame_id)))
    evaluation = rows[0].evaluation_id
    out.print(trace_tree(archive.trace(evaluation)))
    out.print(f"report: {write_report(archive, report, found.id)}")


def largest_force(label: Label) -> float:
    """Return the length of the longest force of a label.

    Parameters
    ----------
    label
        The label.

    Returns
    -------
    In eV/angstrom.
    """
    return float((label.forces**2).sum(axis=1).max() ** 0.5)
