"""``tm23 dataset``: frozen selections of labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.cli.dataset_card import WITHOUT_STEP, card_lines
from tm23flows.errors import InputError

app = typer.Typer(
    help="Create, pair, list, show and compare datasets (docs/howto/datasets.md).",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Energy = Annotated[
    str | None,
    typer.Option(help="Energy to train on: free, sigma0, without_entropy or unspecified."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the new dataset.")],
    source: Annotated[
        str,
        typer.Option("--from", help="A dataset, or a query such as metal=Cu,kmesh=3x3x3."),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="full, transfer, learning-curve, grid, finite-size (the article's), fraction, "
            "block, temperature or event."
        ),
    ] = "full",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Option of the split, as key=value; for every split also thin=inefficiency, "
            "thin=NUMBER, min_gap_fs=TIME.",
        ),
    ] = None,
    energy: Energy = "free",
    as_json: Json = False,
) -> None:
    """Freeze labels under a name, divided by a rule."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.candidates import find_candidates
    from tm23flows.store.datasets.creation import create_datasets

    options = _options(setting or [])
    archive = Archive.open()
    found = find_candidates(archive, source)
    made = create_datasets(archive, name, found, split, options, {"from": source}, energy or "free")
    rows = [_row(named) for named in made]
    if as_json:
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    for row, named in zip(rows, made, strict=True):
        typer.echo(_sentence(row))
        for sentence in _remarks(named.dataset.facts):
            typer.echo(f"  {sentence}")


@app.command()
def pair(
    name: Annotated[str, typer.Argument(help="Name of the new dataset.")],
    source: Annotated[str, typer.Option("--from", help="The dataset whose frames it repeats.")],
    other: Annotated[
        str,
        typer.Option("--with", help="Query for the other labels, such as sigma_eV=1.0."),
    ],
    energy: Energy = None,
    allow_missing: Annotated[
        bool, typer.Option(help="Leave out frames without such a label.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Freeze the same frames, order and split with labels of another recipe."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.pairs import pair_dataset
    from tm23flows.store.query.words import parse_words

    archive = Archive.open()
    named = pair_dataset(
        archive, name, archive.dataset(source), parse_words(other), energy, allow_missing
    )
    row = _row(named)
    if as_json:
        print_json({**row, "pair_of": named.dataset.pair_of})
        return
    typer.echo(f"{_sentence(row)}, pair of {source}")
    for sentence in _remarks(named.dataset.facts):
        typer.echo(f"  {sentence}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all datasets."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.creation import list_datasets

    rows = [_row(named) for named in list_datasets(Archive.open())]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(_sentence(row))
    if not rows:
        typer.echo("There are no datasets yet; make one with 'tm23 dataset create'.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name, name@version or id.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the card as JSON, with the ids of the labels.")
    ] = False,
) -> None:
    """Show the card of a dataset; exit code 1 if its parts know each other."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.cards import dataset_card

    archive = Archive.open()
    found = archive.dataset(name)
    card = dataset_card(archive, found)
    if as_json:
        ids = {part: list(ids) for part, ids in found.parts.items()}
        print_json({**card, "label_ids": ids, "software": found.provenance.software})
    else:
        out = console()
        for line in card_lines(card):
            out.print(line, markup=False)
    if not card["leak_check"]["passed"]:
        raise typer.Exit(1)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A dataset.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    as_json: Json = False,
) -> None:
    """Compare two datasets; exit code 1 if they differ."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.creation import diff_datasets

    archive = Archive.open()
    one, other = archive.dataset(first), archive.dataset(second)
    parts = diff_datasets(one, other)
    if as_json:
        print_json(parts)
    else:
        out = console()
        for part, sides in parts.items():
            numbers = f"-{len(sides['only_first'])} +{len(sides['only_second'])}"
            out.print(f"{part}: {numbers} labels")
        if one.energy != other.energy:
            out.print(f"energy: {one.energy}, {other.energy}")
        same = not any(ids for sides in parts.values() for ids in sides.values())
        if same and one.energy == other.energy and one.id != other.id:
            out.print("the same labels in another order")
    if one.id != other.id:
        raise typer.Exit(1)


def _row(named: Any) -> dict[str, Any]:
    return {
        "name": named.name,
        "version": named.version,
        "id": named.dataset.id,
        "element": named.dataset.element,
        "rule": named.dataset.rule,
        **{part: len(ids) for part, ids in named.dataset.parts.items()},
    }


def _sentence(row: dict[str, Any]) -> str:
    head = ("name", "version", "id", "element", "rule")
    parts = ", ".join(f"{value} {part}" for part, value in row.items() if part not in head)
    return (
        f"{row['name']}@{row['version']}  {row['element']}  {parts}  "
        f"({row['rule']} split)  {row['id'][:12]}"
    )


def _remarks(facts: dict[str, Any]) -> Iterator[str]:
    for where, count in facts.get("missing", {}).items():
        yield f"{count} frames of {where} are missing from what the rule takes"
    if every := facts.get("kept_every"):
        kept = ", ".join(f"every {n}. of {run[:12]}" for run, n in every.items())
        yield f"kept: {kept}"
    if without := facts.get("n_without_pair"):
        yield f"{without} frames have no other label and are left out"
    if lost := facts.get("n_without_step"):
        yield f"{lost} {WITHOUT_STEP}"
    if (gap := facts.get("smallest_gap_fs")) is not None:
        yield f"parts are at least {gap:g} fs apart"


def _options(texts: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in map(_option, texts):
        if key in options:
            raise InputError(f"--set says {key} twice; leave one of them out.")
        options[key] = value
    return options


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = (piece.strip() for piece in text.partition("="))
    if not key or not equals or not value:
        raise InputError(f"'{text}' must be a name and a value, as in n_train=900.")
    try:
        number = float(value)
    except ValueError:
        return key, value
    return key, int(number) if number.is_integer() else number
