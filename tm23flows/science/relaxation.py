"""A perfect crystal brought to rest by a calculator, its symmetry kept.

Owns the relaxation of lattice and atoms with ASE's filters and optimizers, and what counts as not
having found the crystal. Crystals at rest under labels, which come without a live calculator, are
made from energies of strained cells elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tm23flows.errors import PhysicsError
from tm23flows.science.crystals import SYMPREC_A

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator, Calculator

FORCE_LIMIT_EV_PER_A: Final = 1e-4
"""Largest force on an atom, and on the cell in the units of ASE's filter. The exponents of the
article's limits cannot be read [O]."""

MAX_STEPS: Final = 500

VOLUME_LIMITS: Final = (0.5, 2.0)
"""Volume at rest over that at the start; beyond these it is another solid, or none."""

_STRAIN: Final = 1e-3
"""Of the differences that stand in for a stress."""


def relax_crystal(
    crystal: Atoms,
    calculator: Calculator,
    force_limit_eV_per_A: float = FORCE_LIMIT_EV_PER_A,
    max_steps: int = MAX_STEPS,
) -> Atoms:
    """Relax lattice vectors and atoms by conjugate gradients within the crystal's space group.

    Where these come to no end, BFGS goes on. Where the calculator has no stress, differences of
    energies over strains of 1e-3 take its place.

    Parameters
    ----------
    crystal
        A perfect crystal near its rest, periodic in all directions; it is not changed.
    calculator
        Energies in eV, forces in eV/A, stress in eV/A^3 with ASE's sign and order.
    force_limit_eV_per_A
        Where to end.
    max_steps
        After so many steps it is given up.

    Returns
    -------
    New atoms without a calculator.

    Raises
    ------
    PhysicsError
        If forces or stress are not finite, it does not come to rest, or it ends at another volume
        than a crystal can have.
    """
    from ase.constraints import FixSymmetry

    moving = crystal.copy()
    moving.calc = _with_stress(moving, calculator)
    if not (np.isfinite(moving.get_forces()).all() and np.isfinite(moving.get_stress()).all()):
        raise PhysicsError(
            f"Forces or stress of the crystal of {crystal.symbols[0]} are no finite numbers."
        )
    moving.set_constraint(FixSymmetry(moving, symprec=SYMPREC_A))
    at_rest = _descend(moving, force_limit_eV_per_A, max_steps)
    growth = moving.get_volume() / crystal.get_volume()
    if not np.isfinite(growth) or not VOLUME_LIMITS[0] < growth < VOLUME_LIMITS[1]:
        raise PhysicsError(
            f"The crystal of {crystal.symbols[0]} went to {growth:.3g} times the volume that it "
            "had: no crystal of this kind was found near the one that was given."
        )
    if not at_rest:
        raise PhysicsError(
            f"The crystal of {crystal.symbols[0]} did not come to rest within {max_steps} steps."
        )
    relaxed: Atoms = crystal.copy()
    relaxed.set_cell(moving.cell.array)
    relaxed.set_positions(moving.positions)
    return relaxed


def _descend(atoms: Atoms, force_limit_eV_per_A: float, max_steps: int) -> bool:
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS
    from ase.optimize.sciopt import OptimizerConvergenceError, SciPyFminCG

    # ASE's optimizers take a filter and no logfile; their annotations name neither.
    free: Any = FrechetCellFilter(atoms)
    silent: Any = None
    given = {"fmax": force_limit_eV_per_A, "steps": max_steps}
    try:
        at_rest = SciPyFminCG(free, logfile=silent).run(**given)
    except (OptimizerConvergenceError, RuntimeError):
        # RuntimeError is how FixSymmetry refuses a step that deforms the cell by a quarter.
        at_rest = False
    if at_rest:
        return True
    # A search along lines compares energies, and those of a network in single precision are too
    # coarse for it near the rest; BFGS needs forces alone, and its steps are short.
    try:
        return bool(BFGS(free, logfile=silent).run(**given))
    except RuntimeError as error:
        raise PhysicsError(
            f"The crystal of {atoms.symbols[0]} left its lattice on the way to rest: {error}"
        ) from error


def _with_stress(atoms: Atoms, calculator: BaseCalculator) -> BaseCalculator:
    """Return the calculator itself if it has a stress."""
    from ase.calculators.calculator import PropertyNotImplementedError
    from ase.calculators.fd import FiniteDifferenceCalculator

    try:
        calculator.get_stress(atoms)
    except PropertyNotImplementedError:
        return FiniteDifferenceCalculator(calculator, eps_disp=None, eps_strain=_STRAIN)
    return calculator
