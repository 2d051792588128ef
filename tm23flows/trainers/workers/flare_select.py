"""Choosing the sparse environments of a training set.

Owns the sparse set while it grows: the predictive variance of a local energy depends
on descriptors alone, so it is followed as a pivoted Cholesky factorisation of the
kernel. The atom with the largest variance is taken, the variances of the others
shrink, and so on until the frame has given enough or nothing new is left in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flare_kernel import JITTER
from scipy.linalg import solve_triangular

_GROWTH = 1.5


class Chosen:
    """The sparse set so far: picks of each frame, units, species and the kernel's factor.

    The arrays have room to grow, so an environment costs no copy of the matrix.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.power = settings["power"]
        self.minimum = settings["minimum_variance"]
        self.per_frame = settings["environments_per_frame"]
        self.most = settings["max_environments"] or np.iinfo(np.int64).max
        self.picks: list[list[int]] = []
        self.m = 0
        self._units = np.zeros((0, 0))
        self._species = np.zeros(0, int)
        self._factor = np.zeros((0, 0))

    @property
    def units(self) -> np.ndarray:
        """Unit descriptors (m, d)."""
        return self._units[: self.m]

    @property
    def species(self) -> np.ndarray:
        """Indices of the elements (m,)."""
        return self._species[: self.m]

    @property
    def factor(self) -> np.ndarray:
        """Lower Cholesky factor (m, m) of the kernel for a signal of 1."""
        return self._factor[: self.m, : self.m]

    def restore(
        self, picks: list[list[int]], units: np.ndarray, species: np.ndarray, factor: np.ndarray
    ) -> None:
        """Go on from what an earlier attempt had.

        Parameters
        ----------
        picks
            Atoms taken from each frame.
        units
            Unit descriptors (m, d).
        species
            Indices of the elements (m,).
        factor
            Lower Cholesky factor (m, m).
        """
        self.picks, self.m = picks, len(species)
        self._units, self._species, self._factor = units, species, factor

    def look_at(self, units: np.ndarray, species: np.ndarray) -> None:
        """Take from a frame what is least known.

        Parameters
        ----------
        units
            Unit descriptors (n, d).
        species
            Indices of the elements (n,).
        """
        if self.m == 0:
            self._units = np.zeros((0, units.shape[1]))
        rows = self._kernel(self.units, self.species, units, species)
        if self.m:
            # the transpose of rows that follow each other is what LAPACK reads without a copy
            upper = np.ascontiguousarray(self.factor).T
            rows = solve_triangular(upper, rows, trans="T", check_finite=False)
        variances = np.sum(units**2, axis=1) ** self.power - np.sum(rows**2, axis=0)
        taken = np.zeros((min(self.per_frame, len(units)), len(units)))
        picks: list[int] = []
        while len(picks) < len(taken) and self.m < self.most:
            i = int(np.argmax(variances))
            if not variances[i] >= self.minimum:
                break
            known, pivot = taken[: len(picks)], np.sqrt(variances[i] + JITTER)
            row = self._kernel(units[i : i + 1], species[i : i + 1], units, species)[0]
            row = (row - rows[:, i] @ rows - known[:, i] @ known) / pivot
            self._append(units[i], species[i], np.concatenate([rows[:, i], known[:, i], [pivot]]))
            taken[len(picks)] = row
            variances = variances - row**2
            picks.append(i)
        self.picks.append(picks)

    def _append(self, unit: np.ndarray, species: int, row: np.ndarray) -> None:
        m = self.m
        if m == len(self._species):
            room = max(16, int(_GROWTH * m))
            self._units = _enlarged(self._units, (room, self._units.shape[1]))
            self._species = _enlarged(self._species, (room,))
            self._factor = _enlarged(self._factor, (room, room))
        self._units[m], self._species[m], self._factor[m, : m + 1] = unit, species, row
        self.m += 1

    def _kernel(
        self, a: np.ndarray, species_a: np.ndarray, b: np.ndarray, species_b: np.ndarray
    ) -> np.ndarray:
        return (a @ b.T) ** self.power * (species_a[:, None] == species_b[None, :])


def _enlarged(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    larger = np.zeros(shape, array.dtype)
    larger[tuple(slice(n) for n in array.shape)] = array
    return larger
