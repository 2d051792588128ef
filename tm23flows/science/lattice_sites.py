"""All lattice sites of a supercell, that of its vacancy among them.

Owns the way from a supercell with an atom missing back to the sites of the perfect crystal. Hops
between them are :mod:`tm23flows.science.hops`.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray, finite_array

SAME_SITE_A = 1e-3
"""Atoms that fold back to within this are copies of one site."""


def sites_before_vacancy(
    positions: ArrayLike, cell: ArrayLike, supercell_matrix: ArrayLike
) -> FloatArray:
    """Return the sites that the supercell had before atoms were taken out.

    Every atom is folded back into the unit cell; each of the sites that are found there is
    repeated over the supercell. The order is first by the site of the unit cell, then by its
    copies; it has nothing to do with that of the atoms.

    Parameters
    ----------
    positions
        Atoms on ideal sites, (atoms, 3), A; some may be missing, but not all copies of a site.
    cell
        Vectors of the supercell as rows, (3, 3), A.
    supercell_matrix
        Integers, rows: vectors of the supercell in units of those of the unit cell.

    Returns
    -------
        Sites, (sites, 3), A.

    Raises
    ------
    InputError
        The matrix is singular, or the atoms are not on copies of a few sites.
    """
    atoms, vectors = finite_array(positions, "positions"), finite_array(cell, "cell")
    matrix = np.asarray(supercell_matrix, dtype=float)
    n_cells = round(abs(np.linalg.det(matrix)))
    if n_cells < 1:
        raise InputError("The supercell matrix is singular: it repeats nothing.")
    unit = np.linalg.solve(matrix, vectors)
    offsets = _distinct(atoms, unit)
    if len(offsets) * n_cells < len(atoms):
        raise InputError(f"{len(atoms)} atoms do not fit {len(offsets) * n_cells} lattice sites.")
    if len(offsets) * n_cells > 2 * len(atoms):
        raise InputError("The atoms are not on the sites of a crystal that repeats its unit cell.")
    return (offsets[:, None] + _translations(matrix, n_cells) @ unit).reshape(-1, 3)


def _distinct(atoms: FloatArray, unit: FloatArray) -> FloatArray:
    """Return the atoms that are no copies of one before, by whole vectors of the unit cell."""
    inverse = np.linalg.inv(unit)
    found: list[FloatArray] = []
    for atom in atoms:
        apart = [(atom - one) @ inverse for one in found]
        away = [np.linalg.norm((f - np.round(f)) @ unit) for f in apart]
        if not away or min(away) > SAME_SITE_A:
            found.append(atom)
    return np.array(found)


def _translations(matrix: FloatArray, n_cells: int) -> FloatArray:
    """Return one translation of the unit cell for each that the supercell holds, (n_cells, 3)."""
    corners = np.array(list(product((0, 1), repeat=3))) @ matrix
    ranges = [
        range(int(low), int(high) + 1)
        for low, high in zip(corners.min(axis=0), corners.max(axis=0), strict=True)
    ]
    inside: dict[tuple[int, ...], tuple[int, ...]] = {}
    inverse = np.linalg.inv(matrix)
    for one in product(*ranges):
        # Multiples of 1 / n_cells, so rounding makes them equal where they are the same.
        key = np.round(np.array(one) @ inverse * n_cells).astype(int) % n_cells
        inside.setdefault(tuple(key.tolist()), one)
    return np.array(list(inside.values()), dtype=float)
