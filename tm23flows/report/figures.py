"""The figures about models: parity, errors beside noise, training.

Owns what is drawn of evaluations and models. Everything comes from the archive, so
every figure is drawn again without computing anything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.model import Model
from tm23flows.report.comparisons import ComparisonRow, group_place
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    PALETTE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import QUANTITIES, number_text
from tm23flows.report.tables import ErrorTableRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Curve = tuple[np.ndarray, np.ndarray]
PANELS_PER_ROW = 3
DRAWN = ("loss", "mae", "rmse")
"""Columns of a history with one of these words are drawn, and likelihoods."""


def draw_errors(rows: Sequence[ErrorTableRow], noise: Sequence[ComparisonRow]) -> Drawing:
    """Draw percent errors by group as bars, with the label noise beside them.

    Parameters
    ----------
    rows
        Errors of models on one part of one dataset.
    noise
        Label noise of the same frames; may be empty.

    Returns
    -------
    The figure.
    """
    groups = sorted({row.group for row in rows}, key=group_place)
    models = list(dict.fromkeys(row.title for row in rows))
    series: list[tuple[str, str, Sequence[ErrorTableRow | ComparisonRow]]] = [
        (title, PALETTE[i % len(PALETTE)], [row for row in rows if row.title == title])
        for i, title in enumerate(models)
    ]
    if noise:
        series.append((f"label noise ({noise[0].what})", NOISE_COLOUR, noise))
    caption = "Percent error is 100 MAE / MAV of the labels of the same frames. "
    caption += "A model is not seen to be better than the noise of its labels (hatched)."
    with style():
        figure, axes = canvas(len(QUANTITIES), 3.4, 3.1)
        for panel, quantity in zip(axes, QUANTITIES, strict=True):
            _error_panel(panel, quantity, groups, series)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, map(plain, names), loc="outside lower center", ncols=4)
        return finish(figure, f"Errors on {rows[0].dataset}, {rows[0].part}", caption)


def _error_panel(
    axes: Axes,
    quantity: str,
    groups: list[str],
    series: list[tuple[str, str, Sequence[ErrorTableRow | ComparisonRow]]],
) -> None:
    width = 0.8 / len(series)
    for number, (title, colour, rows) in enumerate(series):
        errors = {row.group: getattr(row, quantity) for row in rows}
        is_noise = title.startswith("label noise")
        heights = [getattr(errors.get(group), "percent", None) for group in groups]
        places = np.arange(len(groups)) + (number - (len(series) - 1) / 2) * width
        bars = axes.bar(
            places,
            [height or 0.0 for height in heights],
            0.9 * width,
            color="white" if is_noise else colour,
            edgecolor=colour,
            hatch="////" if is_noise else None,
            label=title,
        )
        written = ["" if height is None else number_text(height) for height in heights]
        axes.bar_label(bars, written, fontsize=6.5, padding=1, rotation=90)
    axes.margins(y=0.22)
    axes.grid(visible=False, axis="x")
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel("error / % of MAV")
    axes.set_title(f"{quantity} error")


def draw_training(models: Sequence[Model]) -> Drawing | None:
    """Draw the course of each training on a logarithmic axis.

    Parameters
    ----------
    models
        Models, whatever columns their histories have.

    Returns
    -------
    The figure, or None where no model has a history with something to draw.
    """
    courses = [(model, curves(model)) for model in models]
    courses = [(model, lines) for model, lines in courses if lines]
    if not courses:
        return None
    n_columns = min(len(courses), PANELS_PER_ROW)
    n_rows = -(-len(courses) // n_columns)
    caption = "Losses in the trainer's own units, force errors in eV/Å. For a likelihood the "
    caption += "distance below its best value is drawn, each start of the optimisation in turn."
    with style():
        figure, axes = canvas(n_columns, 3.9, 3.0, n_rows)
        for panel, (model, lines) in zip(axes, courses, strict=False):
            _training_panel(panel, model, lines)
        for panel in axes[len(courses) :]:
            panel.remove()
        return finish(figure, "Course of the training", caption)


def _training_panel(axes: Axes, model: Model, lines: dict[str, Curve]) -> None:
    for colour, (name, (x, y)) in zip(cycle(PALETTE), lines.items(), strict=False):
        axes.plot(x, y, color=colour, lw=1.3, marker="." if len(x) < 2 else "", label=plain(name))
    axes.set_yscale("log")
    unit = "epoch" if "epoch" in model.history[0] else "evaluation"
    axes.set_xlabel(unit)
    axes.set_title(
        plain(f"{model.trainer} {model.id[:8]}: {len(model.history)} {unit}s, {model.wall_s:.0f} s")
    )
    if len(lines) == 1:
        axes.set_ylabel(plain(next(iter(lines))))
    else:
        axes.legend()


def curves(model: Model) -> dict[str, Curve]:
    """Choose what to draw of a history: losses, errors, and the gap of a likelihood.

    Parameters
    ----------
    model
        The model.

    Returns
    -------
    Values over their epoch or number, by name; NaN where a logarithmic axis has none and
    between two starts of an optimisation.
    """
    found = {}
    for name in dict.fromkeys(key for row in model.history for key in row):
        if "likelihood" not in name and not any(word in name for word in DRAWN):
            continue
        # likelihoods of fewer frames, from searches on the way, compare with nothing
        of = model.history[-1].get("n_frames")
        rows = [
            (i, row)
            for i, row in enumerate(model.history)
            if name in row and row.get("n_frames") == of
        ]
        x = np.array([row.get("epoch", i) for i, row in rows], dtype=float)
        y = np.array([row[name] for _, row in rows], dtype=float)
        title = name.replace("_", " ").replace("mae", "MAE").replace("rmse", "RMSE")
        if "likelihood" in name:
            best = max(y[np.isfinite(y)], default=np.nan)
            y, title = best - y, f"{title} below best"
        y[~(np.isfinite(y) & (y > 0))] = np.nan
        starts = np.flatnonzero(np.diff([row.get("start", 0.0) for _, row in rows])) + 1
        if not np.isnan(y).all():
            found[title] = (np.insert(x, starts, np.nan), np.insert(y, starts, np.nan))
    return found
