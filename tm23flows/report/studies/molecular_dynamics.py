"""The study of molecular dynamics with models on its page: sentences, tables and figures.

Owns how it is shown. What failed, melted or is undefined is in the study, and stays in every table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.documents.studies.molecular_dynamics import MolecularDynamicsResults, RunRow
from tm23flows.documents.study import Study
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    PALETTE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import NOT_THERE, number_text
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

REFERENCE = "labels"
"""What tables call the run of the program that made the labels."""

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

Names = dict[str | None, str]


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


def draw_rdfs(r_A: Sequence[float], rows: Sequence[RunRow], names: Names) -> Drawing | None:
    """Draw g(r) of the reference and of the models, a panel for each temperature.

    Parameters
    ----------
    r_A
        Centres of the bins, A.
    rows
        Runs of one metal.
    names
        What the models are called, by id.

    Returns
    -------
    The figure; None where no run has a g(r).
    """
    there = [row for row in rows if row.g is not None]
    if not there:
        return None
    caption = (
        "Grey: the run, or the frames, of the labels; in colour: runs with models that begin at "
        "the same structure. A run that failed is drawn with its sound steps."
    )
    with style():
        figure, panels, regimes = _panels(there)
        for axes, regime in zip(panels, regimes, strict=True):
            for row in (one for one in there if one.regime == regime):
                _line(axes, row, r_A, row.g or (), rows, names)
            axes.set(title=plain(regime), xlabel="r / Å")
            axes.set_ylim(bottom=0)
        panels[0].set_ylabel("g(r)")
        panels[-1].legend()
        title = f"Radial distribution functions with models and labels: {rows[0].element}"
        return finish(figure, title, caption)


def draw_displacements(rows: Sequence[RunRow], names: Names) -> Drawing | None:
    """Draw mean-square displacements against time, a panel for each temperature.

    Parameters
    ----------
    rows
        Runs of one metal.
    names
        What the models are called, by id.

    Returns
    -------
    The figure; None where no run has any.
    """
    there = [row for row in rows if row.msd_ps]
    if not there:
        return None
    caption = (
        "Averages over atoms and over all intervals of that length up to half the run, without "
        "the drift of all atoms. A crystal stays level, a melt rises in a straight line."
    )
    with style():
        figure, panels, regimes = _panels(there)
        for axes, regime in zip(panels, regimes, strict=True):
            for row in (one for one in there if one.regime == regime):
                _line(axes, row, row.msd_ps, row.msd_A2, rows, names)
            axes.set(title=plain(regime), xlabel="time / ps")
            axes.set_ylim(bottom=0)
        panels[0].set_ylabel("mean-square displacement / Å²")
        panels[-1].legend()
        return finish(figure, f"Mean-square displacements: {rows[0].element}", caption)


def _panels(rows: Sequence[RunRow]) -> tuple:
    regimes = list(dict.fromkeys(row.regime for row in rows))
    figure, panels = canvas(len(regimes), 3.4, 3.1)
    return figure, panels, regimes


def _line(
    axes: Axes,
    row: RunRow,
    x: Sequence[float],
    y: Sequence[float],
    rows: Sequence[RunRow],
    names: Names,
) -> None:
    if row.is_reference:
        axes.plot(x, y, color=NOISE_COLOUR, lw=2.6, label=REFERENCE)
        return
    models = list(dict.fromkeys(one.model_id for one in rows if not one.is_reference))
    colour = PALETTE[models.index(row.model_id) % len(PALETTE)]
    dashes = "--" if row.failure is not None else "-"
    label = f"{names[row.model_id]}{', failed' if row.failure is not None else ''}"
    axes.plot(x, y, color=colour, lw=1.2, ls=dashes, label=plain(label))


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
    return _table(
        f"{element}: stability",
        STABILITY,
        [
            (
                *_head(row, names),
                f"{row.n_steps} of {row.asked_steps}",
                _failure(row),
                _number(row.temperature_mean_K, ".0f"),
                _number(row.drift_meV_per_atom_per_ps, ".2f"),
                _number(row.min_distance_A, ".2f"),
            )
            for row in rows
        ],
        STABILITY_NOTE,
    )


def _structure_table(element: str, rows: Sequence[RunRow], names: Names) -> StudyTable:
    return _table(
        f"{element}: structure and motion",
        STRUCTURE,
        [
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
        ],
        STRUCTURE_NOTE,
    )


def _table(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], note: str
) -> StudyTable:
    return StudyTable(title=title, columns=columns, rows=tuple(rows), note=note)


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
