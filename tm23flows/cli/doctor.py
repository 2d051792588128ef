"""``tm23 doctor``: what is there and what is not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tm23flows.cli.console import console, print_json


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the installation; exit code 1 if something is missing."""
    from tm23flows.ops.doctor import examine

    out = console()
    found = []
    for check in examine():
        found.append(check)
        if not as_json:
            mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]"
            out.print(f"{mark} {check.name:<10} ", end="")
            out.print(check.detail, markup=False)
            if check.fix:
                out.print(f"     fix: {check.fix}", markup=False)
    if as_json:
        print_json([asdict(check) for check in found])
    if not all(check.ok for check in found):
        raise typer.Exit(1)
