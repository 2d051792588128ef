"""What ``tm23 bench`` shows: errors beside those of other models, frames and jobs that failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from tm23flows.cli.console import console, fail, print_json, table_of

if TYPE_CHECKING:
    from tm23flows.documents.evaluation import Evaluation
    from tm23flows.documents.model import Model
    from tm23flows.report.benchmark.verdict import EnergyOffset, Verdict
    from tm23flows.store.archive import Archive

SHOWN_FAILURES = 10
"""More frames that failed are only counted on the screen; JSON and the report have them all."""


def reasons_of(log: str) -> dict[str, str]:
    """Find in jobflow's log why jobs failed.

    Parameters
    ----------
    log
        The text.

    Returns
    -------
    The last line of the traceback, by the name of the job.
    """
    found = {}
    for name, trace in re.findall(
        r"INFO ([^\n]+?) failed with exception:\n(.*?)(?=^\d{4}-\d\d-\d\d |\Z)",
        log,
        re.MULTILINE | re.DOTALL,
    ):
        lines = [line.strip() for line in trace.splitlines() if line.strip()]
        found[name] = re.sub(r"^(\w+\.)*\w+: ", "", lines[-1]) if lines else "no reason was given"
    return found


def show_results(
    archive: Archive,
    model_ids: Sequence[str],
    outputs: Sequence[Any],
    lost: dict[str, str],
    as_json: bool,
) -> None:
    """Print what came out of a benchmark.

    Parameters
    ----------
    archive
        The archive.
    model_ids
        The models that were measured.
    outputs
        What the jobs returned; those with an ``evaluation_id`` or a ``study_id`` are shown.
    lost
        Why jobs failed, by their names.
    as_json
        Whether to print JSON, with every frame that failed.
    """
    from tm23flows.documents.evaluation import Evaluation
    from tm23flows.documents.model import Model
    from tm23flows.report.benchmark.significance import significance_rows
    from tm23flows.report.benchmark.verdict import offset_row, verdict_of

    models = {one.id: one for one in archive.get_many(Model, model_ids)}
    said = [one for one in outputs if isinstance(one, dict)]
    ids = [one["evaluation_id"] for one in said if "evaluation_id" in one]
    evaluations = archive.get_many(Evaluation, ids)
    studies = [one["study_id"] for one in said if "study_id" in one]
    verdict = verdict_of(archive, evaluations)
    if as_json:
        print_json(
            {
                "models": [{"model_id": one.id, "name": one.title} for one in models.values()],
                "evaluations": [
                    _as_dict(one, models[one.model_id]) | offset_row(offset)
                    for one, offset in zip(evaluations, verdict.offsets, strict=True)
                ],
                "comparisons": significance_rows(verdict.pairs),
                "trained_on_test_frames": verdict.seen,
                "studies": studies,
                "failed_jobs": lost,
            }
        )
        return
    _print_results(archive, models, evaluations, verdict)
    for key in studies:
        typer.echo(f"study {key}; see 'tm23 study show {key[:12]}'")
    for name, why in lost.items():
        fail(f"{name} failed: {why}")
    typer.echo("next: 'tm23 report' writes the page with all of it")


def _print_results(
    archive: Archive, models: dict[str, Model], evaluations: list[Evaluation], verdict: Verdict
) -> None:
    from tm23flows.documents.dataset import Dataset
    from tm23flows.report.benchmark.significance import significance_table
    from tm23flows.report.benchmark.verdict import published_line

    for one in models.values():
        typer.echo(f"model {one.id} ({one.title})")
    if evaluations:
        _print_table(archive, evaluations)
    forces = [pair for pair in verdict.pairs if pair.judged.difference.quantity == "force"]
    if forces:
        console().print(table_of(significance_table(forces)))
    for one, offset in zip(evaluations, verdict.offsets, strict=True):
        for line in _lines(one, models[one.model_id], offset):
            typer.echo(line)
    for line in verdict.seen:
        typer.echo(line)
    for element in sorted({archive.get(Dataset, one.dataset_id).element for one in evaluations}):
        if line := published_line(element):
            typer.echo(line)


def _print_table(archive: Archive, evaluations: list[Evaluation]) -> None:
    """Show the models beside all that were measured on the same frames."""
    from tm23flows.report.tables import error_rows, format_error_table, noise_rows

    same = {(one.dataset_id, one.part, one.energy_reference) for one in evaluations}
    rows = [
        row
        for dataset_id in sorted({one.dataset_id for one in evaluations})
        for row in error_rows(archive, dataset_id)
        if row.frames in same
    ]
    noise = [row for one in sorted({key[0] for key in same}) for row in noise_rows(archive, one)]
    console().print(format_error_table(rows, noise))


def _lines(one: Evaluation, model: Model, offset: EnergyOffset) -> list[str]:
    from tm23flows.report.benchmark.verdict import offset_line

    what = f"{model.title}, {one.part}"
    lines = [f"{what}: {offset_line(offset)}"] if offset.matters else []
    if not one.failures:
        return [*lines, f"{what}: no frame failed"]
    total = one.errors[0].n_frames + len(one.failures)
    said = f"{len(one.failures)} of {total} frames failed; the errors are of the others"
    lines.append(f"{what}: {said}")
    lines += [f"  label {f.label_id[:12]}: {f.reason}" for f in one.failures[:SHOWN_FAILURES]]
    left = len(one.failures) - SHOWN_FAILURES
    return lines if left <= 0 else [*lines, f"  and {left} more; see --json"]


def _as_dict(one: Evaluation, model: Model) -> dict[str, Any]:
    return {
        "evaluation_id": one.id,
        "model_id": model.id,
        "name": model.title,
        "part": one.part,
        "errors": {group.group: group.model_dump(exclude={"group"}) for group in one.errors},
        "n_failed": len(one.failures),
        "failures": [failed.model_dump() for failed in one.failures],
    }
