"""``tm23 model``: trained models, and taking one out of the archive."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from tm23flows.cli.console import print_json
from tm23flows.cli.execution import check_output
from tm23flows.errors import InputError

app = typer.Typer(
    help="List, show and export trained models (docs/howto/training.md).", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelId = Annotated[str, typer.Argument(help="Id of the model, or how it begins.")]

TARGETS = ("ase", "pair_nequip")

FIELDS = ("trainer", "hyperparameters", "seed", "dataset_id", "part", "summary", "wall_s", "files")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all models, the newest first."""
    from tm23flows.store.archive import Archive

    stored = Archive.open().database["models"].find(
        {}, {
            "trainer": 1, "dataset_id": 1, "part": 1, "seed": 1, "provenance.created": 1,
            "hyperparameters.name": 1, "hyperparameters.calculator": 1,
        },
    )  # fmt: skip
    rows = [
        {
            "id": one["_id"],
            "trainer": one["trainer"],
            "name": _name_of(one["hyperparameters"]) if one["dataset_id"] is None else None,
            "dataset_id": one["dataset_id"],
            "part": one["part"],
            "seed": one["seed"],
            "created": one["provenance"]["created"],
        }
        for one in stored.sort([("provenance.created", -1), ("_id", 1)])
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['id'][:12]}  {_origin(row)}, {row['created']:%Y-%m-%d %H:%M}")
    if not rows:
        typer.echo("There are no models yet; make one with 'tm23 train' or 'tm23 bench'.")


def _name_of(hyperparameters: dict[str, Any]) -> str:
    return str(hyperparameters.get("name") or hyperparameters.get("calculator"))


def _origin(row: dict[str, Any]) -> str:
    if row["dataset_id"] is None:
        return f"{row['trainer']}  {row['name']}, from elsewhere"
    trained = f"trained on {row['part']} of dataset {row['dataset_id'][:12]}"
    return f"{row['trainer']}  {trained}, seed {row['seed']}"


@app.command()
def show(model: ModelId, as_json: Json = False) -> None:
    """Show what a model was made from and how its training went."""
    from tm23flows.cli.train import find_model
    from tm23flows.store.archive import Archive

    found = find_model(Archive.open(), model)
    content = found.model_dump(mode="json", include=set(FIELDS))
    content["last_of_history"] = found.history[-1] if found.history else {}
    if as_json:
        print_json({"id": found.id, **content})
        return
    typer.echo(f"model {found.id}")
    for name, value in content.items():
        if name == "files":
            typer.echo(
                "  files: " + ", ".join(f"{one['name']} ({one['blob'][:12]})" for one in value)
            )
        elif isinstance(value, dict):
            typer.echo(f"  {name.replace('_', ' ')}:")
            for key, one in value.items():
                typer.echo(f"    {key}: {one}")
        else:
            typer.echo(f"  {name.replace('_', ' ')}: {value}")


@app.command()
def export(
    model: ModelId,
    folder: Annotated[Path, typer.Argument(help="New folder for the files of the model.")],
) -> None:
    """Write a model's files, checked by their checksums, with a card and how to load them."""
    from tm23flows.cli.train import find_model
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.models import export_model

    archive = Archive.open()
    written = export_model(archive, find_model(archive, model).id, folder)
    typer.echo(f"{len(written)} files in {folder}; {folder / 'README.md'} says how to use them")


@app.command()
def deploy(
    model: ModelId,
    output: Annotated[Path, typer.Argument(help="File to write, such as Cu.nequip.pt2.")],
    target: Annotated[str, typer.Option("--for", help="ase, or pair_nequip for LAMMPS.")] = "ase",
) -> None:
    """Compile a network into one file that needs neither tm23flows nor its training."""
    from tm23flows.cli.train import find_model
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.models import export_model
    from tm23flows.trainers.base import get_trainer

    if target not in TARGETS:
        raise InputError(f"--for takes {' or '.join(TARGETS)}, not '{target}'.")
    archive = Archive.open()
    found = find_model(archive, model)
    trainer = get_trainer(found.trainer)
    if not hasattr(trainer, "deploy"):
        raise InputError(
            f"A model of {found.trainer} cannot be compiled: use 'tm23 model export' and its "
            "calculator."
        )
    check_output(output)
    with TemporaryDirectory(prefix="tm23-deploy-") as scratch:
        folder = Path(scratch)
        export_model(archive, found.id, folder / "model")
        trainer.deploy(folder / "model", output.resolve(), folder / "work", target)
    typer.echo(f"{output} holds the model for {target} on this machine's kind of device")


@app.command()
def hyperparameters(
    trainer: Annotated[str, typer.Argument(help="flare, nequip or allegro.")],
    as_json: Json = False,
) -> None:
    """List what a trainer can be told, with its defaults."""
    from tm23flows.trainers.base import get_trainer

    defaults = get_trainer(trainer).hyperparameters()
    rows = [
        {"name": name, "default": getattr(defaults, name), "description": field.description}
        for name, field in type(defaults).model_fields.items()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}={row['default']}  {row['description']}")
