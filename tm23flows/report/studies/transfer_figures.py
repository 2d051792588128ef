"""The figures of the transfer study: a heatmap for every model, and the article's transfer.

Owns how errors are drawn, and how the trainings of a metal are sorted into models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.transfer import (
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.report.plotting import (
    OTHER_STYLE,
    REGIME_STYLE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS_PER_ROW = 3


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
    models = models_of(metal, "matrix")
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
        dict.fromkeys(name for metal in results.metals for name in models_of(metal, "article"))
    )
    width = max(4.0, 0.55 * len(results.metals) + 2.0)
    with style():
        figure, panels = canvas(1, width, 2.7, len(models))
        for panel, name in zip(panels, models, strict=True):
            rows = [
                (place, row)
                for place, metal in enumerate(results.metals)
                for row in models_of(metal, "article").get(name, [])
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


def trainings_of(metal: TransferMetal, protocol: str) -> list[TransferTraining]:
    """Choose the trainings of one protocol.

    Parameters
    ----------
    metal
        One metal of the study.
    protocol
        matrix or article.

    Returns
    -------
    Its trainings, in their order.
    """
    return [one for one in metal.trainings if one.protocol == protocol]


def models_of(metal: TransferMetal, protocol: str) -> dict[str, list[TransferTraining]]:
    """Choose the trainings of one protocol, model by model.

    Parameters
    ----------
    metal
        One metal of the study.
    protocol
        matrix or article.

    Returns
    -------
    The trainings of each model of the road, by what to call it.
    """
    found: dict[str, list[TransferTraining]] = {}
    for one in trainings_of(metal, protocol):
        found.setdefault(one.called, []).append(one)
    return found


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
