"""The normalised dot-product kernel of a sparse set, as products of matrices.

Owns the sparse set and its kernel with itself and with the labels of a frame, for a
signal of 1: k(u, v) = (u.v)^power for unit descriptors of the same element, and 0
otherwise. The signal variance multiplies all of it. Knows nothing of training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flare_frame import Environments
from scipy.linalg import cholesky

JITTER = 1e-10  # on the diagonal of the sparse kernel, for a signal of 1


@dataclass(frozen=True)
class SparseSet:
    """The m sparse environments.

    ``units`` (m, d) and ``species`` (m,) are theirs. ``members`` are the indices of
    those of each element, ``columns`` their units (d, m of the element).
    """

    units: np.ndarray
    species: np.ndarray
    power: int
    members: tuple[np.ndarray, ...]
    columns: tuple[np.ndarray, ...]


def sparse_set(units: np.ndarray, species: np.ndarray, power: int, n_species: int) -> SparseSet:
    """Make a sparse set.

    Parameters
    ----------
    units
        Unit descriptors (m, d).
    species
        Index of the element of each (m,).
    power
        Power of the kernel.
    n_species
        Number of elements.

    Returns
    -------
    The set.
    """
    members = tuple(np.flatnonzero(species == s) for s in range(n_species))
    # copied once here instead of in every product
    columns = tuple(np.ascontiguousarray(units[one].T) for one in members)
    return SparseSet(units, species, power, members, columns)


def sparse_factor(sparse: SparseSet) -> np.ndarray:
    """Factorise the kernel of a sparse set with itself, for a signal of 1.

    Parameters
    ----------
    sparse
        The set.

    Returns
    -------
    The lower Cholesky factor (m, m), in Fortran's order.
    """
    m = len(sparse.species)
    kernel = np.zeros((m, m), order="F")
    for members, columns in zip(sparse.members, sparse.columns, strict=True):
        if len(members) == m:
            np.matmul(columns.T, columns, out=kernel)
        else:
            kernel[np.ix_(members, members)] = columns.T @ columns
    kernel **= sparse.power
    kernel[np.diag_indices(m)] += JITTER
    return cholesky(kernel, lower=True, overwrite_a=True, check_finite=False)


def kernel_block(sparse: SparseSet, frame: list[Environments], n_atoms: int) -> np.ndarray:
    """Return the kernel of a sparse set with the labels of a frame, for a signal of 1.

    Parameters
    ----------
    sparse
        The set.
    frame
        The environments of each element in the frame.
    n_atoms
        Number n of atoms of the frame.

    Returns
    -------
    An array (1 + 3n + 6, m): the energy, the forces, the stresses in ASE's order.
    """
    block = np.zeros((7 + 3 * n_atoms, len(sparse.species)))
    for members, columns, one in zip(sparse.members, sparse.columns, frame, strict=True):
        if len(members) == 0 or len(one.atoms) == 0:
            continue
        cosines = one.units @ columns
        part = np.zeros((len(block), len(members)))
        part[0] = np.sum(cosines**sparse.power, axis=0)
        slopes = one.label_slopes()
        weights = sparse.power * cosines ** (sparse.power - 1)
        for weight, start, stop in zip(weights, one.starts[:-1], one.starts[1:], strict=True):
            product = slopes[start:stop] @ columns
            product *= weight
            part[1 + one.labels[start:stop]] += product
        block[:, members] = part
    return block


def local_kernel(sparse: SparseSet, units: np.ndarray, species: int) -> np.ndarray:
    """Return the kernel of a sparse set with environments of one element.

    Parameters
    ----------
    sparse
        The set.
    units
        Unit descriptors (n, d).
    species
        Index of the element.

    Returns
    -------
    An array (m, n), for a signal of 1.
    """
    found = np.zeros((len(sparse.species), len(units)))
    found[sparse.members[species]] = (units @ sparse.columns[species]).T ** sparse.power
    return found
