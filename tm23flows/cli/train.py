"""``tm23 train`` and ``tm23 evaluate``: one model from a dataset, and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.console import print_json
from tm23flows.cli.execution import Workdir, WorkflowFile, check_output, run_here, write_workflow
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from tm23flows.documents.evaluation import Evaluation
    from tm23flows.documents.model import Model
    from tm23flows.store.archive import Archive

TrainerName = Annotated[str, typer.Argument(help="flare, nequip or allegro.")]
DatasetName = Annotated[
    str, typer.Option("--dataset", help="Name, name@version or id of the dataset.")
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Hyperparameter, as key=value; see 'tm23 model hyperparameters TRAINER'."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

NOT_TESTED = {"train", "validation"}
"""Parts of a dataset that a model is not measured on unless they are asked for."""


def train(
    trainer: TrainerName,
    dataset: DatasetName,
    setting: Setting = None,
    seed: Seed = 0,
    part: Annotated[str, typer.Option(help="Part of the dataset to train on.")] = "train",
    output: WorkflowFile = None,
    workdir: Workdir = Path("tm23-run"),
    as_json: Json = False,
) -> None:
    """Train a model on a dataset and measure it on the dataset's test parts.

    A training that was interrupted goes on from its newest checkpoint; one that is done is
    not done again.
    """
    from tm23flows.flows.model import ModelMaker
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    found = archive.dataset(dataset)
    if part not in found.parts:
        raise InputError(f"The dataset has no part '{part}'; it has {', '.join(found.parts)}.")
    maker = ModelMaker(
        trainer=trainer,
        hyperparameters=settings_of(setting or []),
        seed=seed,
        train_part=part,
        test_parts=[name for name in found.parts if name not in {*NOT_TESTED, part}],
    )
    flow = maker.make(found.id, found.element)
    if output is not None:
        check_output(output)
        write_workflow(flow, output)
        return
    outputs = run_here(flow, workdir)
    _show(archive, flow.output["model_id"].uuid, outputs, as_json)


def evaluate(
    model: Annotated[str, typer.Option(help="Id of the model, or how it begins.")],
    dataset: DatasetName,
    part: Annotated[
        list[str] | None,
        typer.Option(help="Part of the dataset; left out, all but train and validation."),
    ] = None,
    energy_reference: Annotated[
        str, typer.Option(help="How the energy MAV is referenced: mean-per-atom, ...")
    ] = "mean-per-atom",
    workdir: Workdir = Path("tm23-run"),
    as_json: Json = False,
) -> None:
    """Measure a model on parts of a dataset."""
    from jobflow import Flow

    from tm23flows.jobs.evaluation import evaluate_model
    from tm23flows.science.metrics import check_energy_reference
    from tm23flows.store.archive import Archive

    check_energy_reference(energy_reference)
    archive = Archive.open()
    found, data = find_model(archive, model), archive.dataset(dataset)
    parts = part or [name for name in data.parts if name not in NOT_TESTED]
    if not parts:
        raise InputError(f"The dataset {dataset} has no part to test on: name one with --part.")
    for name in parts:
        if name not in data.parts:
            raise InputError(f"The dataset has no part '{name}'; it has {', '.join(data.parts)}.")
    jobs = [evaluate_model(found.id, data.id, name, energy_reference) for name in parts]
    outputs = run_here(Flow(jobs), workdir)
    ids = [outputs[job.uuid]["evaluation_id"] for job in jobs]
    _print(archive, found, ids, as_json)


def find_model(archive: Archive, prefix: str) -> Model:
    """Find a model by how its id begins.

    Parameters
    ----------
    archive
        The archive.
    prefix
        The beginning of the id.

    Returns
    -------
    The model.

    Raises
    ------
    InputError
        If it is the id of something else, or of several.
    NotFoundError
        If there is none.
    """
    from tm23flows.documents.model import Model

    found = archive.find(prefix)
    if not isinstance(found, Model):
        raise InputError(
            f"{prefix} is a {type(found).__name__.lower()}, not a model: see 'tm23 model list'."
        )
    return found


def settings_of(words: list[str]) -> dict[str, str]:
    """Read hyperparameters from the command line.

    Parameters
    ----------
    words
        Such as ``nmax=8``.

    Returns
    -------
    Values by name, as text; the trainer reads them.

    Raises
    ------
    InputError
        If a word is not a name and a value, or a name comes twice.
    """
    read: dict[str, str] = {}
    for word in words:
        name, between, value = word.partition("=")
        if not (name and between and value):
            raise InputError(f"--set takes a name and a value such as seed=3, not '{word}'.")
        if name in read:
            raise InputError(f"--set says {name} twice.")
        read[name] = value
    return read


def _show(archive: Archive, uuid: str, outputs: dict[str, Any], as_json: bool) -> None:
    from tm23flows.documents.model import Model

    found = archive.get(Model, outputs[uuid]["model_id"])
    ids = [one["evaluation_id"] for one in outputs.values() if "evaluation_id" in one]
    _print(archive, found, ids, as_json)


def _print(archive: Archive, model: Model, evaluation_ids: list[str], as_json: bool) -> None:
    from tm23flows.documents.evaluation import Evaluation

    evaluations = archive.get_many(Evaluation, evaluation_ids)
    if as_json:
        print_json(
            {
                "model_id": model.id,
                "trainer": model.trainer,
                "summary": model.summary,
                "evaluations": [_as_dict(one) for one in evaluations],
            }
        )
        return
    typer.echo(f"model {model.id}")
    for name, value in model.summary.items():
        said = f"{value:.6g}" if isinstance(value, float) else value
        typer.echo(f"  {name.replace('_', ' ')}: {said}")
    for one in evaluations:
        for line in _error_lines(one):
            typer.echo(line)


def _as_dict(one: Evaluation) -> dict[str, Any]:
    errors = {group.group: group.model_dump(exclude={"group"}) for group in one.errors}
    failures = [failed.model_dump() for failed in one.failures]
    return {"evaluation_id": one.id, "part": one.part, "errors": errors, "failures": failures}


def _error_lines(one: Evaluation) -> list[str]:
    lines = []
    # a single group says the same again
    for group in one.errors if len(one.errors) > 2 else one.errors[:1]:
        stress = group.stress
        said = [
            f"force {1000 * group.force.mae:.1f} meV/A ({_percent(group.force.percent)})",
            f"energy {1000 * group.energy.mae:.2f} meV/atom ({_percent(group.energy.percent)})",
            "no stress" if stress is None
            else f"stress {1000 * stress.mae:.2f} meV/A^3 ({_percent(stress.percent)})",
        ]  # fmt: skip
        lines.append(f"{one.part}, {group.group}, {group.n_frames} frames: {', '.join(said)}")
    if one.failures:
        first = one.failures[0]
        lines.append(
            f"{one.part}: {len(one.failures)} frames failed and are in no error; label "
            f"{first.label_id[:12]}: {first.reason}"
        )
    return lines


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1f} %"
