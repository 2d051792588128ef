"""``tm23 learning-curve``: how the error falls with the number of training frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.console import print_json
from tm23flows.cli.execution import Workdir, WorkflowFile, check_output, run_here, write_workflow
from tm23flows.cli.train import Json, Setting, TrainerName, settings_of
from tm23flows.errors import InputError, TrainingError

if TYPE_CHECKING:
    from tm23flows.documents.learning_curve import CurveFit, LearningCurve
    from tm23flows.store.archive import Archive


def learning_curve(
    trainer: TrainerName,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            help="Name that 'tm23 dataset create NAME --split learning-curve' was given.",
        ),
    ],
    sizes: Annotated[
        str, typer.Option(help="Numbers of frames, such as 100,300; left out, all there are.")
    ] = "",
    l_max: Annotated[
        str, typer.Option("--l-max", help="Angular momenta such as 1,2: a curve for each.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="Seeds such as 0,1: a curve for each.")] = "0",
    setting: Setting = None,
    output: WorkflowFile = None,
    workdir: Workdir = Path("tm23-run"),
    as_json: Json = False,
) -> None:
    """Train on each size, measure on the same frames, and fit a power law.

    FLARE grows one model through the sizes. Sizes that were trained before are found.
    """
    from tm23flows.flows.learning_curve import make_learning_curve
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    if output is not None:
        check_output(output)
    flow = make_learning_curve(
        trainer,
        dataset,
        settings_of(setting or []),
        l_max=_wholes("--l-max", l_max),
        seeds=_wholes("--seeds", seeds),
        sizes=_wholes("--sizes", sizes),
    )
    if output is not None:
        write_workflow(flow, output)
        return
    curves = _fitted(archive, run_here(flow, workdir, keep_going=True), workdir)
    if as_json:
        print_json([one.model_dump(mode="json", exclude={"provenance"}) for one in curves])
        return
    for one in curves:
        for line in curve_lines(one):
            typer.echo(line)


def _fitted(archive: Archive, outputs: dict[str, Any], workdir: Path) -> list[LearningCurve]:
    """Return the curves that the jobs have made."""
    from tm23flows.documents.learning_curve import LearningCurve

    ids = [
        one["learning_curve_id"]
        for one in outputs.values()
        if isinstance(one, dict) and "learning_curve_id" in one
    ]
    if not ids:
        raise TrainingError(
            f"No learning curve could be fitted; {workdir / 'jobflow.log'} says why."
        )
    return archive.get_many(LearningCurve, ids)


def curve_lines(curve: LearningCurve) -> list[str]:
    """Put a learning curve into words.

    Parameters
    ----------
    curve
        The curve.

    Returns
    -------
    Its sizes, its fits, and what is missing.
    """
    what = f"{curve.element} {curve.trainer}"
    what += "" if curve.l_max is None else f", l_max {curve.l_max}"
    lines = [f"learning curve {curve.id[:12]}: {what}, seed {curve.seed}"]
    for point in curve.points:
        if point.force is None:
            lines.append(f"  {point.n_train} frames: missing")
        else:
            percent = "" if point.force.percent is None else f" ({point.force.percent:.2f} %)"
            lines.append(
                f"  {point.n_train} frames: force {1000 * point.force.mae:.2f} meV/A{percent}"
            )
    lines += [f"  {_fit_words(fit)}" for fit in curve.fits]
    return [*lines, curve.reason] if curve.reason else lines


def _fit_words(fit: CurveFit) -> str:
    said = f"{fit.group}: force MAE = {fit.prefactor:.4g} eV/A * N^{fit.exponent:.3f}"
    if fit.r_squared is not None:
        said += f", R^2 {fit.r_squared:.3f}"
    if (interval := fit.interval) is not None:
        said += f", exponent between {interval.low:.3f} and {interval.high:.3f}"
        said += "" if interval.trusted else " (too few independent test frames to trust)"
    return said


def _wholes(option: str, text: str) -> list[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() for word in words):
        raise InputError(f"{option} takes whole numbers such as 1,2,3, not '{text}'.")
    return [int(word) for word in words]
