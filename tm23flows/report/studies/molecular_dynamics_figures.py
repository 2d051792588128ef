"""Figures of runs with models beside those of the labels: g(r) and mean-square displacements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.studies.molecular_dynamics import RunRow
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    PALETTE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE = "labels"
"""What tables and figures call the run of the program that made the labels."""

Names = dict[str | None, str]
"""What models are called, by id."""


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


def _panels(rows: Sequence[RunRow]) -> tuple[Figure, list[Axes], list[str]]:
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
