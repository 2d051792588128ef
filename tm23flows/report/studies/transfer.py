"""The transfer study on its page: sentences, tables, and a heatmap for every model.

Owns how it is shown. Errors and verdicts are in the study.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    TransferCell,
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.documents.study import Study
from tm23flows.report.plotting import (
    OTHER_STYLE,
    REGIME_STYLE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

COLUMNS = (
    "metal", "model", "trained on", "frames", "tested on", "frames", "force MAE / (meV/Å)",
    "force error / %", "energy MAE / (meV/atom)", "stress MAE / (meV/Å³)",
    "more than the model of that temperature / points", "verdict",
)  # fmt: skip
ORDERS = {
    "rises": "its force error in percent rises from {first} to {last}",
    "falls": "its force error in percent falls from {first} to {last}",
    "unresolved": "whether its force error in percent rises from {first} to {last} is not resolved",
}
PANELS_PER_ROW = 3


def section(archive: Archive, study: Study) -> StudySection:  # noqa: ARG001 - the same for all
    """Make what is shown of a transfer study.

    Parameters
    ----------
    archive
        The archive; all is in the study.
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
    tables = [
        _table(results, "matrix", "Every temperature against every temperature", level),
        _table(results, "article", "The article's transfer: all frames of one temperature", level),
    ]
    drawings = [draw_matrix(one, level) for one in results.metals if _of(one, "matrix")]
    if any(_of(one, "article") for one in results.metals):
        drawings.append(draw_article(results, level))
    return StudySection(
        title=f"Transfer study of {' and '.join(study.elements)}",
        answer=tuple(one for metal in results.metals for one in _sentences(metal)),
        tables=tuple(one for one in tables if one.rows),
        drawings=tuple(drawings),
    )


def draw_matrix(metal: TransferMetal, level: str) -> Drawing:
    """Draw the force error of each model as a heatmap, trained on against tested on.

    Parameters
    ----------
    metal
        One metal of the study, with a matrix.
    level
        Level of the intervals in words.

    Returns
    -------
    The figure.
    """
    models = _models(metal, "matrix")
    values = {name: _percents(metal, rows) for name, rows in models.items()}
    known = np.concatenate([one[0][np.isfinite(one[0])] for one in values.values()])
    top = float(known.max()) if len(known) else 1.0
    n_columns = min(len(models), PANELS_PER_ROW)
    n_rows = -(-len(models) // n_columns)
    with style():
        figure, panels = canvas(n_columns, 3.4, 3.1, n_rows)
        for panel, (name, shown) in zip(panels, values.items(), strict=False):
            _heatmap(panel, metal.regimes, shown, top)
            panel.set_title(plain(name))
        for panel in panels[len(models) :]:
            panel.remove()
        return finish(
            figure,
            f"Force error trained on against tested on: {metal.element}",
            f"100 MAE / MAV of the test frames in percent, with intervals of {level}. All models "
            "of a column are tested on the same frames; on the diagonal they are of the "
            "temperature that the model was trained at. Grey: no number.",
        )


def draw_article(results: TransferResults, level: str) -> Drawing:
    """Draw the force errors of the article's transfer, metal by metal, a row for each model.

    Parameters
    ----------
    results
        The study.
    level
        Level of the intervals in words.

    Returns
    -------
    The figure.
    """
    models = list(
        dict.fromkeys(name for metal in results.metals for name in _models(metal, "article"))
    )
    width = max(4.0, 0.55 * len(results.metals) + 2.0)
    with style():
        figure, panels = canvas(1, width, 2.7, len(models))
        for panel, name in zip(panels, models, strict=True):
            rows = [
                (place, row)
                for place, metal in enumerate(results.metals)
                for row in _models(metal, "article").get(name, [])
            ]
            _draw_metals(panel, rows)
            panel.set_xticks(range(len(results.metals)), [one.element for one in results.metals])
            panel.set_ylabel("force error / %")
            panel.set_xlim(-0.5, len(results.metals) - 0.5)
            trained = " and ".join(dict.fromkeys(row.trained_on for _, row in rows))
            panel.set_title(plain(f"{name}, trained on {trained}"))
        if any(one.get_legend_handles_labels()[0] for one in panels):
            panels[0].legend(title="tested on")
        return finish(
            figure,
            "Transfer of all frames of one temperature to the others",
            f"100 MAE / MAV of the force components; bars are intervals of {level}.",
        )


def _level(study: Study) -> str:
    resampling = study.settings.get("resampling")
    level = resampling.get("level") if isinstance(resampling, dict) else None
    return f"{100 * level:g} %" if isinstance(level, float) else "the stated level"


def _of(metal: TransferMetal, protocol: str) -> list[TransferTraining]:
    return [one for one in metal.trainings if one.protocol == protocol]


def _models(metal: TransferMetal, protocol: str) -> dict[str, list[TransferTraining]]:
    """Return the trainings of each model of the road, by what to call it."""
    found: dict[str, list[TransferTraining]] = {}
    for one in _of(metal, protocol):
        found.setdefault(one.called, []).append(one)
    return found


def _sentences(metal: TransferMetal) -> Iterator[str]:
    for name, rows in _models(metal, "article").items():
        for row in rows:
            yield f"{metal.element}, {name}: trained on all {row.trained_on} frames, {_told(row)}"
    for name, rows in _models(metal, "matrix").items():
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


def _table(results: TransferResults, protocol: str, title: str, level: str) -> StudyTable:
    rows = [
        _cells(metal, row, cell)
        for metal in results.metals
        for row in _of(metal, protocol)
        for cell in row.cells
    ]
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
    kept = len(COLUMNS) if protocol == "matrix" else len(COLUMNS) - 2
    return StudyTable(title, COLUMNS[:kept], tuple(one[:kept] for one in rows), note)


def _cells(metal: TransferMetal, row: TransferTraining, cell: TransferCell) -> tuple[str, ...]:
    head = (metal.element, row.called, row.trained_on, str(row.n_train), cell.tested_on)
    if cell.force is None:
        # The reason stands where the first number would be.
        return (*head, NOT_THERE, cell.reason, *[NOT_THERE] * 5)
    star = "" if cell.trusted or cell.reason else "*"
    failed = f" ({cell.n_failed} failed)" if cell.n_failed else ""
    penalty = cell.penalty
    return (
        *head,
        f"{cell.n_frames}{star}{failed}",
        _mae(cell.force),
        _percent(cell.force),
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


def _percents(
    metal: TransferMetal, rows: Sequence[TransferTraining]
) -> tuple[np.ndarray, dict[tuple[int, int], str]]:
    """Return percent errors, trained down and tested across, and what is written on them."""
    values, written = np.full((len(metal.regimes),) * 2, np.nan), {}
    for row in rows:
        for cell in row.cells:
            place = metal.regimes.index(row.trained_on), metal.regimes.index(cell.tested_on)
            found = None if cell.force is None else cell.force.percent
            if found is None:
                continue
            values[place] = found.value
            written[place] = number_text(found.value)
            if found.low is not None and found.high is not None:
                written[place] += f"\n{number_text(found.low)} to {number_text(found.high)}"
    return values, written


def _heatmap(
    axes: Axes,
    regimes: Sequence[str],
    shown: tuple[np.ndarray, dict[tuple[int, int], str]],
    top: float,
) -> None:
    values, written = shown
    axes.set_facecolor("#d9d9d9")
    axes.imshow(np.ma.masked_invalid(values), cmap="YlOrRd", vmin=0, vmax=top)
    for (row, column), text in written.items():
        colour = "white" if values[row, column] > 0.6 * top else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(regimes)), regimes)
    axes.set_yticks(range(len(regimes)), regimes)
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.grid(visible=False)


def _draw_metals(axes: Axes, rows: Sequence[tuple[int, TransferTraining]]) -> None:
    regimes = list(dict.fromkeys(cell.tested_on for _, row in rows for cell in row.cells))
    top = 0.0
    for number, regime in enumerate(regimes):
        colour, marker = REGIME_STYLE.get(regime, OTHER_STYLE)
        shift = 0.16 * (number - (len(regimes) - 1) / 2)
        places, values, ends = [], [], []
        for place, row in rows:
            cell = row.cell(regime)
            found = cell.force.percent if cell and cell.force else None
            if found is None:
                continue
            places.append(place + shift)
            values.append(found.value)
            low, high = found.low, found.high
            ends.append(
                (0.0, 0.0)
                if low is None or high is None
                else (found.value - low, high - found.value)
            )
        if places:
            bars = np.maximum(np.array(ends).T, 0)
            top = max(top, float((np.array(values) + bars[1]).max()))
            axes.errorbar(
                places, values, yerr=bars, color=colour, marker=marker, ls="", ms=5, capsize=2,
                label=regime,
            )  # fmt: skip
    if top:
        axes.set_ylim(0, 1.15 * top)
    else:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
