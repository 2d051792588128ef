"""The figures of the benchmark about errors: by magnitude of the force, and parity.

Owns what is drawn; numbers are those of :mod:`tm23flows.report.benchmark.arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.benchmark.errors import name_of
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, plain, style
from tm23flows.report.quantities import MEV_PER_EV, number_text
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.bounded_errors import ALL
from tm23flows.science.force_bins import bins_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS_PER_ROW = 3


def draw_by_magnitude(evaluations: Sequence[Evaluated]) -> Drawing:
    """Draw MAE and percent error of the force against the magnitude of the labelled force.

    Parameters
    ----------
    evaluations
        Measured ones on one part of one dataset, at least one.

    Returns
    -------
    The figure.
    """
    name = name_of(evaluations[0])
    with style():
        figure, panels = canvas(2, 4.2, 3.2)
        for place, one in enumerate(evaluations):
            colour = PALETTE[place % len(PALETTE)]
            _draw_bins(panels[0], one, "mae", MEV_PER_EV, colour)
            _draw_bins(panels[1], one, "percent", 1.0, colour)
        panels[0].set_ylabel("force MAE / (meV/Å)")
        panels[1].set_ylabel("force error / % of MAV")
        for panel in panels:
            panel.set_xlabel("labelled force of an atom / (eV/Å)")
            panel.set_ylim(bottom=0)
        panels[0].legend()
        caption = (
            "Each point is a bin of the labelled force; bars are intervals. MAV is that of the bin."
        )
        return finish(figure, f"Force error by magnitude of the force: {name}", caption)


def draw_parity_density(evaluations: Sequence[Evaluated]) -> Drawing:
    """Draw how often a force component was labelled and predicted as what, a panel per model.

    Parameters
    ----------
    evaluations
        Measured ones on one part of one dataset, at least one.

    Returns
    -------
    The figure; it is as large for many frames as for few.
    """
    n_columns = min(len(evaluations), PANELS_PER_ROW)
    n_rows = -(-len(evaluations) // n_columns)
    with style():
        figure, panels = canvas(n_columns, 3.4, 3.4, n_rows)
        for panel, one in zip(panels, evaluations, strict=False):
            _draw_density(panel, one)
        for panel in panels[len(evaluations) :]:
            panel.remove()
        return finish(
            figure,
            f"Predicted against labelled forces: {name_of(evaluations[0])}",
            "Every force component of the predicted frames; the darker, the more, on a logarithmic "
            "scale. On the line the model agrees with the label.",
        )


def _draw_bins(axes: Axes, one: Evaluated, what: str, scale: float, colour: str) -> None:
    middles, values, ends = [], [], []
    edges = list(bins_of(one.sums.edges_eV_per_A))
    for name, low, high in edges:
        errors = one.errors[ALL].errors.get(name)
        found: Estimate | None = getattr(errors, what, None)
        if found is None:
            continue
        middles.append((low + min(high, 1.5 * low + 0.5)) / 2)
        values.append(scale * found.value)
        bounds = (found.value if one is None else one for one in (found.low, found.high))
        ends.append([scale * bound for bound in bounds])
    bars = np.abs(np.array(ends).reshape(-1, 2) - np.array(values)[:, None]).T
    axes.errorbar(
        middles, values, yerr=bars, color=colour, marker="o", ms=4, lw=1.2, capsize=2,
        label=plain(one.title),
    )  # fmt: skip


def _draw_density(axes: Axes, one: Evaluated) -> None:
    from matplotlib.colors import LogNorm

    edges, counts = one.density.edges_eV_per_A, one.density.counts
    shown = np.ma.masked_equal(counts, 0)
    axes.pcolormesh(edges, edges, shown, norm=LogNorm(1), cmap="Blues", rasterized=True)
    axes.plot(edges[[0, -1]], edges[[0, -1]], color="black", lw=0.8)
    axes.set(aspect="equal", xlabel="label force / (eV/Å)", ylabel="predicted force / (eV/Å)")
    axes.locator_params(nbins=5)
    force = one.errors[ALL].errors["force"]
    percent = "" if force.percent is None else f", {number_text(force.percent.value)} %"
    mae = number_text(MEV_PER_EV * force.mae.value)
    axes.set_title(plain(f"{one.title}\nMAE {mae} meV/Å{percent}"))
