"""The transfer study on its page: sentences and tables.

Owns how it is told; figures are :mod:`tm23flows.report.studies.transfer_figures`. Errors and
verdicts are in the study.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    TransferCell,
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.documents.study import Study
from tm23flows.report.comparisons import ComparisonRow
from tm23flows.report.label_noise import NOISE_NOTE, Key, noise_of_evaluations, noise_text
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.report.studies.transfer_figures import (
    draw_article,
    draw_matrix,
    models_of,
    trainings_of,
)

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

COLUMNS = (
    "metal", "model", "trained on", "frames", "tested on", "frames", "force MAE / (meV/Å)",
    "force error / %", "label noise of forces / %", "energy MAE / (meV/atom)",
    "stress MAE / (meV/Å³)",
    "more than the model of that temperature / points", "verdict",
)  # fmt: skip
ORDERS = {
    "rises": "its force error in percent rises from {first} to {last}",
    "falls": "its force error in percent falls from {first} to {last}",
    "unresolved": "whether its force error in percent rises from {first} to {last} is not resolved",
}


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a transfer study.

    Parameters
    ----------
    archive
        The archive, for the label noise; all else is in the study.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.

    Raises
    ------
    TypeError
        If it is another study.
    """
    results = study.results
    if not isinstance(results, TransferResults):
        raise TypeError(f"{study.id} is no transfer study")
    level = _level(study)
    noise = noise_of_evaluations(archive, _evaluations(results))
    titles = {
        "matrix": "Every temperature against every temperature",
        "article": "The article's transfer: all frames of one temperature",
    }
    tables = [_table(study, one, title, level, noise) for one, title in titles.items()]
    drawings = [draw_matrix(one, level) for one in results.metals if trainings_of(one, "matrix")]
    if any(trainings_of(one, "article") for one in results.metals):
        drawings.append(draw_article(results, level))
    return StudySection(
        title=f"Transfer study of {' and '.join(study.elements)}",
        answer=tuple(one for metal in results.metals for one in _sentences(metal)),
        tables=tuple(one for one in tables if one.rows),
        drawings=tuple(drawings),
    )


def _evaluations(results: TransferResults) -> set[str]:
    cells = (cell for metal in results.metals for row in metal.trainings for cell in row.cells)
    return {cell.evaluation_id for cell in cells if cell.evaluation_id is not None}


def _level(study: Study) -> str:
    resampling = study.settings.get("resampling")
    level = resampling.get("level") if isinstance(resampling, dict) else None
    return f"{100 * level:g} %" if isinstance(level, float) else "the stated level"


def _sentences(metal: TransferMetal) -> Iterator[str]:
    for name, rows in models_of(metal, "article").items():
        for row in rows:
            yield f"{metal.element}, {name}: trained on all {row.trained_on} frames, {_told(row)}"
    for name, rows in models_of(metal, "matrix").items():
        judged = [
            (row.trained_on, cell.tested_on, cell.penalty.verdict)
            for row in rows
            for cell in row.cells
            if cell.penalty
        ]
        if not judged:
            continue
        worse = [f"{one} to {other}" for one, other, verdict in judged if verdict == "worse"]
        better = [f"{one} to {other}" for one, other, verdict in judged if verdict == "better"]
        yield (
            f"{metal.element}, {name}: against the model that was trained at the tested "
            f"temperature, {len(worse)} of {len(judged)} transfers are worse"
            f"{_listed(worse)}, {len(better)} are better{_listed(better)}, and "
            f"{len(judged) - len(worse) - len(better)} are not resolved."
        )


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _told(row: TransferTraining) -> str:
    if not any(cell.force for cell in row.cells):
        return f"it was not measured: {row.cells[0].reason}."
    parts = [
        f"{_percent(cell.force)} on {cell.tested_on}" if cell.force else f"none on {cell.tested_on}"
        for cell in row.cells
    ]
    told = f"the force error in percent is {' and '.join(parts)}"
    if row.rise is None:
        return f"{told}."
    words = ORDERS[row.rise.verdict].format(first=row.rise.first, last=row.rise.last)
    return f"{told}; {words}."


def _table(
    study: Study, protocol: str, title: str, level: str, noise: dict[Key, ComparisonRow]
) -> StudyTable:
    results = study.results
    assert isinstance(results, TransferResults)
    rows, documents = [], []
    for metal in results.metals:
        for row in trainings_of(metal, protocol):
            rows += [_cells(metal, row, cell, noise) for cell in row.cells]
            documents += [cell.evaluation_id or row.model_id or study.id for cell in row.cells]
    note = (
        f"Intervals of {level} from blocks of test frames. * fewer independent frames than an "
        "interval needs to be wide enough."
    )
    if protocol == "matrix":
        note += (
            " The last two columns compare, on the same draws of the same frames, with the model "
            "of the same kind that was trained at the tested temperature; p values of one metal "
            "are adjusted for each other by Holm's rule."
        )
    note += f" {NOISE_NOTE}" if noise else ""
    kept = len(COLUMNS) if protocol == "matrix" else len(COLUMNS) - 2
    return StudyTable(title, COLUMNS[:kept], tuple(one[:kept] for one in rows), note, documents)


def _cells(
    metal: TransferMetal,
    row: TransferTraining,
    cell: TransferCell,
    noise: dict[Key, ComparisonRow],
) -> tuple[str, ...]:
    head = (metal.element, row.called, row.trained_on, str(row.n_train), cell.tested_on)
    if cell.force is None:
        # The reason stands where the first number would be.
        return (*head, NOT_THERE, cell.reason, *[NOT_THERE] * 6)
    star = "" if cell.trusted or cell.reason else "*"
    failed = f" ({cell.n_failed} failed)" if cell.n_failed else ""
    penalty = cell.penalty
    return (
        *head,
        f"{cell.n_frames}{star}{failed}",
        _mae(cell.force),
        _percent(cell.force),
        noise_text(noise, (cell.evaluation_id or "", "all")),
        _mae(cell.energy),
        _mae(cell.stress),
        NOT_THERE if penalty is None else _text(penalty.percent),
        NOT_THERE if penalty is None else penalty.verdict,
    )


def _mae(errors: BoundedErrors | None) -> str:
    return NOT_THERE if errors is None else _text(errors.mae, MEV_PER_EV)


def _percent(errors: BoundedErrors) -> str:
    return _text(errors.percent)


def _text(found: Bounded | None, scale: float = 1.0) -> str:
    if found is None:
        return UNDEFINED
    value = number_text(scale * found.value)
    if found.low is None or found.high is None:
        return value
    return f"{value} ({number_text(scale * found.low)} to {number_text(scale * found.high)})"
