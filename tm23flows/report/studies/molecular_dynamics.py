"""The study of molecular dynamics with models on its page: sentences and tables.

Owns how it is shown; its figures are in
:mod:`tm23flows.report.studies.molecular_dynamics_figures`. What failed, melted or is undefined is
in the study, and stays in every table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.documents.studies.molecular_dynamics import MolecularDynamicsResults, RunRow
from tm23flows.documents.study import Study
from tm23flows.report.quantities import NOT_THERE, number_text
from tm23flows.report.studies.molecular_dynamics_figures import (
    REFERENCE,
    Names,
    draw_displacements,
    draw_rdfs,
)
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

STABILITY = (
    "run", "with", "steps", "first failure", "mean T / K", "drift / (meV/atom/ps)",
    "smallest distance / Å",
)  # fmt: skip
STRUCTURE = (
    "run", "with", "g(r) difference / %", "verdict", "g_min / g_max", "atoms that left / %",
    "D / (Å²/ps)",
)  # fmt: skip
STABILITY_NOTE = (
    "A failure is the first step that is too hot, has atoms too close or conserved energy too far "
    "off (limits in the settings), or the end of a run by an error. Means and drift are of the "
    "steps before it."
)
STRUCTURE_NOTE = (
    "The difference is ours: the integral of |g - g_ref| over that of g_ref. In the rows of the "
    "labels it is the difference between the halves of their run: what is below that says nothing. "
    "D has its 95 % interval; 1 Å²/ps is 1e-8 m²/s; no correction for the size of the cell."
)


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a study of molecular dynamics.

    Parameters
    ----------
    archive
        The archive, for the names of the models.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    results = study.results
    if not isinstance(results, MolecularDynamicsResults):
        raise TypeError(f"{study.id} is no study of molecular dynamics")
    names = _names(archive, results.runs)
    tables, drawings = [], []
    for element in dict.fromkeys(row.element for row in results.runs):
        rows = [row for row in results.runs if row.element == element]
        tables += [_stability_table(element, rows, names), _structure_table(element, rows, names)]
        drawings += [
            one
            for one in (draw_rdfs(results.r_A, rows, names), draw_displacements(rows, names))
            if one is not None
        ]
    return StudySection(
        title=f"Molecular dynamics of {' and '.join(study.elements)}",
        answer=tuple(_sentences(results.runs, names)),
        tables=tuple(tables),
        drawings=tuple(drawings),
    )


def _names(archive: Archive, rows: Sequence[RunRow]) -> Names:
    """Call models what they are called, with some of the id where two are called alike."""
    ids = list(dict.fromkeys(row.model_id for row in rows if row.model_id))
    titles = {one: archive.get(Model, one).title for one in ids}
    names: Names = {None: "a model that was not trained"}
    for key, title in titles.items():
        alike = list(titles.values()).count(title) > 1
        names[key] = f"{title} {key[:8]}" if alike else title
    return names


def _sentences(rows: Sequence[RunRow], names: Names) -> Iterator[str]:
    of_models = [row for row in rows if not row.is_reference]
    failed = [row for row in of_models if row.failure is not None]
    yield f"{len(of_models)} runs with models, {len(failed)} of them failed."
    for model in dict.fromkeys(row.model_id for row in of_models):
        own = [row for row in of_models if row.model_id == model]
        lost = [row for row in own if row.failure is not None]
        yield (
            f"{names[model]}: {len(own) - len(lost)} of {len(own)} runs sound to the end"
            + (f"; first failure {_earliest(lost)}" if lost else "")
            + "."
        )
    for row in rows:
        if row.is_reference and row.melting.verdict:
            beside = [
                f"{names[one.model_id]} {one.melting.verdict or 'not known'}"
                for one in of_models
                if _place(one) == _place(row)
            ]
            said = f"; {', '.join(beside)}" if beside else ""
            yield f"{row.element} {row.regime}: {REFERENCE} {row.melting.verdict}{said}."


def _earliest(rows: Sequence[RunRow]) -> str:
    times = {row.failure.time_ps: row for row in rows if row.failure is not None}
    row = times[min(times)]
    return f"after {min(times):.3g} ps ({row.regime})"


def _place(row: RunRow) -> tuple[str, str, str, str | None]:
    run = row.trajectory_id if row.is_reference else row.reference_id
    return row.element, row.dataset_id, row.regime, run


def _stability_table(element: str, rows: Sequence[RunRow], names: Names) -> StudyTable:
    return StudyTable(
        title=f"{element}: stability",
        columns=STABILITY,
        rows=tuple(
            (
                *_head(row, names),
                f"{row.n_steps} of {row.asked_steps}",
                _failure(row),
                _number(row.temperature_mean_K, ".0f"),
                _number(row.drift_meV_per_atom_per_ps, ".2f"),
                _number(row.min_distance_A, ".2f"),
            )
            for row in rows
        ),
        note=STABILITY_NOTE,
        documents=_documents(rows),
    )


def _structure_table(element: str, rows: Sequence[RunRow], names: Names) -> StudyTable:
    return StudyTable(
        title=f"{element}: structure and motion",
        columns=STRUCTURE,
        rows=tuple(
            (
                *_head(row, names),
                NOT_THERE if row.rdf_difference is None else number_text(100 * row.rdf_difference),
                _melting(row),
                _number(row.melting.min_over_max, ".3f"),
                NOT_THERE
                if row.melting.moved_share is None
                else f"{100 * row.melting.moved_share:.0f}",
                _diffusion(row),
            )
            for row in rows
        ),
        note=STRUCTURE_NOTE,
        documents=_documents(rows),
    )


def _documents(rows: Sequence[RunRow]) -> tuple[str, ...]:
    """Return the run of each row, or what there is where nothing ran."""
    return tuple(row.trajectory_id or row.model_id or row.dataset_id for row in rows)


def _head(row: RunRow, names: Names) -> tuple[str, str]:
    at = f" {row.temperature_K:.0f} K" if row.temperature_K is not None else ""
    return f"{row.regime}{at}", REFERENCE if row.is_reference else names[row.model_id]


def _failure(row: RunRow) -> str:
    if row.failure is None:
        return "none" if row.trajectory_id is not None else NOT_THERE
    if row.failure.kind == "not begun":
        return f"not begun: {row.failure.reason}"
    return f"{row.failure.kind} at {row.failure.time_ps:.3g} ps: {row.failure.reason}"


def _melting(row: RunRow) -> str:
    said = row.melting.verdict or "not known"
    return f"{said}: {row.melting.reason}" if row.melting.reason else said


def _diffusion(row: RunRow) -> str:
    value = row.diffusion.value_A2_per_ps
    if value is None:
        return f"undefined: {row.diffusion.reason}"
    return f"{value.value:.3g} ({value.low:.3g} to {value.high:.3g})"


def _number(value: float | None, digits: str) -> str:
    return NOT_THERE if value is None else f"{value:{digits}}"
