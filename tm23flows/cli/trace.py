"""``tm23 trace``: where something comes from, and what was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import console, fail, print_json
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from rich.tree import Tree

    from tm23flows.store.past.relatives import Level, Relative, Trace

SINGULARS = {
    "trajectories": "trajectory",
    "densities_of_states": "density of states",
    "elastic_constants": "elastic constants",
    "grid_searches": "grid search",
    "studies": "study",
}
"""Words for one of a collection, where it is not the collection's less the s."""


def trace(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="At least six digits of any id, or the name of a dataset."
        ),
    ],
    down: Annotated[
        bool, typer.Option("--down", help="What was made from it, not what it comes from.")
    ] = False,
    both: Annotated[bool, typer.Option("--both", help="Both ways.")] = False,
    show: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Documents to show of each kind, the others are counted [default: 3; all "
            "with --prov].",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    prov: Annotated[
        bool, typer.Option("--prov", help="Print a W3C PROV document (PROV-JSON).")
    ] = False,
) -> None:
    """Follow anything back to its structure, or down to what was made from it.

    The exit code is 1 if something is missing on the way back.
    """
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.names import dataset_named
    from tm23flows.store.past.descendants import descendants
    from tm23flows.store.past.relatives import SHOWN_PER_LEVEL
    from tm23flows.store.past.trace import trace as ancestors

    if (down and both) or (as_json and prov):
        raise InputError("Choose one of --down and --both, and one of --json and --prov.")
    archive = Archive.open()
    document_id = dataset_named(archive, what) or what
    shown = show if show is not None or prov else SHOWN_PER_LEVEL
    up_trace = None if down else ancestors(archive, document_id, shown)
    down_trace = descendants(archive, document_id, shown) if down or both else None
    _show(up_trace, down_trace, as_json=as_json, prov=prov)
    if up_trace is not None and not up_trace.complete:
        fail("the chain is broken: a parent was deleted or never written (see MISSING above).")
        raise typer.Exit(1)


def _show(up: Trace | None, down: Trace | None, *, as_json: bool, prov: bool) -> None:
    if prov:
        from tm23flows.store.past.prov import prov_document

        print_json(prov_document(*(one for one in (up, down) if one is not None)))
    elif as_json:
        below = {} if down is None else {"descendants": down.as_dict()["levels"]}
        print_json({**({"id": down.id} if down else {}), **(up.as_dict() if up else {}), **below})
    else:
        for title, one in (("trace of", up), ("made from", down)):
            if one is not None:
                console().print(trace_tree(one, title))


def trace_tree(found: Trace, title: str = "trace of") -> Tree:
    """Draw a trace, nearest relatives first.

    Parameters
    ----------
    found
        The trace.
    title
        What it is, in front of the id.

    Returns
    -------
    A tree for rich.
    """
    from rich.text import Text
    from rich.tree import Tree

    root = branch = Tree(Text(f"{title} {found.id[:12]}", style="bold"))
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
    if level.count != 1:
        return f"{level.count} {plural.replace('_', ' ')}"
    return SINGULARS.get(plural, plural.replace("_", " ")[:-1])


def _describe(one: Relative) -> str:
    facts = one.summary
    if made := facts.get("hyperparameters", {}).get("calculator"):
        # it was not trained on a part of anything
        facts = {key: value for key, value in facts.items() if key != "part"}
        facts["trainer"] = f"{facts['trainer']} {made}"
    parts = [str(facts[key]) for key in ("element", "phase", "regime", "trainer") if key in facts]
    for key, text in (
        ("temperature_K", "{} K"),
        ("step", "step {}"),
        ("rule", "split {}"),
        ("part", "part {}"),
        ("reason", "{}"),
    ):
        if key in facts:
            parts.append(text.format(facts[key]))
    if recipe := facts.get("recipe"):
        mesh = "x".join(str(n) for n in recipe["kmesh"]) if recipe["kmesh"] else "unknown"
        sigma = "unknown" if recipe["sigma_eV"] is None else f"{recipe['sigma_eV']} eV"
        parts.append(f"{recipe['engine']} {mesh} sigma {sigma}")
    parts += facts.get("programs", ())
    if "vacancy_index" in facts:
        parts.append(f"vacancy {facts['vacancy_index']} (seed {facts['vacancy_seed']})")
    versions = " ".join(f"{name} {version}" for name, version in sorted(one.software.items()))
    return f"{', '.join(parts)}  [{versions}; inputs {one.inputs_sha256[:12]}]"
