"""What costs grow with, and how fast, before anything is measured.

Owns the sizes and the prior exponents of each kind of work. Fitting them to runs is the business of
:mod:`tm23flows.science.run_costs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True)
class Law:
    """Sizes that a cost grows with: of each the prior mean and deviation of its exponent."""

    exponents: Mapping[str, tuple[float, float]]


PLANE_WAVES: Final = Law(
    {"electrons": (1.5, 0.5), "plane_waves": (1.0, 0.3), "k_points": (1.0, 0.15)}
)
"""Time of a step or label. With the cell electrons and plane waves grow together, to the power of
2.5 in all: between N^2 ln N and N^3 (G. Kresse and J. Furthmueller, Comput. Mater. Sci. 6, 15,
1996). k-points are done one after the other. How the 2.5 is shared is ours."""
PLANE_WAVES_MEMORY: Final = Law(
    {"electrons": (0.5, 0.3), "plane_waves": (0.5, 0.3), "k_points": (0.4, 0.3)}
)
"""Memory: wave functions need electrons x plane waves x k-points, and in cells as small as the
demonstration's the program itself needs more. The exponents in between are ours."""
ATOMS: Final = Law({"atoms": (1.0, 0.2)})
"""Time of a step, label or prediction of potentials with a cutoff, and their memory (ours)."""
EPOCHS: Final = Law({"atoms": (1.0, 0.2), "frames": (1.0, 0.1)})
"""Time of an epoch of a network (ours)."""
SPARSE_PROCESS: Final = Law({"atoms": (1.0, 0.3), "frames": (2.0, 0.5)})
"""Time of a training of a sparse Gaussian process whose sparse set grows with the frames: every
frame meets every sparse environment (ours)."""


def plane_waves(volume_A3: float, cutoff_eV: float) -> float:
    """Return the number of plane waves below a cutoff.

    Parameters
    ----------
    volume_A3
        Of the cell, in angstrom^3.
    cutoff_eV
        Largest kinetic energy, in eV.

    Returns
    -------
    V k^3 / (6 pi^2) with k = sqrt(2 m E) / hbar.
    """
    k_per_A = np.sqrt(cutoff_eV / 3.80998)  # hbar^2 / 2m in eV angstrom^2
    return float(volume_A3 * k_per_A**3 / (6 * np.pi**2))
