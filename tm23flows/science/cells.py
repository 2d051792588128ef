"""Supercells with one vacancy.

Owns the paper's supercell rule in both of its wordings, supercells of a wanted size, the
repetition of a cell and the removal of one seeded random atom. Does not know metals or
temperatures; the cells to start from come from ``prototypes`` or from the user.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.protocol import MIN_LENGTH_A
from tm23flows.science.prototypes import build_conventional, build_primitive

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "SupercellRule",
    "build_conventional",
    "build_primitive",
    "make_supercell",
    "min_image_distance",
    "remove_random_atom",
    "repetitions_for",
    "smallest_width",
    "supercell_matrix",
]

SupercellRule = Literal["image-distance", "vector-length"]

_TOLERANCE_A: Final = 1e-8  # a cell of exactly the asked length must pass


def _checked_cell(cell: ArrayLike) -> NDArray[np.float64]:
    vectors = np.asarray(cell, dtype=float)
    if vectors.shape != (3, 3) or not np.isfinite(vectors).all():
        raise InputError("A cell is three lattice vectors in A: give a finite 3 x 3 array.")
    if abs(np.linalg.det(vectors)) < np.linalg.norm(vectors, axis=1).prod() * 1e-9:
        raise InputError("The cell has no volume: give three independent lattice vectors in A.")
    return vectors


def min_image_distance(cell: ArrayLike) -> float:
    """Return the smallest distance between an atom and its own periodic images.

    Parameters
    ----------
    cell
        Lattice vectors as rows, (3, 3), A; periodic in all directions.

    Returns
    -------
        Length of the shortest non-zero lattice translation, A. In a skewed cell this can be
        shorter than each of the three vectors.

    Examples
    --------
    In the primitive cell of fcc copper an atom is its own nearest neighbour, a / sqrt(2) away.

    >>> cell = [[0.0, 1.8, 1.8], [1.8, 0.0, 1.8], [1.8, 1.8, 0.0]]
    >>> round(min_image_distance(cell), 4)
    2.5456
    """
    from ase.geometry.minkowski_reduction import minkowski_reduce

    reduced, _ = minkowski_reduce(_checked_cell(cell))
    return float(np.linalg.norm(reduced, axis=1).min())


def _rule_length(cell: NDArray[np.float64], rule: SupercellRule) -> float:
    if rule == "vector-length":
        return float(np.linalg.norm(cell, axis=1).min())
    return min_image_distance(cell)


def _candidates(cell: NDArray[np.float64], min_length_A: float) -> list[tuple[int, ...]]:
    """List the repetitions that can be the smallest, in the order of their size.

    Each repeated vector is itself a translation, which gives the lower bound. With the planes
    of all other translations at least the asked length apart a direction needs no more
    repetitions, which gives the upper bound.
    """
    lengths = np.linalg.norm(cell, axis=1)
    spacings = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    ranges = [
        range(
            max(1, int(np.ceil((min_length_A - _TOLERANCE_A) / length))),
            max(1, int(np.ceil((min_length_A - _TOLERANCE_A) / spacing))) + 1,
        )
        for length, spacing in zip(lengths, spacings, strict=True)
    ]
    return sorted(product(*ranges), key=lambda repeats: (prod(repeats), repeats))


def supercell_matrix(
    cell: ArrayLike,
    min_length_A: float = MIN_LENGTH_A,
    rule: SupercellRule = "image-distance",
) -> NDArray[np.int_]:
    """Return the smallest diagonal supercell that satisfies the paper's rule.

    The article words the rule twice: at least 7 A between an atom and its periodic images
    (``image-distance``, over all lattice translations), and each lattice vector at least 7 A
    long (``vector-length``). They differ for skewed cells; record which one was used.

    Parameters
    ----------
    cell
        Lattice vectors of the cell to repeat as rows, (3, 3), A.
    min_length_A
        The asked length, A.
    rule
        Wording of the rule.

    Returns
    -------
        Diagonal matrix of repetitions, (3, 3). Of several with equally few cells the one with
        the larger image distance is taken, then the one with fewer repetitions of the first
        vectors.

    Raises
    ------
    InputError
        Unknown rule, a length that is not positive, or a cell without volume.
    """
    vectors = _checked_cell(cell)
    if rule not in get_args(SupercellRule):
        names = " or ".join(get_args(SupercellRule))
        raise InputError(f"'{rule}' is not a supercell rule: use {names}.")
    if not 0 < min_length_A < float("inf"):
        raise InputError(f"The minimum length must be positive, not {min_length_A} A.")
    best: tuple[int, ...] | None = None
    best_distance_A = 0.0
    for repeats in _candidates(vectors, min_length_A):
        if best is not None and prod(repeats) > prod(best):
            break
        repeated = vectors * np.array(repeats)[:, None]
        if _rule_length(repeated, rule) < min_length_A - _TOLERANCE_A:
            continue
        distance_A = min_image_distance(repeated)
        if best is None or distance_A > best_distance_A + _TOLERANCE_A:
            best, best_distance_A = repeats, distance_A
    assert best is not None, "the largest candidate satisfies both rules by construction"
    return np.diag(best)


def repetitions_for(cell: ArrayLike, n_in_cell: int, n_sites: int) -> tuple[int, int, int]:
    """Return the diagonal supercell with a wanted number of sites that is most like a ball.

    640 sites of hcp osmium are 8 x 8 x 5 conventional cells of two atoms, 21.9 x 21.9 x 21.6 A,
    with 21.6 A between an atom and its images: more than the 19.0 A of 8 x 4 x 5 orthogonal
    cells of four, the other way to 640.

    Parameters
    ----------
    cell
        Lattice vectors of the cell to repeat as rows, (3, 3), A.
    n_in_cell
        Atoms in it.
    n_sites
        Sites of the supercell, vacancies included.

    Returns
    -------
        Repetitions along each vector with the largest image distance; of several the one with
        the largest smallest width.

    Raises
    ------
    InputError
        The number is no multiple of that of the cell, or the cell has no volume.
    """
    vectors = _checked_cell(cell)
    n_cells, rest = divmod(n_sites, n_in_cell)
    if rest or n_cells < 1:
        below, above = max(1, n_cells) * n_in_cell, (max(1, n_cells) + 1) * n_in_cell
        raise InputError(
            f"{n_sites} sites are not a multiple of the {n_in_cell} of the cell that is repeated: "
            f"take {below} or {above}, or another cell."
        )
    divisors = [one for one in range(1, n_cells + 1) if n_cells % one == 0]

    def roundness(repeats: tuple[int, ...]) -> tuple[float, ...]:
        repeated = vectors * np.array(repeats)[:, None]
        lengths = min_image_distance(repeated), smallest_width(repeated)
        return (*(round(one, 6) for one in lengths), *(-one for one in repeats))

    candidates = ((a, b, n_cells // a // b) for a in divisors for b in divisors)
    a, b, c = max((one for one in candidates if prod(one) == n_cells), key=roundness)
    return a, b, c


def smallest_width(cell: ArrayLike) -> float:
    """Return the smallest distance between two opposite faces of a cell.

    Parameters
    ----------
    cell
        Lattice vectors as rows, (3, 3), A.

    Returns
    -------
        The distance, A.

    Examples
    --------
    The planes of a primitive cell of fcc are nearer to each other than its images: a / sqrt(3).

    >>> round(smallest_width([[0.0, 1.8, 1.8], [1.8, 0.0, 1.8], [1.8, 1.8, 0.0]]), 4)
    2.0785
    """
    return float(1 / np.linalg.norm(np.linalg.inv(_checked_cell(cell)), axis=0).max())


def make_supercell(atoms: Atoms, matrix: ArrayLike) -> Atoms:
    """Repeat a cell.

    Parameters
    ----------
    atoms
        Cell to repeat.
    matrix
        Integer matrix, (3, 3); the new lattice vectors are ``matrix @ cell``.

    Returns
    -------
        The repeated cell with all sites filled.

    Raises
    ------
    InputError
        The matrix is not made of integers, is not (3, 3) or is singular.
    """
    from ase import build

    values = np.asarray(matrix, dtype=float)
    whole = np.rint(values)
    if values.shape != (3, 3) or not np.array_equal(values, whole):
        raise InputError("A supercell matrix is a 3 x 3 array of whole numbers.")
    if round(np.linalg.det(whole)) < 1:
        raise InputError("The supercell matrix must have a positive determinant.")
    made: Atoms = build.make_supercell(atoms, whole.astype(int))
    return made


def remove_random_atom(atoms: Atoms, seed: int) -> tuple[Atoms, int]:
    """Make the one vacancy by deleting a random atom.

    Parameters
    ----------
    atoms
        Supercell with all sites filled; not changed.
    seed
        Seed of the choice; the same seed gives the same atom.

    Returns
    -------
        A copy without the atom, and the index that the atom had. Record both seed and index.

    Raises
    ------
    InputError
        The cell would be empty, or the seed is negative.
    """
    if len(atoms) < 2:
        raise InputError(f"A cell of {len(atoms)} atoms has none to spare for a vacancy.")
    if seed < 0:
        raise InputError(f"The seed of the vacancy must not be negative, not {seed}.")
    index = int(np.random.default_rng(seed).integers(len(atoms)))
    defective = atoms.copy()
    del defective[index]
    return defective, index
