"""What the electrons add: a model made to behave, not to be right.

Owns how energy and forces answer to SIGMA, ISMEAR, NELECT, ENCUT and the k-mesh, and how many
electronic steps are taken. One factor multiplies the band part of the potential, so that forces
and stress stay exact derivatives of the free energy:

- **k-mesh**: minus the leading term of the quadrature error of a periodic function (Poisson's
  sum rule), ``2 a sum_i cos(2 pi u_i) exp(-N_i |a_i| (1/l + SIGMA/s))`` with N_i points along
  vector a_i and offset u_i in units of their spacing; a wider smearing makes it fall faster.
- **cutoff**: ``-b exp(-c ENCUT/ENMAX)``; a smaller cutoff gives a higher energy.
- **electrons**: ``d (NELECT - neutral) / neutral``, and ``mu (NELECT - neutral)`` to the energy.
- **smearing**: ``T S = g SIGMA^2 |band|``, with ``F = E0 - T S/(N+2)`` and ``E = F + T S`` for
  ISMEAR = N, so ``E0 = ((N+1) F + E)/(N+2)`` as in VASP. At 0.2 eV T S is under 1 meV per atom
  for most metals and at 2 eV it is tens of meV.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Final

import numpy as np

from tm23flows.testing.vasp_simulator.potential import Terms

MESH_ERROR: Final = 0.004
MESH_LENGTH_A: Final = 6.0
MESH_SIGMA_EV_A: Final = 6.0
CUTOFF_ERROR: Final = 0.05
CUTOFF_RATE: Final = 6.0
ELECTRON_SHARE: Final = 0.5
CHEMICAL_POTENTIAL_EV: Final = 5.0
ENTROPY_PER_EV2: Final = 0.002

FIRST_ERROR_EV: Final = 10.0
GUESSED_ERROR_EV: Final = 1e-2
"""Error of the first electronic step from atoms, and from a previous step or file."""


@dataclass(frozen=True)
class Electrons:
    """The electronic problem of one run.

    Parameters
    ----------
    mesh
        k-points along each axis.
    offset
        In units of the spacing of the points along each axis.
    sigma_eV, order
        SIGMA and ISMEAR.
    cutoff_ratio
        ENCUT over the largest ENMAX.
    shift, neutral
        Electrons more than neutral, and the neutral number.
    """

    mesh: tuple[int, int, int]
    offset: tuple[float, float, float]
    sigma_eV: float
    order: int
    cutoff_ratio: float
    shift: float
    neutral: float


@dataclass(frozen=True)
class Energies:
    """F, E without entropy and E0 of one cell in eV."""

    free: float
    without_entropy: float
    sigma0: float

    def moved(self, by_eV: float) -> Energies:
        """Return all three with the same error."""
        return Energies(self.free + by_eV, self.without_entropy + by_eV, self.sigma0 + by_eV)


@dataclass(frozen=True)
class Point:
    """What a converged electronic problem gives: forces in eV/A, stress (3, 3) in eV/A^3."""

    energies: Energies
    forces: np.ndarray
    stress: np.ndarray


def solve(electrons: Electrons, terms: Terms, cell: np.ndarray) -> Point:
    """Combine the two parts of the potential.

    Parameters
    ----------
    electrons
        The electronic problem.
    terms
        The potential in this cell.
    cell
        Rows are the vectors, in angstrom.

    Returns
    -------
    Energies, forces (derivatives of F) and stress in ASE's sign.
    """
    mesh_error, mesh_strain = _mesh_error(electrons, cell)
    factor = 1.0 + mesh_error - CUTOFF_ERROR * np.exp(-CUTOFF_RATE * electrons.cutoff_ratio)
    factor += ELECTRON_SHARE * electrons.shift / electrons.neutral
    levels = max(electrons.order, 0) + 2
    # the tetrahedron method (ISMEAR below -1) has no entropy
    smeared = ENTROPY_PER_EV2 * electrons.sigma_eV**2 * (electrons.order >= -1)
    sigma0 = terms.repulsion + factor * terms.band + CHEMICAL_POTENTIAL_EV * electrons.shift
    entropy = -smeared * terms.band
    free = sigma0 - entropy / levels
    whole = factor + smeared / levels
    virial = terms.repulsion_virial + whole * terms.band_virial + terms.band * mesh_strain
    return Point(
        energies=Energies(float(free), float(free + entropy), float(sigma0)),
        forces=terms.repulsion_forces + whole * terms.band_forces,
        stress=virial / abs(np.linalg.det(cell)),
    )


def _mesh_error(electrons: Electrons, cell: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the error of the mesh in units of the band energy, and its strain derivative."""
    rate = 1.0 / MESH_LENGTH_A + electrons.sigma_eV / MESH_SIGMA_EV_A
    lengths = np.linalg.norm(cell, axis=1)
    mesh = np.array(electrons.mesh, dtype=float)
    weights = 2 * MESH_ERROR * np.cos(2 * np.pi * np.array(electrons.offset))
    errors = weights * np.exp(-rate * mesh * lengths)
    strain = np.einsum("i,ia,ib->ab", -rate * mesh / lengths * errors, cell, cell)
    return float(errors.sum()), strain


def electronic_errors(
    ediff_eV: float, nelmin: int, nelm: int, *, guessed: bool, converges: bool = True
) -> list[float]:
    """List the energy error of every electronic step.

    Parameters
    ----------
    ediff_eV
        EDIFF.
    nelmin, nelm
        Smallest and largest number of steps.
    guessed
        Whether the first step starts from wave functions of before.
    converges
        Whether the problem can be converged at all.

    Returns
    -------
    Errors in eV, of changing sign; the last one is 0 if converged within ``nelm`` steps.
    """
    first = GUESSED_ERROR_EV if guessed else FIRST_ERROR_EV
    # the change of the last step is the error of the one before it, which is below EDIFF
    needed = max(nelmin, floor(log10(first / ediff_eV) + 1e-9) + 3, 2)
    if not converges:
        return [(-1) ** k * max(first * 10.0**-k, 10 * ediff_eV) for k in range(nelm)]
    errors = [first * (-0.1) ** k for k in range(needed - 1)] + [0.0]
    return errors[:nelm]
