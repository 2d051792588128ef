"""Whether numbers can be true, and whether a run has left the road.

Owns the limits beyond which a step is no result, and the signs of an exploding
trajectory. What the inputs were is the business of ``check``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from ase import units

if TYPE_CHECKING:
    from tm23flows.engines.vasp.outputs import VaspStep

MAX_ENERGY_EV_PER_ATOM: Final = 1e3
MAX_FORCE_EV_PER_A: Final = 1e3
MAX_STRESS_EV_PER_A3: Final = 1e2
"""No metal comes near these (100 eV/A^3 is 16 TPa); larger numbers are broken output."""

MAX_TEMPERATURE_FACTOR: Final = 5.0
MIN_BOND_FACTOR: Final = 0.5
"""A run that is hotter, or has atoms closer, than these multiples of its target temperature and
of the nearest-neighbour distance that it began with, has exploded."""


def unsound(step: VaspStep) -> str | None:
    """Say what is impossible about the numbers of a step.

    Parameters
    ----------
    step
        As the program wrote it.

    Returns
    -------
    The reason in words; None if nothing is.
    """
    energies = (step.energy_free, step.energy_sigma0, step.energy_without_entropy)
    stress = np.zeros(6) if step.stress is None else step.stress
    if not (np.isfinite(energies).all() and np.isfinite(step.forces).all()):
        return "an energy or a force is not a finite number"
    if not (np.isfinite(stress).all() and np.isfinite(step.fractional).all()):
        return "the stress or a position is not a finite number"
    if np.abs(energies).max() > MAX_ENERGY_EV_PER_ATOM * len(step.forces):
        return f"an energy of {max(energies, key=abs):g} eV is impossible"
    if np.abs(step.forces).max() > MAX_FORCE_EV_PER_A:
        return f"a force of {np.abs(step.forces).max():g} eV/A is impossible"
    if np.abs(stress).max() > MAX_STRESS_EV_PER_A3:
        return f"a stress of {np.abs(stress).max():g} eV/A^3 is impossible"
    return None


def exploded(
    fractional: np.ndarray,
    cell: np.ndarray,
    temperature_K: float,
    target_K: float,
    bond_A: float,
) -> str | None:
    """Say how a trajectory has exploded.

    Parameters
    ----------
    fractional
        Fractional positions, shape (n, 3).
    cell
        Rows are the vectors, in angstrom.
    temperature_K
        Instantaneous temperature; nan if it is not known.
    target_K
        Temperature of the thermostat.
    bond_A
        Nearest-neighbour distance at the start, in angstrom.

    Returns
    -------
    The reason in words; None if it has not.
    """
    if not np.isfinite(fractional).all():
        return "positions are not finite numbers"
    if temperature_K > MAX_TEMPERATURE_FACTOR * target_K:
        return f"{temperature_K:.0f} K at a target of {target_K:.0f} K"
    shortest = shortest_distance(fractional, cell)
    if shortest < MIN_BOND_FACTOR * bond_A:
        return f"two atoms are {shortest:.2f} A apart, in a crystal with bonds of {bond_A:.2f} A"
    return None


def shortest_distance(fractional: np.ndarray, cell: np.ndarray) -> float:
    """Return the shortest distance between two atoms.

    Parameters
    ----------
    fractional
        Fractional positions, shape (n, 3).
    cell
        Rows are the vectors, in angstrom.

    Returns
    -------
    In angstrom; infinite for one atom. Right for distances below half the width of the cell.
    """
    pairs = fractional[:, None] - fractional[None]
    vectors = (pairs - np.rint(pairs)) @ cell
    distances = np.linalg.norm(vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min())


def temperature(kinetic_eV: float | None, n_atoms: int) -> float:
    """Return the temperature of atoms whose centre of mass is at rest.

    Parameters
    ----------
    kinetic_eV
        Kinetic energy; None if the program does not tell.
    n_atoms
        Number of atoms.

    Returns
    -------
    2 E_kin / ((3n - 3) k_B), in K; nan if the energy is not known.
    """
    return np.nan if kinetic_eV is None else 2 * kinetic_eV / ((3 * n_atoms - 3) * units.kB)
