"""The figures of a correlation study: errors against every property, with the fits.

Owns names and units of what is shown, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.documents.studies.correlations import (
    CorrelationResults,
    ErrorName,
    MetalRow,
    Predictor,
    TrendRow,
)
from tm23flows.report.plotting import NOISE_COLOUR, PALETTE, Drawing, canvas, finish, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EV_PER_A3_IN_GPA = 160.21766208
"""1 eV/angstrom^3 in GPa."""

GROUP_XII = 12
COLUMNS = 3


@dataclass(frozen=True)
class Shown:
    """How a number is shown: times ``scale`` it has the ``unit``."""

    name: str
    unit: str
    scale: float = 1.0


PROPERTIES: dict[Predictor, Shown] = {
    "d_band_centre_eV": Shown("d-band centre", "eV"),
    "min_k_density_A": Shown("minimum k density", "Å"),
    "cauchy_pressure_eV_per_A3": Shown("Cauchy pressure C12 - C44", "GPa", EV_PER_A3_IN_GPA),
    "melting_temperature_K": Shown("melting temperature", "1000 K", 1e-3),
    "n_d_product": Shown("N_d (10 - N_d)", "1"),
}
ERRORS: dict[ErrorName, Shown] = {
    "force_percent": Shown("force % error", "%"),
    "force_mae_eV_per_A": Shown("force MAE", "meV/Å", 1000.0),
}
FAMILY = Shown("crystal family", "")


def draw_trends(found: CorrelationResults, error: ErrorName, trainer: str) -> Drawing | None:
    """Draw an error against every property, and by crystal family.

    Parameters
    ----------
    found
        What the study found.
    error
        Which error.
    trainer
        Name of the trainer.

    Returns
    -------
    The figure, or None where no metal was measured.
    """
    rows = [row for row in found.metals if getattr(row, error) is not None]
    if not rows:
        return None
    names = [name for name in PROPERTIES if any(name in row.values for row in rows)]
    with style():
        n_rows = -(-(len(names) + 1) // COLUMNS)
        figure, axes = canvas(COLUMNS, 3.4, 3.0, n_rows)
        for panel, name in zip(axes, names, strict=False):
            _draw_points(panel, [row for row in rows if name in row.values], name, error)
            _draw_lines(panel, found, name, error)
        _draw_families(axes[len(names)], rows, error)
        for panel in axes[len(names) + 1 :]:
            panel.set_axis_off()
        caption = (
            "One point per metal; squares are Zn, Cd and Hg. Solid: least squares through all "
            "metals; dashed: without these three, where they are there. Bars are medians."
        )
        return finish(figure, f"{ERRORS[error].name} of {trainer}", caption)


def _draw_points(axes: Axes, rows: list[MetalRow], name: Predictor, error: ErrorName) -> None:
    shown, of_error = PROPERTIES[name], ERRORS[error]
    for row in rows:
        x, y = shown.scale * row.values[name], of_error.scale * getattr(row, error)
        _mark(axes, row, x, y)
    axes.set_xlabel(_axis(shown))
    axes.set_ylabel(_axis(of_error))


def _mark(axes: Axes, row: MetalRow, x: float, y: float) -> None:
    apart = row.group == GROUP_XII
    axes.plot([x], [y], "s" if apart else "o", color=PALETTE[2 if apart else 0], ms=4)
    axes.annotate(row.element, (x, y), xytext=(3, 3), textcoords="offset points", fontsize=7)


def _draw_lines(axes: Axes, found: CorrelationResults, name: Predictor, error: ErrorName) -> None:
    for one in found.trends:
        if (one.predictor, one.error) == (name, error) and one.slope is not None:
            _draw_line(axes, found, one)
            if not one.without_group_xii:
                axes.set_title(f"n = {one.n}, {one.verdict}")


def _draw_line(axes: Axes, found: CorrelationResults, one: TrendRow) -> None:
    shown, of_error = PROPERTIES[one.predictor], ERRORS[one.error]
    places = [row.values[one.predictor] for row in found.metals if row.element in one.elements]
    ends = [min(places), max(places)]
    axes.plot(
        [shown.scale * x for x in ends],
        [of_error.scale * (one.intercept + one.slope * x) for x in ends],
        color=NOISE_COLOUR,
        ls="--" if one.without_group_xii else "-",
        lw=1.2,
        zorder=0,
    )


def _draw_families(axes: Axes, rows: list[MetalRow], error: ErrorName) -> None:
    from statistics import median

    families = sorted({row.family for row in rows if row.family is not None})
    for place, family in enumerate(families):
        there = [row for row in rows if row.family == family]
        heights = [ERRORS[error].scale * getattr(row, error) for row in there]
        axes.hlines(median(heights), place - 0.3, place + 0.3, color=NOISE_COLOUR, lw=2, zorder=0)
        for row, height in zip(there, heights, strict=True):
            _mark(axes, row, place, height)
    axes.set_xticks(range(len(families)), families)
    axes.set_xlim(-0.5, max(len(families), 1) - 0.5)
    axes.set_xlabel(FAMILY.name)
    axes.set_ylabel(_axis(ERRORS[error]))


def _axis(shown: Shown) -> str:
    return shown.name if shown.unit == "1" else f"{shown.name} / ({shown.unit})"
