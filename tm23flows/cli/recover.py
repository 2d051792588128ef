"""``tm23 recover``: what workers, databases and machines left when they died goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import print_json
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE

if TYPE_CHECKING:
    from tm23flows.ops.recovery.record import Report, Work


def recover(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is wrong.")] = False,
    patience: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that a lock, or a job nobody began, must stay as it is [60]."
        ),
    ] = 60.0,
    lost_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds after which a worker that was not heard of is lost [1200]; 0 if you "
            "know that none runs.",
        ),
    ] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Delete old blobs that nothing names.")
    ] = False,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="Blobs younger than this are never deleted.")
    ] = 24.0,
    launchpad: Annotated[
        str, typer.Option(help="Name of FireWorks' database.")
    ] = LAUNCHPAD_DATABASE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring everything back to work that stopped without an end.

    Takes in results that waited for the database, unlocks workflows whose worker is dead, and
    puts jobs back that nobody does. Workers may go on meanwhile. Exit code 1 if something is
    still wrong.
    """
    from tm23flows.ops.recovery.record import SILENT_S, Work
    from tm23flows.ops.recovery.recover import recover as bring_back
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    work = Work(
        archive=archive,
        launchpad=None,
        dry_run=dry_run,
        patience_s=patience,
        silent_s=SILENT_S if lost_after is None else lost_after,
        sweep=sweep,
        grace_s=3600.0 * grace_hours,
    )
    done = bring_back(_with_launchpad(work, launchpad))
    if as_json:
        print_json(done.as_dict())
    else:
        for line in recover_lines(done):
            typer.echo(line)
    if done.problems:
        raise typer.Exit(1)


def recover_lines(done: Report) -> list[str]:
    """Put a recovery into words.

    Parameters
    ----------
    done
        What it did.

    Returns
    -------
    Lines, by step.
    """
    from tm23flows.ops.recovery.record import STEPS

    if done.other is not None:
        return [f"another recovery is under way ({done.other}); nothing was done here"]
    lines = []
    for step, words in STEPS.items():
        some = [one for one in done.mended if one.step == step]
        if some:
            lines.append(f"{words}: {len(some)}")
        for one in some:
            lines.append(f"  {one.subject}: {one.what}")
            what = f"not done: {one.problem}" if one.problem else one.done
            lines.append(f"    -> {'would be ' if done.dry_run and not one.problem else ''}{what}")
    lines += [f"note: {one}" for one in done.notes]
    left = len(done.problems)
    if not done.mended:
        lines.append("nothing to recover")
    elif done.dry_run:
        lines.append(f"{len(done.mended) - left} of {len(done.mended)} would be mended")
    else:
        lines.append(f"{len(done.mended) - left} of {len(done.mended)} mended")
    return lines


def _with_launchpad(work: Work, name: str) -> Work:
    from dataclasses import replace

    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.store.connect import resolve_uri

    # FireWorks' class would make a launchpad where there is none.
    jobs = work.archive.database.client[name]["fireworks"]
    if jobs.find_one({}, {"_id": 1}) is None:
        return work
    return replace(work, launchpad=open_launchpad(resolve_uri(), name))
