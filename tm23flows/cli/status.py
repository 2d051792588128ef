"""``tm23 status``: how far everything is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import print_json
from tm23flows.cli.training_lines import training_line

if TYPE_CHECKING:
    from tm23flows.ops.progress import Progress


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show jobs by state, trainings, failures with reasons, and what is in the archive."""
    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.ops.progress import observe
    from tm23flows.store.archive import Archive
    from tm23flows.store.connect import resolve_uri

    uri = resolve_uri()
    progress = observe(Archive.open(uri), open_launchpad(uri))
    if as_json:
        print_json(progress.as_dict())
        return
    for line in status_lines(progress):
        typer.echo(line)


def status_lines(progress: Progress) -> list[str]:
    """Put a moment of the work into words.

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
