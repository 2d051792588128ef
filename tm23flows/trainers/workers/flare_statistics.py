"""What a sparse process has to know of its labels: sums over frames, m x m at most.

Owns the labels as arrays, the sums that frames add to, and the leading part of them
that belongs to the first frames and environments. Kernels are those of a signal of 1,
whitened by the factor of the sparse kernel, so that later sums never change earlier
ones. Energies count per atom, and relative to the energies of the atoms, which are
fitted when a model is made. The order of the kinds is energy, force, stress.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import blas, solve_triangular

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Labels:
    """Labels of N frames.

    ``counts`` (N, elements) are atoms of each element; ``energies`` (N,) are relative to
    ``reference`` (elements,), all in eV; ``forces`` are N arrays (3n,) in eV/A;
    ``stresses`` (N, 6) are in eV/A^3, in ASE's order and sign.
    """

    counts: np.ndarray
    energies: np.ndarray
    reference: np.ndarray
    forces: list[np.ndarray]
    stresses: np.ndarray


@dataclass
class Sums:
    """Sums over the frames so far, for m environments.

    ``grams`` are V V^T of each kind (m, m), lower triangles in Fortran's order, where V
    is the whitened kernel. ``vectors`` (m, 1 + elements + 2) are V times the energies,
    the counts of each element, the forces, the stresses.
    """

    grams: list[np.ndarray]
    vectors: np.ndarray
    n_frames: int = 0


@dataclass(frozen=True)
class Problem:
    """All that the likelihood of a process depends on, besides its four values.

    ``grams`` (m, m) and ``vectors`` (3, m) as in ``Sums``, without the energies of the
    atoms; ``squares`` (3,) and ``numbers`` (3,) of the labels; ``constant`` is the
    logarithm of the determinant of the weights of the energies.
    """

    grams: list[np.ndarray]
    vectors: np.ndarray
    squares: np.ndarray
    numbers: np.ndarray
    constant: float


def read_labels(frames: list[Atoms], elements: list[int]) -> Labels:
    """Take the labels from frames.

    Parameters
    ----------
    frames
        The training frames.
    elements
        Atomic numbers.

    Returns
    -------
    Their labels. The first frame is the reference, so that sums over the first frames
    are the same whatever comes later, and large total energies lose no digits.
    """
    counts = np.array([[np.sum(atoms.numbers == z) for z in elements] for atoms in frames], float)
    energies = np.array([atoms.get_potential_energy() for atoms in frames])
    reference = counts[0] * energies[0] / (counts[0] @ counts[0])
    return Labels(
        counts=counts,
        energies=energies - counts @ reference,
        reference=reference,
        forces=[atoms.get_forces().ravel() for atoms in frames],
        stresses=np.array([atoms.get_stress() for atoms in frames]),
    )


def atom_energies(labels: Labels, n_frames: int) -> np.ndarray:
    """Fit one energy per element to the total energies; for a metal, the mean.

    Parameters
    ----------
    labels
        The labels.
    n_frames
        How many frames to use, from the first.

    Returns
    -------
    Energy per atom of each element relative to the reference, eV.
    """
    return np.linalg.lstsq(labels.counts[:n_frames], labels.energies[:n_frames], rcond=None)[0]


def no_sums(m: int, n_species: int) -> Sums:
    """Return the sums over no frames.

    Parameters
    ----------
    m
        Number of sparse environments.
    n_species
        Number of elements.

    Returns
    -------
    Zeros.
    """
    return Sums([np.zeros((m, m), order="F") for _ in range(3)], np.zeros((m, 3 + n_species)))


def add_frame(sums: Sums, factor: np.ndarray, block: np.ndarray, labels: Labels) -> None:
    """Add the next frame.

    Parameters
    ----------
    sums
        What it is added to.
    factor
        Lower Cholesky factor (m, m) of the sparse kernel.
    block
        Kernel (1 + 3n + 6, m) of the sparse set with the labels of the frame.
    labels
        The labels; the frame is the one with the number ``sums.n_frames``.
    """
    i = sums.n_frames
    counts = labels.counts[i]
    n_atoms = counts.sum()
    block[0] /= n_atoms
    white = solve_triangular(factor, block.T, lower=True, overwrite_b=True, check_finite=False)
    for q, part in enumerate((white[:, :1], white[:, 1:-6], white[:, -6:])):
        sums.grams[q] = blas.dsyrk(1.0, part, beta=1.0, c=sums.grams[q], lower=1, overwrite_c=1)
    energies = np.append(labels.energies[i], counts) / n_atoms
    sums.vectors[:, :-2] += white[:, :1] * energies
    sums.vectors[:, -2] += white[:, 1:-6] @ labels.forces[i]
    sums.vectors[:, -1] += white[:, -6:] @ labels.stresses[i]
    sums.n_frames = i + 1


def leading_problem(sums: Sums, labels: Labels, m: int) -> tuple[Problem, np.ndarray]:
    """Return what the likelihood of the process on the frames so far depends on.

    Parameters
    ----------
    sums
        The sums.
    labels
        The labels.
    m
        Number of environments that come from these frames: the first ones.

    Returns
    -------
    The problem, and the energies of the atoms in eV.
    """
    n = sums.n_frames
    offsets = atom_energies(labels, n)
    per_atom = labels.counts[:n].sum(axis=1)
    residuals = (labels.energies[:n] - labels.counts[:n] @ offsets) / per_atom
    forces = labels.forces[:n]
    squares = [residuals @ residuals, sum(f @ f for f in forces), np.sum(labels.stresses[:n] ** 2)]
    vectors = sums.vectors[:m]
    energy = vectors[:, 0] - vectors[:, 1:-2] @ offsets
    problem = Problem(
        grams=[np.asfortranarray(gram[:m, :m]) for gram in sums.grams],
        vectors=np.array([energy, vectors[:, -2], vectors[:, -1]]),
        squares=np.array(squares),
        numbers=np.array([n, sum(map(len, forces)), 6 * n], float),
        constant=2.0 * float(np.sum(np.log(per_atom))),
    )
    return problem, offsets + labels.reference
