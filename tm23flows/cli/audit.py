"""``tm23 audit``: whether the archive is what it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.cli.counting import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tm23flows.ops.audit.ledger import Ledger


def audit(
    only: Annotated[
        str | None, typer.Option(help="Invariants to check, such as I2,I6 [default: all].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the invariants I1 to I10 of the archive; exit code 1 if one is violated.

    Nothing is changed. Every violation comes with its fix.
    """
    from tm23flows.ops.audit.invariants import audit as check
    from tm23flows.store.archive import Archive

    wanted = None if only is None else [one.strip().upper() for one in only.split(",")]
    with counting() as tick:
        found = check(Archive.open(), wanted, tick=tick)
    if as_json:
        print_json(found.as_dict())
    else:
        out = console()
        for line in audit_lines(found):
            out.print(line, markup=False)
    if not found.ok:
        raise typer.Exit(1)


def audit_lines(found: Ledger) -> Iterator[str]:
    """Put an audit into words.

    Parameters
    ----------
    found
        What was found.

    Yields
    ------
    Lines for a terminal.
    """
    for finding in found.findings.values():
        mark = "FAIL" if finding.count else "ok  "
        yield f"{mark} {finding.invariant:<4} {finding.title} ({finding.checked} checked)"
        for one in finding.violations:
            yield f"       {one.where} {one.id}: {one.what}"
            yield f"         fix: {one.fix}"
        if finding.count > len(finding.violations):
            yield f"       and {finding.count - len(finding.violations)} more"
        yield from (f"       note: {note}" for note in finding.notes)
    total = sum(finding.count for finding in found.findings.values())
    yield f"{total or 'no'} violation{'' if total == 1 else 's'}"
