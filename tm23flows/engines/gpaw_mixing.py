"""Density mixing that remembers how the electrons respond.

Owns Anderson's mixing of the density in a live GPAW calculation. From the same numbers it
makes the same next density as GPAW's Pulay mixer: the two are one method (H. Fang, Y. Saad,
Numer. Linear Algebra Appl. 16, 197, 2009). Pulay's is written in residuals and has to begin
anew with every problem. Anderson's is written in differences between iterations, which stay
when the problem changes a little: at another smearing width the residual is another one, but
how it changes with the density is nearly the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tm23flows.science.spectrum import FloatArray

REGULARISATION = 1e-6
"""Of the normal equations of differences of length 1, which are nearly dependent."""

BOLDER_STEP = 0.5
"""Part of the residual that is mixed in where the slow responses are known already."""

Vectors = tuple[FloatArray, ...]
"""Input density, residual, the residual with compensation charges, and the last under the metric.

Densities are flat: on the grid, then the density matrices of the atoms.
"""


class ResponseMemory:
    """Takes the place of the method of one Pulay mixer of GPAW, with its settings.

    Parameters
    ----------
    mixer
        The mixer of a calculation without spin; only this one is changed.
    """

    def __init__(self, mixer: Any) -> None:
        self._mixer = mixer
        self._step = mixer.beta
        self._differences: list[Vectors] = []
        self._last: Vectors | None = None
        self._input: FloatArray | None = None
        self._goes_on = False
        self._move = mixer.move
        mixer.mix, mixer.reset, mixer.move = self._mix, self._reset, self._moved
        mixer.memory = self

    def go_on(self, density: Any, electrons: Any) -> None:
        """Take the first step of another problem of the same atoms.

        Parameters
        ----------
        density
            Converged density of the problem before; it becomes that of the first iteration.
        electrons
            Wave functions with the occupations of the new problem.
        """
        self._step, self._last = BOLDER_STEP, None
        self._input = _flat(density)
        density.update(electrons)
        self._mix(density)
        self._goes_on = True

    def _moved(self, *where: Any) -> None:
        self._move(*where)
        self._step = self._mixer.beta
        self._goes_on = False
        self._reset()

    def _reset(self) -> None:
        if not self._goes_on:
            self._differences, self._last, self._input = [], None, None

    def _mix(self, density: Any) -> float:
        """Put the next input in the place of an output and return the error of that."""
        grid, atoms = density.nt_sR, density.D_asii
        if self._goes_on or self._input is None:
            self._goes_on = False
            self._input = _flat(density)
            return math.inf
        residual = _flat(density) - self._input
        charge = self._mixer.add_compensation_charge(
            grid.new(data=residual[: grid.data.size].reshape(grid.data.shape)),
            residual[grid.data.size :].reshape(atoms.data.shape),
            density,
        )
        measured = self._mixer.metric(charge).data.ravel().copy()
        now = (self._input, residual, charge.data.ravel(), measured)
        self._learn(now)
        self._input = self._next(now)
        grid.data.flat, atoms.data.flat = np.split(self._input, [grid.data.size])
        return float(self._mixer.calculate_charge_sloshing(charge))

    def _learn(self, now: Vectors) -> None:
        if self._last is not None:
            change = [one - other for one, other in zip(now, self._last, strict=True)]
            length = math.sqrt(change[2] @ change[3])
            if length > 0:
                self._differences.append(tuple(one / length for one in change))
            self._differences = self._differences[-self._mixer.nmaxold :]
        self._last = now

    def _next(self, now: Vectors) -> FloatArray:
        """Step from the combination of known densities whose residual is the smallest."""
        density, residual, charge, _ = now
        best = density + self._step * residual
        if self._differences:
            charges, measured = (
                np.array([one[place] for one in self._differences]) for place in (2, 3)
            )
            overlaps = charges @ measured.T + REGULARISATION * np.eye(len(charges))
            for weight, change in zip(
                np.linalg.solve(overlaps, measured @ charge), self._differences, strict=True
            ):
                best -= weight * (change[0] + self._step * change[1])
        return best


def _flat(density: Any) -> FloatArray:
    return np.concatenate([density.nt_sR.data.ravel(), density.D_asii.data.ravel()])
