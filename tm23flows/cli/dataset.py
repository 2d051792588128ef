"""``tm23 dataset``: frozen selections of labels."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.errors import InputError

app = typer.Typer(help="Create, list, show and compare datasets.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the new dataset.")],
    source: Annotated[
        str,
        typer.Option("--from", help="A dataset, or a query such as metal=Cu,kmesh=3x3x3."),
    ],
    split: Annotated[str, typer.Option(help="full, fraction, transfer or grid.")] = "full",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Number of the split, as key=value.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Freeze labels under a name, divided by a rule."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets import create_dataset
    from tm23flows.store.files import labels_of

    options = dict(_number(text) for text in setting or [])
    archive = Archive.open()
    named = create_dataset(
        archive, name, labels_of(archive, source), split, options, query={"from": source}
    )
    row = _row(named)
    print_json(row) if as_json else typer.echo(_sentence(row))


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all datasets."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets import list_datasets

    rows = [_row(named) for named in list_datasets(Archive.open())]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(_sentence(row))
    if not rows:
        typer.echo("There are no datasets yet; make one with 'tm23 dataset create'.")


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name, name@version or id.")]) -> None:
    """Show a dataset as JSON, with the ids of its labels."""
    from tm23flows.store.archive import Archive

    found = Archive.open().dataset(name)
    shown = found.model_dump(exclude={"provenance"})
    shown["parts"] = {part: list(ids) for part, ids in found.parts.items()}
    shown["software"] = found.provenance.software
    print_json(shown)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A dataset.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    as_json: Json = False,
) -> None:
    """Compare two datasets; exit code 1 if they differ."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets import diff_datasets

    archive = Archive.open()
    parts = diff_datasets(archive.dataset(first), archive.dataset(second))
    if as_json:
        print_json(parts)
    else:
        out = console()
        for part, sides in parts.items():
            numbers = f"-{len(sides['only_first'])} +{len(sides['only_second'])}"
            out.print(f"{part}: {numbers} labels")
    if any(ids for sides in parts.values() for ids in sides.values()):
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


def _number(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"'{text}' must be a name and a number, as in n_train=900.") from None
    return key, int(number) if number.is_integer() else number
