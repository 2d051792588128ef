"""``tm23 rerun``: failed jobs, chosen by what they failed of, run again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import print_json
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from tm23flows.ops.failures import Failure
    from tm23flows.ops.rerun import Rerun


def rerun(
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=TEXT (the same) or FIELD~=TEXT (contains); FIELD is error, class, metal, "
            "stage, name, host or id. All must hold."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All failed jobs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run failed jobs again, by class of error or whatever else they have in common."""
    from tm23flows.ops import rerun as ops
    from tm23flows.ops.failures import list_failures
    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.store.connect import connect, resolve_uri

    conditions = [ops.read_condition(one) for one in where or ()]
    if everything == bool(conditions):
        raise InputError(
            "Say which failed jobs: with --where (see 'tm23 rerun --help'), or --all for all of "
            "them, and not both."
        )
    uri = resolve_uri()
    connect(uri).close()  # says in one sentence where nothing answers
    launchpad = open_launchpad(uri)
    chosen = ops.select(list_failures(launchpad.db), conditions)
    done = [ops.Rerun(one) if dry_run else ops.rerun(launchpad, one) for one in chosen]
    if as_json:
        print_json(_as_dict(done, dry_run=dry_run))
    else:
        for line in rerun_lines(done, dry_run=dry_run):
            typer.echo(line)
    if any(one.problem for one in done):
        raise typer.Exit(1)


def rerun_lines(done: list[Rerun], *, dry_run: bool) -> list[str]:
    """Put into words what runs again.

    Parameters
    ----------
    done
        What became of each job.
    dry_run
        Whether nothing was done.

    Returns
    -------
    Lines, by class of error.
    """
    from tm23flows.ops.failures import ERROR_CLASSES, PASSING

    if not done:
        return ["no failed job is like that; 'tm23 status' shows what failed"]
    lines = []
    for found, group in _by_class(done):
        lines.append(f"{found} ({ERROR_CLASSES[found]}): {len(group)}")
        lines += [f"  {_line(one)}" for one in group]
    failed = [one for one in done if one.problem]
    lasting = [one for one in done if one.failure.error_class not in PASSING]
    if lasting:
        lines.append(
            f"{len(lasting)} of them failed of what does not pass by itself: without a change they "
            "fail again"
        )
    said = "would run again" if dry_run else "run again"
    lines.append(f"{len(done) - len(failed)} of {len(done)} {said}")
    if failed:
        lines.append(f"{len(failed)} could not be put back")
    return lines


def _as_dict(done: list[Rerun], *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "rerun": sum(one.problem is None for one in done),
        "problems": sum(one.problem is not None for one in done),
        "classes": {found: len(group) for found, group in _by_class(done)},
        "jobs": [
            {**one.failure.as_dict(), "problem": one.problem, "already": one.already}
            for one in done
        ],
    }


def _by_class(done: list[Rerun]) -> Iterator[tuple[str, list[Rerun]]]:
    ordered = sorted(done, key=_class)
    return ((found, list(group)) for found, group in groupby(ordered, _class))


def _class(one: Rerun) -> str:
    return one.failure.error_class


def _line(one: Rerun) -> str:
    failure: Failure = one.failure
    line = f"{failure.fw_id} {failure.name}: {failure.reason}"
    if one.already:
        return f"{line} -> put back already, with what it depends on or by somebody else"
    return f"{line} -> not put back: {one.problem}" if one.problem else line
