"""Phonons of a perfect crystal from forces on displaced atoms.

Owns the cells that are computed and the step from their forces to force constants: phonopy does
the work. Computes no forces of its own but for the plain function that takes a calculator, and
knows no documents. Frequencies are those of :mod:`tm23flows.science.force_constants`; how two
models are compared is in :mod:`tm23flows.science.phonon_errors`, at which wave vectors in
:mod:`tm23flows.science.wave_vectors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.cells import min_image_distance
from tm23flows.science.crystals import SYMPREC_A
from tm23flows.science.force_constants import SAME_A, ForceConstants, phonopy_of

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

SUPERCELL_A: Final = 10.0
"""Default for the least distance of an atom from its images in the displaced cells. The article is
silent [X]."""

DISPLACEMENT_A: Final = 0.01
"""Default length of a displacement, phonopy's own. The article is silent [X]."""

_FREE: Final = 1e-8
"""What of a random displacement must be left by the space group to count as a freedom."""


def phonon_supercell(
    crystal: Atoms, min_image_distance_A: float = SUPERCELL_A
) -> tuple[int, int, int]:
    """Choose the supercell in which atoms are displaced.

    Vectors of equal length are repeated equally often, so that the supercell keeps the symmetry
    of the lattice. Of these the one with the fewest atoms is taken.

    Parameters
    ----------
    crystal
        The primitive cell.
    min_image_distance_A
        Least distance between an atom and its images, in angstrom.

    Returns
    -------
    Multiples of the three vectors.

    Raises
    ------
    InputError
        If the distance is not positive.
    """
    if not 0 < min_image_distance_A < np.inf:
        raise InputError(f"The images of an atom cannot be {min_image_distance_A} A apart.")
    cell = crystal.cell.array
    lengths = np.linalg.norm(cell, axis=1)
    same = np.abs(lengths[:, None] - lengths[None]) < SAME_A
    kind = [int(np.argmax(row)) for row in same]
    widths = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    most = int(np.ceil(min_image_distance_A / widths.min())) + 1
    candidates = [
        multiples
        for multiples in product(range(1, most + 1), range(1, most + 1), range(1, most + 1))
        if all(multiples[i] == multiples[kind[i]] for i in range(3))
        and min_image_distance(np.array(multiples)[:, None] * cell) >= min_image_distance_A - SAME_A
    ]
    return min(candidates, key=lambda one: (np.prod(one), one))


def has_free_atoms(crystal: Atoms) -> bool:
    """Say whether the space group lets atoms move against each other.

    Parameters
    ----------
    crystal
        The primitive cell.

    Returns
    -------
    False where all forces are zero by symmetry, as in the usual crystals of one or two atoms.
    """
    from ase.constraints import FixSymmetry

    random = np.random.default_rng(0).normal(size=(len(crystal), 3))
    FixSymmetry(crystal, symprec=SYMPREC_A).adjust_forces(crystal, random)
    return bool(np.abs(random - random.mean(axis=0)).max() > _FREE)


def displaced_supercells(
    crystal: Atoms, supercell: tuple[int, int, int], displacement_A: float = DISPLACEMENT_A
) -> list[Atoms]:
    """Make the cells whose forces are needed.

    Symmetry makes them few: one for a face-centred or body-centred cubic crystal. Where the space
    group lets atoms move against each other, the cell at rest comes first, because its forces
    need not be zero and are taken off all others.

    Parameters
    ----------
    crystal
        The primitive cell.
    supercell
        Multiples of its vectors.
    displacement_A
        How far one atom is displaced in each, in angstrom.

    Returns
    -------
    The cells; the same for the same crystal.

    Raises
    ------
    InputError
        If the displacement is no small length or the supercell none.
    MissingDependencyError
        If phonopy is not installed.
    """
    made = _displaced(crystal, supercell, displacement_A)
    return _cells(made, has_rest=has_free_atoms(crystal))


def force_constants(
    crystal: Atoms,
    supercell: tuple[int, int, int],
    displacement_A: float,
    forces_eV_per_A: Sequence[ArrayLike],
) -> ForceConstants:
    """Make force constants from the forces in the displaced cells.

    Parameters
    ----------
    crystal, supercell, displacement_A
        As in :func:`displaced_supercells`.
    forces_eV_per_A
        In each of its cells, shape (N, 3).

    Returns
    -------
    Force constants that obey the acoustic sum rule.

    Raises
    ------
    InputError
        If there are not as many forces as cells, or of the wrong shape.
    PhysicsError
        If a force is no finite number.
    MissingDependencyError
        If phonopy is not installed.
    """
    made = _displaced(crystal, supercell, displacement_A)
    return _constants(made, crystal, forces_eV_per_A, has_rest=has_free_atoms(crystal))


def phonons_of_calculator(
    crystal: Atoms,
    calculator: Calculator,
    supercell: tuple[int, int, int] | None = None,
    displacement_A: float = DISPLACEMENT_A,
) -> ForceConstants:
    """Compute force constants with any calculator of ASE; no archive is needed.

    Parameters
    ----------
    crystal
        The primitive cell at rest; see :func:`tm23flows.science.relaxation.relax_crystal`.
    calculator
        Gives forces in eV/angstrom.
    supercell
        Multiples of its vectors; None for those of :func:`phonon_supercell`.
    displacement_A
        How far an atom is displaced, in angstrom.

    Returns
    -------
    Force constants, which have the frequencies.

    Raises
    ------
    InputError
        If the displacement is no small length.
    PhysicsError
        If a force is no finite number.
    MissingDependencyError
        If phonopy is not installed.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = phonons_of_calculator(bulk("Cu", a=3.59), EMT(), (3, 3, 3))
    >>> found.frequencies([[0.5, 0.5, 0]])[0].round(1).tolist()
    [5.5, 5.5, 8.2]
    """
    made = _displaced(crystal, supercell or phonon_supercell(crystal), displacement_A)
    has_rest = has_free_atoms(crystal)
    forces = []
    for atoms in _cells(made, has_rest=has_rest):
        atoms.calc = calculator
        forces.append(atoms.get_forces())
    return _constants(made, crystal, forces, has_rest=has_rest)


def _displaced(crystal: Atoms, supercell: tuple[int, int, int], displacement_A: float) -> Any:
    if not 0 < displacement_A < 1:
        raise InputError(f"A displacement of {displacement_A} A is not a small length.")
    if len(supercell) != 3 or min(supercell) < 1:
        raise InputError(f"A supercell is three multiples of the vectors, not {supercell}.")
    made = phonopy_of(crystal, supercell)
    made.generate_displacements(distance=displacement_A)
    return made


def _cells(made: Any, *, has_rest: bool) -> list[Atoms]:
    from ase import Atoms as AseAtoms

    cells = [made.supercell] * has_rest + made.supercells_with_displacements
    return [
        AseAtoms(one.symbols, cell=one.cell, scaled_positions=one.scaled_positions, pbc=True)
        for one in cells
    ]


def _constants(
    made: Any, crystal: Atoms, forces_eV_per_A: Sequence[ArrayLike], *, has_rest: bool
) -> ForceConstants:
    wanted = len(made.supercells_with_displacements) + has_rest
    given = [np.asarray(one, dtype=float) for one in forces_eV_per_A]
    if len(given) != wanted or {one.shape for one in given} != {(len(made.supercell), 3)}:
        raise InputError(
            f"{wanted} displaced cells of {len(made.supercell)} atoms need as many sets of forces."
        )
    if not all(np.isfinite(one).all() for one in given):
        raise PhysicsError("A force in a displaced cell is no finite number.")
    at_rest = given[0] if has_rest else 0.0
    made.forces = [one - at_rest for one in given[has_rest:]]
    made.produce_force_constants(show_drift=False)
    drift = float(np.abs(made.force_constants.sum(axis=1)).max())
    made.symmetrize_force_constants(show_drift=False)
    values = made.force_constants[made.primitive.p2s_map].copy()
    a, b, c = (int(one) for one in np.diag(made.supercell_matrix))
    return ForceConstants(crystal.copy(), (a, b, c), values, drift)
