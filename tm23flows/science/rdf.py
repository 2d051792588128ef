"""Radial distribution functions of atoms in a periodic cell.

Owns g(r) averaged over the frames of a run, to any radius, and the difference between two of them.
The cell is repeated as often as the radius asks for, so nothing is lost beyond half its width;
there, though, an atom meets copies of atoms that it met before. Its distances to its own images
never change and say nothing, so they are left out: in cells of 7 A they would be the highest peaks
of a melt. What g(r) says about melting is in :mod:`tm23flows.science.melting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.cells import smallest_width
from tm23flows.science.label_arrays import FloatArray, finite_array

R_MAX_A: Final = 8.0
BIN_A: Final = 0.05


@dataclass(frozen=True, eq=False)
class Rdf:
    """A radial distribution function.

    Parameters
    ----------
    r_A
        Centres of equally wide bins, the first of which begins at 0, (bins,), A.
    g
        Pairs over those of an ideal gas of the same density, (bins,).
    n_frames
        Frames in the average.
    half_width_A
        Half the smallest width of the cell, A; beyond it the cell is repeated.
    """

    r_A: FloatArray
    g: FloatArray
    n_frames: int
    half_width_A: float


def radial_distribution(
    positions_A: ArrayLike,
    cell_A: ArrayLike,
    r_max_A: float = R_MAX_A,
    bin_A: float = BIN_A,
    *,
    own_images: bool = False,
) -> Rdf:
    """Average g(r) over the frames of a run.

    A bin from a to b has the mean number of neighbours of an atom in it over
    ``(n - 1) / V * 4 pi (b^3 - a^3) / 3``: the n - 1 others are what an atom can meet. With
    ``own_images`` it is n, and the definition that of ``ase.geometry.rdf.get_rdf``, which ends at
    half the width of the cell.

    Parameters
    ----------
    positions_A
        Wrapped or not, (frames, atoms, 3), A.
    cell_A
        Lattice vectors as rows, (3, 3), A; the same for all frames, periodic in all directions.
    r_max_A
        Largest distance, A; it is rounded up to whole bins.
    bin_A
        Width of a bin, A.
    own_images
        Whether an atom meets its own images.

    Returns
    -------
    The average.

    Raises
    ------
    InputError
        If the shapes are wrong, a number is not finite, the cell is flat, a length not positive, or
        a single atom has nobody to meet.
    """
    positions, cell = _checked(positions_A, cell_A)
    if not (0 < bin_A <= r_max_A < np.inf):
        raise InputError(f"A g(r) needs 0 < bin <= r_max, not {bin_A} and {r_max_A} A.")
    n_bins = int(np.ceil(r_max_A / bin_A - 1e-9))
    edges = bin_A * np.arange(n_bins + 1, dtype=np.float64)
    counts = np.zeros(n_bins)
    for frame in positions:
        counts += _pairs(frame, cell, edges, own_images=own_images)
    n_frames, n_atoms = positions.shape[:2]
    others = n_atoms if own_images else n_atoms - 1
    if not others:
        raise InputError("A single atom has no g(r): take a larger cell, or count its images.")
    shells = 4 / 3 * np.pi * np.diff(edges**3) * others / abs(np.linalg.det(cell))
    return Rdf(
        r_A=(edges[:-1] + edges[1:]) / 2,
        g=counts / (n_frames * n_atoms * shells),
        n_frames=n_frames,
        half_width_A=smallest_width(cell) / 2,
    )


def _checked(positions_A: ArrayLike, cell_A: ArrayLike) -> tuple[FloatArray, FloatArray]:
    positions = finite_array(positions_A, "positions")
    cell = finite_array(cell_A, "cell")
    if positions.ndim != 3 or positions.shape[2] != 3 or 0 in positions.shape:
        raise InputError(f"Positions have shape {positions.shape}: give (frames, atoms, 3) in A.")
    lengths = np.linalg.norm(cell, axis=-1)
    if cell.shape != (3, 3) or abs(np.linalg.det(cell)) <= 1e-9 * lengths.prod():
        raise InputError("The cell must be three independent lattice vectors in A, (3, 3).")
    return positions, cell


def _pairs(
    frame: FloatArray, cell: FloatArray, edges: FloatArray, *, own_images: bool
) -> FloatArray:
    """Count ordered pairs of atoms and images of atoms in each bin."""
    from scipy.spatial import cKDTree

    wrapped, images, atom_of = images_within(frame, cell, float(edges[-1]))
    met = cKDTree(wrapped).sparse_distance_matrix(cKDTree(images), edges[-1], output_type="ndarray")
    # An atom in its own place is no pair in any case; nothing else is at distance 0.
    counted = (met["v"] > 0) if own_images else (met["i"] != atom_of[met["j"]])
    return np.histogram(met["v"][counted], bins=edges)[0].astype(float)


def images_within(
    frame: FloatArray, cell: FloatArray, reach_A: float
) -> tuple[FloatArray, FloatArray, NDArray[np.int_]]:
    """Repeat a cell far enough to find all neighbours of its atoms.

    Parameters
    ----------
    frame
        Wrapped or not, (atoms, 3), A.
    cell
        Lattice vectors as rows, (3, 3), A.
    reach_A
        Largest distance that is looked for, A.

    Returns
    -------
    The atoms in the cell, (atoms, 3), A, all images of them that can be so near to one of them,
    themselves included, (images, 3), A, and the atom that each is an image of, (images,).
    """
    inverse = np.linalg.inv(cell)
    scaled = frame @ inverse
    scaled -= np.floor(scaled)
    # Faces are 1 / |column of the inverse| apart: so far out an image can be near an atom.
    reach = reach_A * np.linalg.norm(inverse, axis=0)
    most = np.ceil(reach).astype(int)
    shifts = np.stack(
        np.meshgrid(*(np.arange(-one, one + 1) for one in most), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    images = (scaled[None] + shifts[:, None]).reshape(-1, 3)
    near = np.all((images >= -reach) & (images <= 1 + reach), axis=1)
    return scaled @ cell, images[near] @ cell, np.flatnonzero(near) % len(frame)


def rdf_difference(one: Rdf, reference: Rdf) -> float:
    """Measure how far a g(r) is from another, in one number.

    This measure is ours, not the article's: ``integral |g - g_ref| dr / integral g_ref dr`` over
    the whole range, 0 for the same function. Two finite runs of one system differ by their noise,
    so compare with the difference between the halves of the reference (see :func:`halves`).

    Parameters
    ----------
    one
        A g(r).
    reference
        What it is compared with, in the same bins.

    Returns
    -------
    The difference, without a unit.

    Raises
    ------
    InputError
        If the bins differ, or the reference is zero everywhere.
    """
    if one.r_A.shape != reference.r_A.shape or not np.allclose(one.r_A, reference.r_A):
        raise InputError("Two g(r) in different bins cannot be compared: use the same r_max.")
    total = float(reference.g.sum())
    if not total > 0:
        raise InputError("The reference g(r) is zero everywhere: take a larger r_max.")
    return float(np.abs(one.g - reference.g).sum() / total)


def halves(
    positions_A: ArrayLike, cell_A: ArrayLike, r_max_A: float = R_MAX_A, bin_A: float = BIN_A
) -> tuple[Rdf, Rdf]:
    """Average g(r) over the first and over the second half of the frames.

    Parameters
    ----------
    positions_A
        (frames, atoms, 3), A; two frames at least.
    cell_A
        Lattice vectors as rows, (3, 3), A.
    r_max_A
        Largest distance, A.
    bin_A
        Width of a bin, A.

    Returns
    -------
    Both; their difference says how well the average over the run is known.

    Raises
    ------
    InputError
        As :func:`radial_distribution`, and for a single frame.
    """
    positions = np.asarray(positions_A, dtype=float)
    if len(positions) < 2:
        raise InputError("One frame has no halves: give two at least.")
    middle = len(positions) // 2
    return (
        radial_distribution(positions[:middle], cell_A, r_max_A, bin_A),
        radial_distribution(positions[middle:], cell_A, r_max_A, bin_A),
    )
