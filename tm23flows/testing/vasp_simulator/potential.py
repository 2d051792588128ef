"""A second-moment (Gupta) potential for any of the 27 metals.

Owns pair sums, forces, virials and the two numbers of each metal. What smearing, k-points and
electrons add to it belongs to ``electrons``. The form is that of Cleri and Rosato,
Phys. Rev. B 48, 22 (1993), E = sum_i [sum_j A phi(r_ij) - sqrt(sum_j xi^2 psi(r_ij))], with one
pair of exponents for all metals and a smooth cutoff: crystals hold together at their volume and
melt somewhere; nothing else about it is meant to be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

REPULSION_EXPONENT: Final = 10.0
BAND_EXPONENT: Final = 3.0
CUTOFF_START: Final = 1.4
CUTOFF_END: Final = 1.9
"""Where the smooth cutoff starts and ends, in units of the reference distance."""

COHESIVE_ENERGY_EV: Final = (
    {"Ti": 4.85, "Zr": 6.25, "Hf": 6.44, "V": 5.31, "Nb": 7.57, "Ta": 8.10}
    | {"Cr": 4.10, "Mo": 6.82, "W": 8.90, "Mn": 2.92, "Tc": 6.85, "Re": 8.03}
    | {"Fe": 4.28, "Ru": 6.74, "Os": 8.17, "Co": 4.39, "Rh": 5.75, "Ir": 6.94}
    | {"Ni": 4.44, "Pd": 3.89, "Pt": 5.84, "Cu": 3.49, "Ag": 2.95, "Au": 3.81}
    | {"Zn": 1.35, "Cd": 1.16, "Hg": 0.67}
)
"""eV per atom, handbook values."""


@dataclass(frozen=True)
class Gupta:
    """The potential of one metal: strengths in eV and the reference distance in angstrom."""

    A_eV: float
    xi_eV: float
    r0_A: float


@dataclass(frozen=True)
class Terms:
    """Energies in eV, forces (n, 3) in eV/A and virials (3, 3) in eV of the two parts.

    A virial is the derivative of the energy with respect to strain, so stress times volume.
    """

    repulsion: float
    band: float
    repulsion_forces: np.ndarray
    band_forces: np.ndarray
    repulsion_virial: np.ndarray
    band_virial: np.ndarray


def pair_list(
    fractional: np.ndarray, cell: np.ndarray, cutoff_A: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all ordered pairs of atoms closer than a cutoff, periodic images included.

    ASE's list gives the same pairs, but importing it takes four times as long as numpy and
    building it four times as long as this, for cells of this size (measured, 63 atoms).

    Parameters
    ----------
    fractional
        Shape (n, 3).
    cell
        Rows are the vectors, in angstrom.
    cutoff_A
        In angstrom.

    Returns
    -------
    Indices i, indices j, and vectors from i to j in angstrom.
    """
    difference = fractional[None, :, :] - fractional[:, None, :]
    difference -= np.round(difference)
    reach = np.floor(cutoff_A * np.linalg.norm(np.linalg.inv(cell), axis=0) + 0.5).astype(int)
    images = np.array(list(product(*(range(-m, m + 1) for m in reach))), dtype=float)
    vectors = (difference @ cell)[None] + (images @ cell)[:, None, None, :]
    squared = np.einsum("mijk,mijk->mij", vectors, vectors)
    image, i, j = np.nonzero((squared < cutoff_A**2) & (squared > 1e-12))
    return i, j, vectors[image, i, j]


def _cut(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a function that falls from 1 to 0 with two continuous derivatives, and its slope."""
    width = CUTOFF_END - CUTOFF_START
    t = np.clip((x - CUTOFF_START) / width, 0.0, 1.0)
    value = 1.0 - t**3 * (10.0 - 15.0 * t + 6.0 * t**2)
    return value, -30.0 * t**2 * (1.0 - t) ** 2 / width


def _decay(exponent: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cut exponential of x = r / r0 and its slope with respect to x."""
    cut, slope = _cut(x)
    value = np.exp(-exponent * (x - 1.0))
    return value * cut, value * (slope - exponent * cut)


def evaluate(fractional: np.ndarray, cell: np.ndarray, metals: list[Gupta]) -> Terms:
    """Sum the potential over a cell.

    Parameters
    ----------
    fractional
        Shape (n, 3).
    cell
        Rows are the vectors, in angstrom.
    metals
        The potential of each atom; unlike pairs take geometric means of the strengths and the
        arithmetic mean of the distances.

    Returns
    -------
    Both parts with their derivatives.
    """
    n = len(fractional)
    A = np.array([m.A_eV for m in metals])
    xi = np.array([m.xi_eV for m in metals])
    r0 = np.array([m.r0_A for m in metals])
    i, j, vectors = pair_list(fractional, cell, CUTOFF_END * r0.max())
    distance = np.sqrt(np.einsum("pk,pk->p", vectors, vectors))
    scale = (r0[i] + r0[j]) / 2
    phi, phi_slope = _decay(REPULSION_EXPONENT, distance / scale)
    psi, psi_slope = _decay(2 * BAND_EXPONENT, distance / scale)
    strength, hopping = np.sqrt(A[i] * A[j]), xi[i] * xi[j]
    width = np.sqrt(np.bincount(i, hopping * psi, minlength=n))
    inverse = np.divide(1.0, width, out=np.zeros(n), where=width > 0)
    slopes = (strength * phi_slope / scale, -0.5 * inverse[i] * hopping * psi_slope / scale)
    repulsion, band = (_derivatives(n, i, j, vectors, slope / distance) for slope in slopes)
    return Terms(
        repulsion=float(np.sum(strength * phi)),
        band=-float(np.sum(width)),
        repulsion_forces=repulsion[0],
        band_forces=band[0],
        repulsion_virial=repulsion[1],
        band_virial=band[1],
    )


def _derivatives(
    n: int, i: np.ndarray, j: np.ndarray, vectors: np.ndarray, slope_over_r: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forces and virial of a sum over ordered pairs whose terms have these slopes dE/dr / r."""
    pulls = slope_over_r[:, None] * vectors
    forces = np.stack(
        [np.bincount(i, p, minlength=n) - np.bincount(j, p, minlength=n) for p in pulls.T], axis=1
    )
    virial = pulls.T @ vectors
    return forces, (virial + virial.T) / 2


def fit(symbol: str) -> Gupta:
    """Find the strengths that hold a metal at the volume of its default phase.

    Parameters
    ----------
    symbol
        One of the 27 metals.

    Returns
    -------
    A potential whose perfect crystal has the cohesive energy and no pressure.
    """
    from tm23flows.science.metals import metal
    from tm23flows.science.prototypes import build_primitive

    crystal = build_primitive(metal(symbol))
    r0 = float((np.sqrt(2) * crystal.get_volume() / len(crystal)) ** (1 / 3))
    unit = [Gupta(1.0, 1.0, r0)] * len(crystal)
    terms = evaluate(crystal.get_scaled_positions(), np.array(crystal.cell), unit)
    sums = [
        [terms.repulsion, terms.band],
        [np.trace(terms.repulsion_virial), np.trace(terms.band_virial)],
    ]
    A, xi = np.linalg.solve(sums, [-COHESIVE_ENERGY_EV[symbol] * len(crystal), 0.0])
    return Gupta(float(A), float(xi), r0)
