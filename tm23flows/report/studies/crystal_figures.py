"""Equations of state of one metal in one figure.

Owns the figure. Points and curves are those of the crystal study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.crystal import LatticeRow
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, plain, style
from tm23flows.report.quantities import MEV_PER_EV
from tm23flows.science.equation_of_state import EquationOfState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

MARKERS = ("s", "^", "D", "v", "P", "X")
REFERENCE_COLOUR = "#000000"


@dataclass(frozen=True)
class Curve:
    """One source of energies with its name."""

    name: str
    lattice: LatticeRow
    is_reference: bool = False


def draw_curves(title: str, curves: Sequence[Curve]) -> Drawing | None:
    """Draw the energy above the minimum against the volume, a curve for each source.

    Parameters
    ----------
    title
        What is seen.
    curves
        The sources.

    Returns
    -------
    The figure; None without a curve.
    """
    if not curves:
        return None
    colours = [one for one in PALETTE if one != REFERENCE_COLOUR]
    with style():
        figure, (panel,) = canvas(1, 5.4, 3.6)
        place = 0
        for one in curves:
            if one.is_reference:
                _draw(panel, one, REFERENCE_COLOUR, "o")
            else:
                _draw(panel, one, colours[place % len(colours)], MARKERS[place % len(MARKERS)])
                place += 1
        panel.set_xlabel("volume / (Å³/atom)")
        panel.set_ylabel("energy above the minimum / (meV/atom)")
        panel.legend()
        caption = (
            "Points are computed, lines are the fitted curves of Birch and Murnaghan; each source "
            "above its own minimum. Dotted: volume at rest."
        )
        return finish(figure, title, caption)


def _draw(axes: Axes, one: Curve, colour: str, marker: str) -> None:
    found = one.lattice
    lowest = found.curve_energy_eV_per_atom
    volumes = np.array(found.volumes_A3_per_atom)
    energies = MEV_PER_EV * (np.array(found.energies_eV_per_atom) - lowest)
    equation = EquationOfState(
        found.curve_volume_A3_per_atom,
        lowest,
        found.bulk_modulus_eV_per_A3,
        found.bulk_modulus_derivative,
        found.fit_residual_eV_per_atom,
    )
    dense = np.linspace(volumes.min(), volumes.max(), 100)
    axes.plot(dense, MEV_PER_EV * (equation.energy_at(dense) - lowest), color=colour, lw=1.3)
    axes.plot(
        volumes, energies, marker, color=colour, ms=5, mfc="none" if one.is_reference else colour,
        label=plain(one.name),
    )  # fmt: skip
    axes.axvline(found.volume_A3_per_atom, color=colour, lw=0.9, ls=":")
