"""What ``tm23 bench`` shows: errors beside those of other models, frames and jobs that failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from tm23flows.cli.console import console, fail, print_json

if TYPE_CHECKING:
    from tm23flows.documents.evaluation import Evaluation
    from tm23flows.documents.model import Model
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

    models = {one.id: one for one in archive.get_many(Model, model_ids)}
    said = [one for one in outputs if isinstance(one, dict)]
    ids = [one["evaluation_id"] for one in said if "evaluation_id" in one]
    evaluations = archive.get_many(Evaluation, ids)
    studies = [one["study_id"] for one in said if "study_id" in one]
    if as_json:
        print_json(
            {
                "models": [{"model_id": one.id, "name": one.title} for one in models.values()],
                "evaluations": [_as_dict(one, models[one.model_id]) for one in evaluations],
                "studies": studies,
                "failed_jobs": lost,
            }
        )
        return
    for one in models.values():
        typer.echo(f"model {one.id} ({one.title})")
    if evaluations:
        _print_table(archive, evaluations)
    for one in evaluations:
        for line in _failure_lines(one, models[one.model_id]):
            typer.echo(line)
    for key in studies:
        typer.echo(f"study {key}; see 'tm23 study show {key[:12]}'")
    for name, why in lost.items():
        fail(f"{name} failed: {why}")
    typer.echo("next: 'tm23 report' writes the page with all of it")


def _print_table(archive: Archive, evaluations: list[Evaluation]) -> None:
    """Show the models beside all that were measured on the same frames."""
    from tm23flows.documents.model import Model
    from tm23flows.report.tables import error_rows, format_error_table, noise_rows

    same = {(one.dataset_id, one.part, one.energy_reference) for one in evaluations}
    rows = [
        row
        for dataset_id in sorted({one.dataset_id for one in evaluations})
        for row in error_rows(archive, dataset_id)
        if row.frames in same
    ]
    models = archive.get_many(Model, {row.model_id: None for row in rows})
    titles = {one.id: one.title for one in models}
    rows = [replace(row, trainer=titles[row.model_id]) for row in rows]
    noise = [row for one in sorted({key[0] for key in same}) for row in noise_rows(archive, one)]
    console().print(format_error_table(rows, noise))


def _failure_lines(one: Evaluation, model: Model) -> list[str]:
    if not one.failures:
        return [f"{model.title}, {one.part}: no frame failed"]
    total = one.errors[0].n_frames + len(one.failures)
    said = f"{len(one.failures)} of {total} frames failed; the errors are of the others"
    lines = [f"{model.title}, {one.part}: {said}"]
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
