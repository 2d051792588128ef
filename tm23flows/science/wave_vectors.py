"""Wave vectors of phonons: paths to draw along and meshes to compare on.

Owns which points there are; the lines of high symmetry are ASE's, the reduction of a mesh is
spglib's. Frequencies are in :mod:`tm23flows.science.phonons`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError
from tm23flows.science.crystals import SYMPREC_A
from tm23flows.science.label_arrays import FloatArray

if TYPE_CHECKING:
    from ase import Atoms

Q_SPACING_PER_A: Final = 0.2
"""Default distance of the points of a mesh of wave vectors, 1/angstrom with 2 pi."""

PATH_STEP_PER_A: Final = 0.05
"""Default distance of the points of a path, the same unit."""


@dataclass(frozen=True)
class QPath:
    """A path of wave vectors along lines of high symmetry.

    Parameters
    ----------
    q_points
        In units of the reciprocal vectors of the crystal, shape (n, 3).
    places_per_A
        Length of the path up to each point, 1/angstrom with 2 pi, shape (n,).
    ticks
        Place and name of each corner; a name such as ``U|K`` where the path jumps.
    """

    q_points: FloatArray
    places_per_A: FloatArray
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class QMesh:
    """A mesh of wave vectors centred on Gamma, reduced by the symmetry of the crystal.

    Parameters
    ----------
    numbers
        Points along each reciprocal vector.
    q_points
        One of each set of equivalent points, shape (n, 3).
    weights
        How many points each stands for, shape (n,).
    """

    numbers: tuple[int, int, int]
    q_points: FloatArray
    weights: NDArray[np.int_]


def high_symmetry_path(crystal: Atoms, step_per_A: float = PATH_STEP_PER_A) -> QPath:
    """Choose the path along which frequencies are drawn: that of ASE for the Bravais lattice.

    Parameters
    ----------
    crystal
        The primitive cell.
    step_per_A
        Largest distance between its points, 1/angstrom with 2 pi.

    Returns
    -------
    The path of Setyawan and Curtarolo, Comput. Mater. Sci. 49, 299 (2010).

    Raises
    ------
    InputError
        If the step is not positive.
    """
    if not 0 < step_per_A < np.inf:
        raise InputError(f"A path cannot have steps of {step_per_A} 1/A.")
    path = crystal.cell.bandpath(density=1 / step_per_A, pbc=[True] * 3)
    places, corners, names = path.get_linear_kpoint_axis()
    ticks: list[tuple[float, str]] = []
    for place, name in zip(corners.tolist(), names, strict=True):
        plain = "Γ" if name == "G" else name
        if ticks and place == ticks[-1][0]:
            ticks[-1] = (place, f"{ticks[-1][1]}|{plain}")
        else:
            ticks.append((place, plain))
    return QPath(np.asarray(path.kpts), np.asarray(places), tuple(ticks))


def irreducible_mesh(crystal: Atoms, numbers: tuple[int, int, int]) -> QMesh:
    """Make the mesh on which frequencies are compared.

    Parameters
    ----------
    crystal
        The primitive cell.
    numbers
        Points along each reciprocal vector.

    Returns
    -------
    The irreducible points of the mesh centred on Gamma, time reversal used.

    Raises
    ------
    InputError
        If there is no such mesh.
    """
    import spglib

    if len(numbers) != 3 or min(numbers) < 1:
        raise InputError(f"A mesh of wave vectors has three numbers of points, not {numbers}.")
    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    mapping, addresses = spglib.get_ir_reciprocal_mesh(numbers, cell, symprec=SYMPREC_A)
    points, weights = np.unique(mapping, return_counts=True)
    one, two, three = (int(n) for n in numbers)
    return QMesh((one, two, three), addresses[points] / np.array(numbers), weights)
