"""Learning curves: the force error against the number of training frames, with its power law.

Owns what is shown of the documents; the fits are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.learning_curve import LearningCurve
from tm23flows.report.label_noise import NOISE_NOTE, noise_of_evaluations, noise_text
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, plain, plain_ticks, style
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID, read_all
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

PER_ROW = 3


def section(archive: Archive, metals: set[str] | None = None) -> StudySection | None:
    """Show all learning curves.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only those of these; all by default.

    Returns
    -------
    A figure with a panel for each metal, and the exponents; None without a curve.
    """
    curves = [
        one for one in read_all(archive, LearningCurve) if metals is None or one.element in metals
    ]
    if not curves:
        return None
    curves.sort(key=lambda one: (one.element, one.trainer, one.l_max or 0, one.id))
    return StudySection(
        title="Learning curves",
        answer=tuple(f"{_name(one)}: {one.reason}" for one in curves if one.reason),
        tables=(_table(archive, curves),),
        drawings=(draw_curves(curves),),
    )


def _name(curve: LearningCurve) -> str:
    l_max = "" if curve.l_max is None else f", l_max {curve.l_max}"
    return f"{curve.element} {curve.trainer}{l_max}"


def _table(archive: Archive, curves: Sequence[LearningCurve]) -> StudyTable:
    rows, documents = [], []
    largest = {one.id: one.measured[-1].evaluation_id or "" for one in curves if one.measured}
    noise = noise_of_evaluations(archive, largest.values())
    for curve in curves:
        for fit in curve.fits:
            interval = fit.interval
            between = NOT_THERE
            if interval is not None:
                between = f"{interval.low:.2f} to {interval.high:.2f}"
                between += "" if interval.trusted else " (too narrow)"
            first, last = curve.measured[0], curve.measured[-1]
            rows.append(
                (
                    _name(curve),
                    fit.group,
                    f"{first.n_train} to {last.n_train}",
                    number_text(MEV_PER_EV * fit.force_mae[-1]),
                    noise_text(noise, (largest[curve.id], fit.group), in_percent=False),
                    f"{fit.exponent:.2f}",
                    between,
                    NOT_THERE if fit.r_squared is None else f"{fit.r_squared:.3f}",
                    curve.id[:SHORT_ID],
                )
            )
            documents.append(curve.id)
    return StudyTable(
        title="Exponents b of error = a N^b, fitted to force MAE in log-log space",
        columns=(
            "curve", "test frames", "N", "MAE at the largest N / (meV/Å)",
            "label noise / (meV/Å)", "b", "interval of b", "R²", "id",
        ),
        rows=rows,
        documents=documents,
        note="Intervals are from blocks of test frames; they hold neither the choice of the "
        f"training frames nor the seed of the training.{f' {NOISE_NOTE}' if noise else ''}",
    )  # fmt: skip


def draw_curves(curves: Sequence[LearningCurve]) -> Drawing:
    """Draw force MAE against the number of training frames, on logarithmic axes.

    Parameters
    ----------
    curves
        At least one.

    Returns
    -------
    The figure, a panel for each metal.
    """
    by_metal: dict[str, list[LearningCurve]] = {}
    for one in curves:
        by_metal.setdefault(one.element, []).append(one)
    n_columns = min(PER_ROW, len(by_metal))
    with style():
        figure, axes = canvas(n_columns, 3.6, 3.1, -(-len(by_metal) // n_columns))
        for panel, (element, some) in zip(axes, by_metal.items(), strict=False):
            for colour, curve in zip(cycle(PALETTE), some, strict=False):
                _draw_curve(panel, curve, colour)
            panel.set(xscale="log", yscale="log", title=element)
            plain_ticks(panel.xaxis, panel.yaxis)
            panel.set_xlabel("training frames N")
            panel.set_ylabel("force MAE / (meV/Å)")
            panel.legend()
        for panel in axes[len(by_metal) :]:
            panel.remove()
        return finish(
            figure,
            "Learning curves",
            "Force MAE over all test frames; the line is the power law, the band its interval.",
        )


def _draw_curve(axes: Axes, curve: LearningCurve, colour: str) -> None:
    points = [(one.n_train, one.force.mae) for one in curve.measured if one.force]
    sizes, errors = (np.array(side) for side in zip(*points, strict=True))
    name = _name(curve).partition(" ")[2]
    axes.plot(sizes, MEV_PER_EV * errors, "o", color=colour, ms=4, label=plain(name))
    if (fit := curve.fit) is None:
        return
    along = np.array(fit.sizes, dtype=float)
    axes.plot(along, MEV_PER_EV * fit.law.at(along), color=colour, lw=1.2)
    if fit.interval is not None:
        low, high = (
            MEV_PER_EV * np.array(e) for e in (fit.interval.band_low, fit.interval.band_high)
        )
        axes.fill_between(along, low, high, color=colour, alpha=0.15, lw=0)
