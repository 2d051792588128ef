"""``tm23 bench``: a calculator from elsewhere, or a stored model, through the benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.bench_results import reasons_of, show_results
from tm23flows.cli.execution import (
    Workdir,
    WorkflowFile,
    check_output,
    job_names,
    run_here,
    write_workflow,
)
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.flows.benchmark import BenchmarkMaker
    from tm23flows.store.archive import Archive

CalculatorName = Annotated[
    str | None,
    typer.Option("--calculator", help="Any calculator of ASE, as package.module:Class."),
]
Kwargs = Annotated[
    str, typer.Option(help="What the calculator is made with, as JSON; files are copied.")
]
ModelIds = Annotated[
    list[str] | None, typer.Option("--model", help="A stored model instead, by id; may come twice.")
]
DatasetName = Annotated[
    str, typer.Option("--dataset", help="Name, name@version or id of the dataset.")
]
Parts = Annotated[
    list[str] | None,
    typer.Option("--part", help="Part of the dataset; left out, all but train and validation."),
]
Python = Annotated[
    str | None, typer.Option(help="Interpreter that has the calculator; left out, this one.")
]
Name = Annotated[str | None, typer.Option(help="What tables call the calculator.")]
Studies = Annotated[
    list[str] | None,
    typer.Option("--with", help="A study to measure it in, too, such as phonons; may come twice."),
]
StudySetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Setting of a study, as STUDY.key=value, such as phonons.displacement_A=0.03."
    ),
]
FrameLimit = Annotated[
    float, typer.Option(help="A frame that takes the calculator longer, in s, counts as failed.")
]
GiveUpAfter = Annotated[
    int, typer.Option(help="So many frames in a row that end its process end the evaluation.")
]


def bench(
    dataset: DatasetName,
    calculator: CalculatorName = None,
    kwargs: Kwargs = "{}",
    model: ModelIds = None,
    part: Parts = None,
    python: Python = None,
    name: Name = None,
    study: Studies = None,
    setting: StudySetting = None,
    frame_limit: FrameLimit = 300.0,
    give_up_after: GiveUpAfter = 20,
    energy_reference: Annotated[
        str, typer.Option(help="How the energy MAV is referenced: mean-per-atom, ...")
    ] = "mean-per-atom",
    output: WorkflowFile = None,
    workdir: Workdir = Path("tm23-run"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure any calculator of ASE as trained models are measured (docs/howto/benchmark.md).

    Frames that it fails on are counted and named, and the rest is evaluated. With a
    calculator from elsewhere its code is run: use this for code that you trust.
    """
    from tm23flows.flows.benchmark import BenchmarkMaker
    from tm23flows.store.archive import Archive

    _check_words(calculator, model, kwargs, python, name)
    archive = Archive.open()
    data = archive.dataset(dataset)
    told = {
        "calculator": calculator,
        "kwargs": _read_kwargs(kwargs),
        "name": name,
        "frame_limit_s": frame_limit,
        "give_up_after": give_up_after,
    }
    maker = BenchmarkMaker(
        calculator=None if calculator is None else told,
        python=python,
        model_ids=_model_ids(archive, model or []),
        parts=part or [],
        energy_reference=energy_reference,
        studies=_studies(study or [], setting or []),
    )
    flow = maker.make(archive, data)  # says what is wrong before anything runs
    if output is not None:
        check_output(output)
        write_workflow(flow, output)
        return
    maker = _registered(archive, maker)
    outputs, lost = _run(maker.make(archive, data), workdir)
    show_results(archive, maker.model_ids, outputs, lost, as_json)
    if lost:
        raise typer.Exit(1)


def _run(flow: Flow, workdir: Path) -> tuple[list[Any], dict[str, str]]:
    """Run all jobs that can be run; return their outputs, and why others failed by their names."""
    log = workdir / "jobflow.log"
    said_before = log.stat().st_size if log.is_file() else 0
    names = job_names(flow)
    outputs = run_here(flow, workdir, keep_going=True)
    reasons = reasons_of(log.read_bytes()[said_before:].decode(errors="replace"))
    lost = [name for uuid, name in names.items() if uuid not in outputs]
    told = {name: reasons.get(name, "what it needs has failed") for name in lost}
    return list(outputs.values()), told


def _check_words(
    calculator: str | None,
    model: list[str] | None,
    kwargs: str,
    python: str | None,
    name: str | None,
) -> None:
    if calculator is None and not model:
        raise InputError("Name what is measured: --calculator package.module:Class or --model ID.")
    if calculator is None and (kwargs != "{}" or python or name):
        raise InputError("--kwargs, --python and --name belong to a --calculator.")


def _read_kwargs(text: str) -> dict[str, Any]:
    from tm23flows.store.decode import refuse_code

    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"--kwargs takes JSON such as '{{\"cutoff\": 5}}' ({error}).") from error
    if not isinstance(read, dict):
        raise InputError(
            f"--kwargs takes names and values, such as '{{\"cutoff\": 5}}', not {text}."
        )
    refuse_code(read, ())  # jobs carry them, and who runs a job decodes it
    return read


def _model_ids(archive: Archive, prefixes: list[str]) -> list[str]:
    from tm23flows.cli.train import find_model

    return list(dict.fromkeys(find_model(archive, one).id for one in prefixes))


def _studies(names: list[str], words: list[str]) -> dict[str, dict[str, Any]]:
    from tm23flows.cli.train import settings_of

    studies: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings_of(words).items():
        name, dot, field = key.partition(".")
        if not dot or name not in studies:
            raise InputError(
                f"--set takes STUDY.key=value of a study that --with names, not '{key}'."
            )
        studies[name][field] = value
    return studies


def _registered(archive: Archive, maker: BenchmarkMaker) -> BenchmarkMaker:
    """Register the calculator at once: what is wrong with it is one sentence, not a log."""
    from dataclasses import replace

    from tm23flows.jobs.benchmark import store_calculator

    if maker.calculator is None:
        return maker
    model = store_calculator(archive, maker.calculator, maker.python)
    ids = list(dict.fromkeys([model.id, *maker.model_ids]))
    return replace(maker, calculator=None, python=None, model_ids=ids)
