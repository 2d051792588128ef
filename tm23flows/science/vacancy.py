"""A vacancy in a crystal: its cells and its formation energy.

Owns the two cells, with and without the atom, the energy that follows from theirs, and the
relaxation of the atoms around it by a calculator. The cell stays that of the crystal at rest: a
vacancy at constant volume. Knows no documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science.cells import make_supercell
from tm23flows.science.crystals import standard_cell

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

SITE: Final = 0
"""Atom that is taken out: in most crystals of one element all sites are alike."""

FORCE_LIMIT_EV_PER_A: Final = 0.005
MAX_STEPS: Final = 300

_LARGEST_MOVE: Final = 0.5
"""In nearest-neighbour distances; an atom that moves further has left its site."""


@dataclass(frozen=True)
class Vacancy:
    """Formation energies in eV: atoms on their sites, and at rest; None with a reason if not."""

    n_sites: int
    unrelaxed_eV: float
    relaxed_eV: float | None
    reason: str | None
    furthest_A: float | None


def vacancy_cells(crystal: Atoms, multiples: Sequence[int]) -> tuple[Atoms, Atoms]:
    """Return a supercell of a crystal, and the same without one atom.

    Parameters
    ----------
    crystal
        The crystal, in any cell.
    multiples
        How often its conventional cell is repeated along each axis.

    Returns
    -------
        The perfect supercell and the one with a vacancy.

    Raises
    ------
    InputError
        The multiples are no three numbers of at least 1, or leave no atom.
    """
    if len(multiples) != 3 or min(multiples) < 1:
        raise InputError(f"A supercell is three multiples of at least 1, not {list(multiples)}.")
    perfect = make_supercell(standard_cell(crystal, "conventional"), np.diag(multiples))
    if len(perfect) == 1:
        raise InputError("A cell of one atom without it is empty: repeat it more often.")
    holed = perfect.copy()
    del holed[SITE]
    return perfect, holed


def formation_energy(holed_eV: float, perfect_eV: float, n_sites: int) -> float:
    """Return the energy that it takes to put an atom from a site into the bulk.

    Parameters
    ----------
    holed_eV
        Energy of the cell with one atom less.
    perfect_eV
        Energy of the same cell with all atoms.
    n_sites
        Its sites.

    Returns
    -------
        E(n - 1) - (n - 1) / n E(n) in eV.
    """
    return float(holed_eV - (n_sites - 1) / n_sites * perfect_eV)


def measure_vacancy(
    crystal: Atoms,
    multiples: Sequence[int],
    calculator: Calculator,
    force_limit_eV_per_A: float = FORCE_LIMIT_EV_PER_A,
    max_steps: int = MAX_STEPS,
) -> Vacancy:
    """Compute the formation energy of a vacancy with a calculator.

    Parameters
    ----------
    crystal
        The crystal at rest under the calculator.
    multiples
        How often its conventional cell is repeated along each axis.
    calculator
        Energies in eV, forces in eV/A.
    force_limit_eV_per_A
        Atoms are at rest below this largest norm of a force.
    max_steps
        After so many steps of BFGS it is given up.

    Returns
    -------
        The energies. Without one of atoms at rest if these do not come to rest, or if an atom
        leaves its site, so that there is another defect.
    """
    perfect, holed = vacancy_cells(crystal, multiples)
    perfect.calc = holed.calc = calculator
    bulk_eV, n_sites = perfect.get_potential_energy(), len(perfect)
    unrelaxed = formation_energy(holed.get_potential_energy(), bulk_eV, n_sites)
    limit = _LARGEST_MOVE * _nearest(perfect)
    at_rest, furthest = _settle(holed, limit, force_limit_eV_per_A, max_steps)
    relaxed, reason = None, None
    if furthest is None or furthest > limit:
        reason = f"An atom moved more than {limit:.2f} A and left its site: another defect."
    elif not at_rest:
        reason = f"The atoms around the vacancy did not come to rest within {max_steps} steps."
    else:
        relaxed = formation_energy(holed.get_potential_energy(), bulk_eV, n_sites)
    return Vacancy(n_sites, unrelaxed, relaxed, reason, furthest)


def _settle(
    atoms: Atoms, limit_A: float, force_limit_eV_per_A: float, max_steps: int
) -> tuple[bool, float | None]:
    """Bring atoms to rest; say whether they are, and how far one moved if that is a number."""
    from ase.optimize import BFGS

    start, furthest, at_rest = atoms.positions.copy(), 0.0, False
    for converged in BFGS(atoms, logfile=None).irun(fmax=force_limit_eV_per_A, steps=max_steps):
        at_rest = bool(converged)
        furthest = float(np.linalg.norm(atoms.positions - start, axis=1).max())
        if not np.isfinite(furthest):
            return False, None
        if furthest > limit_A:
            return False, furthest
    return at_rest, furthest


def _nearest(perfect: Atoms) -> float:
    from ase.geometry.minkowski_reduction import minkowski_reduce

    lattice = np.linalg.norm(minkowski_reduce(perfect.cell.array)[0], axis=1).min()
    distances = perfect.get_distances(SITE, slice(1, None), mic=True)
    return float(min(lattice, distances.min()))
