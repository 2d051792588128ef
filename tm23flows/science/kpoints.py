"""k-point meshes from a spacing.

Owns the rule that turns a density of k-points into a mesh for a given cell. It
does not know whether a density is enough: that is measured by convergence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError


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
    """
    if not spacing_per_A > 0:
        raise InputError(f"The k-point spacing must be positive, not {spacing_per_A}.")
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(np.asarray(cell, dtype=float)), axis=0)
    # The small term keeps an exact multiple from costing one more point.
    n1, n2, n3 = (max(1, int(np.ceil(length / spacing_per_A - 1e-9))) for length in lengths)
    return n1, n2, n3
