"""How far the phonon frequencies of one model are from those of another.

Owns the errors on a mesh of wave vectors and the split into acoustic and optical branches. The
frequencies come from :mod:`tm23flows.science.phonons`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray

Branches = Literal["all", "acoustic", "optical"]
N_ACOUSTIC: Final = 3

IMAGINARY_THZ: Final = 0.05
"""A frequency counts as imaginary below minus this. Interpolation near Gamma leaves less."""


@dataclass(frozen=True)
class FrequencyError:
    """Errors of frequencies in THz, each wave vector with its weight.

    ``mean_THz`` has a sign: negative where the frequencies are too low. ``percent`` is 100 MAE
    over the mean absolute frequency of the reference, None where that is zero.
    """

    mean_THz: float
    mae_THz: float
    rmse_THz: float
    largest_THz: float
    percent: float | None
    n_modes: int


@dataclass(frozen=True)
class ImaginaryModes:
    """What of a mesh has imaginary frequencies."""

    lowest_THz: float
    share: float

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.share > 0


def frequency_errors(
    q_points: ArrayLike, weights: ArrayLike, frequencies_THz: ArrayLike, reference_THz: ArrayLike
) -> dict[Branches, FrequencyError | None]:
    """Compare frequencies on a mesh of wave vectors.

    At each wave vector the branches are matched by their order: the three lowest are called
    acoustic and the others optical, also where an optical branch runs below an acoustic one.
    The three acoustic frequencies at Gamma are zero in any crystal and are not counted. Imaginary
    frequencies count as the negative numbers that they are given as.

    Parameters
    ----------
    q_points
        In units of the reciprocal vectors, shape (m, 3).
    weights
        How many points of the whole mesh each stands for, shape (m,).
    frequencies_THz, reference_THz
        Rising along the second axis, shape (m, 3 n).

    Returns
    -------
    Errors of all branches, of the acoustic and of the optical ones; None where there are none, as
    with one atom in the cell, or one wave vector that is Gamma.

    Raises
    ------
    InputError
        If the shapes do not belong together or a frequency is not finite.
    """
    found, reference, points, counts = (
        np.asarray(one, dtype=float) for one in (frequencies_THz, reference_THz, q_points, weights)
    )
    if found.shape != reference.shape or found.ndim != 2 or points.shape != (len(found), 3):
        raise InputError("Frequencies are compared at the same wave vectors, branch by branch.")
    if counts.shape != (len(found),) or not (counts > 0).all():
        raise InputError("Each wave vector of a mesh stands for one point or more.")
    if not (np.isfinite(found).all() and np.isfinite(reference).all()):
        raise InputError("A frequency is no finite number.")
    counted = counts[:, None] * ~_zero_by_symmetry(points, found.shape[1])
    chosen: dict[Branches, slice] = {
        "all": slice(None),
        "acoustic": slice(0, N_ACOUSTIC),
        "optical": slice(N_ACOUSTIC, None),
    }
    return {
        name: _errors(found[:, some], reference[:, some], counted[:, some])
        for name, some in chosen.items()
    }


def imaginary_modes(
    weights: ArrayLike, frequencies_THz: ArrayLike, limit_THz: float = IMAGINARY_THZ
) -> ImaginaryModes:
    """Say how much of a mesh is unstable.

    Parameters
    ----------
    weights
        How many points of the whole mesh each wave vector stands for, shape (m,).
    frequencies_THz
        Shape (m, 3 n).
    limit_THz
        Frequencies below minus this count.

    Returns
    -------
    The lowest frequency, and the share of all modes that are imaginary.
    """
    found = np.asarray(frequencies_THz, dtype=float)
    counts = np.asarray(weights, dtype=float)
    share = ((found < -limit_THz) * counts[:, None]).sum() / (counts.sum() * found.shape[1])
    return ImaginaryModes(float(found.min()), float(share))


def _zero_by_symmetry(q_points: FloatArray, n_branches: int) -> NDArray[np.bool_]:
    at_gamma = np.all(np.abs(q_points - np.rint(q_points)) < 1e-9, axis=1)
    zero: NDArray[np.bool_] = at_gamma[:, None] & (np.arange(n_branches) < N_ACOUSTIC)
    return zero


def _errors(found: FloatArray, reference: FloatArray, counted: FloatArray) -> FrequencyError | None:
    total = counted.sum()
    if not total:
        return None
    difference = found - reference
    size = float((counted * np.abs(reference)).sum() / total)
    mae = float((counted * np.abs(difference)).sum() / total)
    return FrequencyError(
        mean_THz=float((counted * difference).sum() / total),
        mae_THz=mae,
        rmse_THz=float(np.sqrt((counted * difference**2).sum() / total)),
        largest_THz=float(np.abs(difference[counted > 0]).max()),
        percent=100 * mae / size if size else None,
        n_modes=int(total),
    )
