"""Properties of a perfect crystal as a calculator of ASE has them.

Owns which calculations of a calculator make a lattice with its equation of state and its elastic
constants, in the same way as labels of the same cells would: :mod:`tm23flows.science.lattice_scan`
and :mod:`tm23flows.science.elasticity` have the formulas. Knows no documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.errors import PhysicsError
from tm23flows.science.crystals import identify_phase, standard_cell
from tm23flows.science.elasticity import DISPLACEMENT_A, STRAIN, Elasticity, elasticity, probes
from tm23flows.science.lattice_scan import (
    AXIAL_RATIOS,
    VOLUMES,
    RestLattice,
    Shape,
    has_axis,
    rest_lattice,
    shapes,
)
from tm23flows.science.relaxation import relax_crystal

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


_NEAR = 0.02
"""Part of the volume."""


@dataclass(frozen=True)
class MeasuredLattice:
    """A crystal at rest under a calculator, and the energies of cells around it."""

    crystal: Atoms
    energy_eV_per_atom: float
    curve: RestLattice


def measure_lattice(
    crystal: Atoms,
    calculator: Calculator,
    volumes: Sequence[float] = VOLUMES,
    axial_ratios: Sequence[float] = AXIAL_RATIOS,
) -> MeasuredLattice:
    """Relax a crystal and compute its equation of state around it.

    Parameters
    ----------
    crystal
        A primitive cell in standard axes, near rest; it is not changed.
    calculator
        Energies in eV, forces in eV/A, stress in eV/A^3 if it has one.
    volumes, axial_ratios
        Cells of the curve, in units of the relaxed one.

    Returns
    -------
        The crystal within its space group, without a calculator, and the curve. Its atoms follow
        the cell.

    Raises
    ------
    PhysicsError
        The crystal does not come to rest in its phase, or its energy has no minimum there.
    """
    return measure_curve(relax_within_phase(crystal, calculator), calculator, volumes, axial_ratios)


def measure_curve(
    at_rest: Atoms,
    calculator: Calculator,
    volumes: Sequence[float] = VOLUMES,
    axial_ratios: Sequence[float] = AXIAL_RATIOS,
) -> MeasuredLattice:
    """Compute the equation of state around a crystal at rest.

    Parameters
    ----------
    at_rest
        As :func:`relax_within_phase` returns it.
    calculator
        Energies in eV.
    volumes, axial_ratios
        Cells of the curve, in units of the crystal.

    Returns
    -------
        The crystal and the curve. Its atoms follow the cell.

    Raises
    ------
    PhysicsError
        The energy has no minimum between the cells.
    """
    listed = shapes(at_rest, volumes, axial_ratios)
    energies = [_energy(one.apply(at_rest), calculator) for one in listed]
    curve = rest_lattice(at_rest, listed, energies)
    return MeasuredLattice(at_rest, _energy(at_rest, calculator) / len(at_rest), curve)


def relax_within_phase(crystal: Atoms, calculator: Calculator) -> Atoms:
    """Relax a crystal, and see that it is still one of its phase.

    Its symmetry cannot fall on the way, but it can rise: a rhombohedral crystal may end cubic.

    Parameters
    ----------
    crystal
        The crystal, near rest; it is not changed.
    calculator
        Energies in eV, forces in eV/A, stress in eV/A^3 if it has one.

    Returns
    -------
        New atoms without a calculator.

    Raises
    ------
    PhysicsError
        The crystal does not come to rest, or is of another phase there.
    """
    at_rest = relax_crystal(crystal, calculator)
    before, after = identify_phase(crystal), identify_phase(at_rest)
    if before != after:
        raise PhysicsError(f"The crystal went over from {before} to {after} on its way to rest.")
    return at_rest


def is_in_minimum(crystal: Atoms, calculator: Calculator) -> bool:
    """Say whether a crystal has a lower energy than the same a little smaller and larger.

    Where a calculator has no forces at all, any crystal is at rest.

    Parameters
    ----------
    crystal
        At rest.
    calculator
        Energies in eV.

    Returns
    -------
        Whether it has.
    """
    here = _energy(crystal, calculator)
    sides = (Shape(1 - _NEAR), Shape(1 + _NEAR))
    return all(_energy(one.apply(crystal), calculator) > here for one in sides)


def measure_elasticity(
    crystal: Atoms,
    calculator: Calculator,
    strain: float = STRAIN,
    displacement_A: float = DISPLACEMENT_A,
) -> Elasticity:
    """Compute elastic constants of a crystal at rest.

    Parameters
    ----------
    crystal
        Its primitive cell in standard axes.
    calculator
        Forces in eV/A and stress in eV/A^3.
    strain, displacement_A
        As in :func:`tm23flows.science.elasticity.elasticity`.

    Returns
    -------
        The constants.

    Raises
    ------
    PhysicsError
        The atoms are not in a minimum, or the calculator has no stress.
    """
    from ase.calculators.calculator import PropertyNotImplementedError

    stresses, forces = [], []
    for probe in probes(len(crystal)):
        atoms = probe.apply(crystal, strain, displacement_A)
        atoms.calc = calculator
        try:
            stresses.append(atoms.get_stress())
        except PropertyNotImplementedError:
            raise PhysicsError(
                "The calculator has no stress, so there are no elastic constants."
            ) from None
        forces.append(atoms.get_forces())
    return elasticity(crystal, stresses, forces, strain, displacement_A)


def lattice_constants(crystal: Atoms) -> tuple[float, float | None]:
    """Return the lengths of the conventional cell.

    Parameters
    ----------
    crystal
        Cubic, or with one axis; see :func:`tm23flows.science.lattice_scan.has_axis`.

    Returns
    -------
        a and c in angstrom, c None for cubic crystals. Rhombohedral crystals have those of the
        hexagonal cell.
    """
    lengths = standard_cell(crystal, "conventional").cell.lengths()
    return float(lengths[0]), float(lengths[2]) if has_axis(crystal) else None


def _energy(atoms: Atoms, calculator: Calculator) -> float:
    atoms.calc = calculator
    found = float(atoms.get_potential_energy())
    atoms.calc = None
    return found
