"""``tm23 trace``: where something comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, fail, print_json

if TYPE_CHECKING:
    from rich.tree import Tree

    from tm23flows.store.trace import Ancestor, Level, Trace


def trace(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="At least six digits.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Follow anything back to its structure; exit code 1 if something is missing."""
    from tm23flows.store.archive import Archive

    found = Archive.open().trace(document_id)
    if as_json:
        print_json(found.as_dict())
    else:
        console().print(trace_tree(found))
    if not found.complete:
        fail("the chain is broken: a parent was deleted or never written (see MISSING above).")
        raise typer.Exit(1)


def trace_tree(found: Trace) -> Tree:
    """Draw a trace, nearest ancestors first.

    Parameters
    ----------
    found
        The trace.

    Returns
    -------
    A tree for rich.
    """
    from rich.text import Text
    from rich.tree import Tree

    root = branch = Tree(Text(f"trace of {found.id[:12]}", style="bold"))
    for level in found.levels:
        branch = branch.add(Text(_title(level)))
        for one in level.shown:
            branch.add(Text(f"{one.id[:12]}  {_describe(one)}", style="cyan"))
        if level.count > len(level.shown) + len(level.missing):
            branch.add(Text(f"and {level.count - len(level.shown) - len(level.missing)} more"))
        gone_files = (f"file {blob}" for blob in level.missing_blobs)
        gone_parents = (f"parent of {one}" for one in level.rootless)
        for gone in (*level.missing, *gone_files, *gone_parents):
            branch.add(Text(f"MISSING {gone}", style="bold red"))
    return root


def _title(level: Level) -> str:
    plural = level.collection
    return plural if level.count != 1 else {"trajectories": "trajectory"}.get(plural, plural[:-1])


def _describe(one: Ancestor) -> str:
    facts = one.summary
    parts = [str(facts[key]) for key in ("element", "phase", "regime", "trainer") if key in facts]
    for key, text in (
        ("temperature_K", "{} K"),
        ("step", "step {}"),
        ("rule", "split {}"),
        ("part", "part {}"),
    ):
        if key in facts:
            parts.append(text.format(facts[key]))
    if recipe := facts.get("recipe"):
        mesh = "x".join(str(n) for n in recipe["kmesh"])
        parts.append(f"{recipe['engine']} {mesh} sigma {recipe['sigma_eV']} eV")
    parts += facts.get("programs", ())
    if "vacancy_index" in facts:
        parts.append(f"vacancy {facts['vacancy_index']} (seed {facts['vacancy_seed']})")
    versions = " ".join(f"{name} {version}" for name, version in sorted(one.software.items()))
    return f"{', '.join(parts)}  [{versions}; inputs {one.inputs_sha256[:12]}]"
