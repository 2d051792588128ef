"""k-point meshes: how dense, and whether centred on Gamma or shifted.

Owns the rule that turns a density of k-points into a mesh for a given cell, and the
choice of the grid type by the symmetry of the lattice. It does not know whether a mesh
is dense enough: that is measured, see ``convergence``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError

Grid = Literal["by-symmetry", "gamma", "monkhorst-pack"]
"""``gamma`` is centred on Gamma, ``monkhorst-pack`` is off Gamma along every even axis."""

Offset = tuple[float, float, float]
GAMMA_CENTRED: Final[Offset] = (0.0, 0.0, 0.0)

# Lattice vectors from files have five digits or more. A lattice that is hexagonal but for
# such rounding must be seen as hexagonal.
_SYMMETRY_TOLERANCE_A: Final = 1e-2
_WHOLE: Final = 1e-9


@dataclass(frozen=True)
class KMesh:
    """Numbers of points along the reciprocal vectors and the shift of the mesh.

    ``offset`` is in units of the reciprocal vectors, as in a recipe: the points are
    ``(j / n + offset)`` for j = 0, ..., n - 1 along each axis.
    """

    kmesh: tuple[int, int, int]
    offset: Offset = GAMMA_CENTRED

    def __str__(self) -> str:
        """Return the mesh as users read it, such as ``shifted 4x4x4``."""
        text = "x".join(map(str, self.kmesh))
        return f"shifted {text}" if any(self.offset) else text

    @property
    def n_points(self) -> int:
        """Number of points of the whole mesh: its density in a given cell."""
        return prod(self.kmesh)

    @property
    def n_independent(self) -> int:
        """Number of points that are left when k and -k are one, as without a point group.

        A point is its own inverse where 2 (j / n + offset) is whole along every axis. A mesh
        that inversion does not map onto itself keeps all its points.
        """
        own = 1
        for n, offset in zip(self.kmesh, self.offset, strict=True):
            doubled = 2 * n * offset
            if not _whole(doubled):
                return self.n_points
            own *= 1 if n % 2 else 2 * (round(doubled) % 2 == 0)
        return (self.n_points + own) // 2


def kmesh_for_spacing(cell: ArrayLike, spacing_per_A: float) -> tuple[int, int, int]:
    """Return the coarsest mesh whose points are nowhere further apart than a spacing.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in angstrom.
    spacing_per_A
        Largest distance between neighbouring points along each reciprocal
        vector, in 1/angstrom with the factor 2 pi, as VASP's KSPACING.

    Returns
    -------
    Number of points along each axis.

    Raises
    ------
    InputError
        If the spacing is not positive.

    Examples
    --------
    Along a vector of twice the length about half as many points do.

    >>> kmesh_for_spacing([[5.1, 0, 0], [0, 5.1, 0], [0, 0, 10.2]], 0.3)
    (5, 5, 3)
    """
    if not spacing_per_A > 0:
        raise InputError(f"The k-point spacing must be positive, not {spacing_per_A}.")
    # The small term keeps an exact multiple from costing one more point.
    n1, n2, n3 = (
        max(1, int(np.ceil(length / spacing_per_A - 1e-9))) for length in _reciprocal_lengths(cell)
    )
    return n1, n2, n3


def largest_spacing(cell: ArrayLike, kmesh: tuple[int, int, int]) -> float:
    """Return the largest distance between neighbouring points of a mesh.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in angstrom.
    kmesh
        Number of points along each axis.

    Returns
    -------
    In 1/angstrom with the factor 2 pi, as VASP's KSPACING.
    """
    return float((_reciprocal_lengths(cell) / np.array(kmesh)).max())


def choose_offset(
    cell: ArrayLike, kmesh: tuple[int, int, int], grid: Grid = "by-symmetry"
) -> Offset:
    """Choose between a mesh centred on Gamma and the shifted one of Monkhorst and Pack.

    VASP's manual asks for meshes with the symmetry of the reciprocal lattice, and for
    Gamma-centred ones on hexagonal lattices, where shifted meshes have not all of it. The
    rule here is that condition itself: a mesh is shifted if all its numbers are even and
    the shift takes no symmetry of the lattice away. This shifts even meshes of primitive and
    body-centred cubic, tetragonal, orthorhombic and rhombohedral lattices, and none of
    hexagonal and face-centred ones. Odd numbers, of which Monkhorst and Pack's own mesh holds
    Gamma, stay where they are.

    Parameters
    ----------
    cell
        Vectors of the cell that is computed as rows, shape (3, 3), in angstrom. They are the
        lattice of the perfect supercell; vacancies and displaced atoms do not enter.
    kmesh
        Number of points along each axis.
    grid
        ``gamma`` and ``monkhorst-pack`` ask for one type whatever the symmetry.

    Returns
    -------
    The offset of the mesh: 1 / (2 n) along axes that are shifted.

    Raises
    ------
    InputError
        If the grid is none of these, or the cell has no volume.
    """
    if grid not in get_args(Grid):
        raise InputError(f"'{grid}' is not a type of grid: use {', '.join(get_args(Grid))}.")
    x, y, z = (0.0 if n % 2 else 1 / (2 * n) for n in kmesh)
    if grid == "monkhorst-pack":
        return x, y, z
    if grid == "gamma" or not (x and y and z):
        return GAMMA_CENTRED
    return (x, y, z) if _keeps_symmetry(_rotations(cell), kmesh, (x, y, z)) else GAMMA_CENTRED


def _reciprocal_lengths(cell: ArrayLike) -> NDArray[np.float64]:
    widths = np.linalg.norm(np.linalg.inv(np.asarray(cell, dtype=float)), axis=0)
    lengths: NDArray[np.float64] = 2 * np.pi * widths
    return lengths


def _rotations(cell: ArrayLike) -> NDArray[np.int_]:
    """Return the point group of a lattice as matrices, (m, 3, 3), that act on k as rows."""
    import spglib

    vectors = np.asarray(cell, dtype=float)
    lattice = (vectors.tolist(), [[0, 0, 0]], [1])
    has_volume = abs(np.linalg.det(vectors)) > _SYMMETRY_TOLERANCE_A**3
    found = None
    # phonopy changes spglib for the whole process: it raises where it returned None before
    with suppress(spglib.SpglibError):
        if has_volume:
            found = spglib.get_symmetry(lattice, symprec=_SYMMETRY_TOLERANCE_A)
    if found is None:
        raise InputError("The cell is no lattice: give three independent vectors in angstrom.")
    # A rotation W of fractional coordinates takes k to k W^-1; W^-1 is in the group as well.
    rotations: NDArray[np.int_] = found["rotations"]
    return rotations


def _keeps_symmetry(
    rotations: NDArray[np.int_], kmesh: tuple[int, int, int], offset: Offset
) -> bool:
    """Say whether each rotation that maps the centred mesh onto itself maps the shifted one."""
    n = np.array(kmesh)
    shift = np.array(offset)
    return all(
        _whole((shift @ rotation - shift) * n)
        for rotation in rotations
        if _whole(rotation * n[None, :] / n[:, None])
    )


def _whole(values: ArrayLike) -> bool:
    return bool((np.abs(values - np.rint(values)) < _WHOLE).all())
