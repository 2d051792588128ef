"""Maximising the likelihood of a sparse process.

Owns the search: logarithms of the four values, bounds, several starts, and the best
point seen anywhere. The raw values that FLARE's own optimiser works on run off to
useless noises, and the surface has several maxima. Every evaluation can be handed in
again, so that a search that was interrupted repeats itself for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flare_likelihood import log_likelihood
from flare_statistics import Problem
from scipy.optimize import minimize
from worker_io import RequestError

NAMES = ("sigma", "noise_energy", "noise_force", "noise_stress")
_SPREAD = np.log(10.0)
Tried = dict[bytes, tuple[float, np.ndarray]]


class Search:
    """Negative log likelihood over logarithms, with a memory of what was tried."""

    def __init__(self, problem: Problem, tried: Tried, tick: Callable[[], None]) -> None:
        self.problem, self.tried, self.tick = problem, tried, tick
        self.history: list[dict[str, float]] = []
        self.start = 0
        self.best = (np.inf, np.zeros(4))

    def cost(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log likelihood and its gradient, and keep the best point.

        Parameters
        ----------
        logs
            Logarithms of the four values (4,).

        Returns
        -------
        The cost and its gradient (4,).
        """
        key = logs.tobytes()
        values = np.exp(logs)
        if key not in self.tried:
            found, gradient = log_likelihood(self.problem, values)
            self.tried[key] = -found, -gradient
            self.tick()
        cost, slope = self.tried[key]
        if not (np.isfinite(cost) and np.isfinite(slope).all()):
            return 1e300, np.zeros(4)
        row = {"start": float(self.start), "log_likelihood": -cost}
        self.history.append(row | dict(zip(NAMES, values.tolist(), strict=True)))
        if cost < self.best[0]:
            self.best = (cost, logs.copy())
        return cost, slope.copy()


def optimise(
    search: Search, request: dict[str, Any], first: list[np.ndarray], starts: int
) -> np.ndarray:
    """Search for the values with the highest likelihood.

    Parameters
    ----------
    search
        The likelihood; it holds the history afterwards.
    request
        The ``settings``, the ``bounds`` of each value, and the ``seed`` of the later
        starts.
    first
        Values (4,) to start from, and values (4,) that the second and later starts are
        scattered about by up to a factor of ten.
    starts
        Number of starts.

    Returns
    -------
    The best values (4,): signal, noise of energy (eV/atom), force, stress.
    """
    settings = request["settings"]
    bounds = np.log([request["bounds"][name] for name in NAMES])
    near, centre = (np.clip(np.log(values), *bounds.T) for values in first)
    rng = np.random.default_rng(request["seed"])
    for start in range(starts if settings["max_iterations"] else 0):
        search.start = start
        shift = rng.uniform(-_SPREAD, _SPREAD, 4)
        minimize(
            search.cost,
            np.clip(centre + shift, *bounds.T) if start else near,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"gtol": settings["gtol"], "maxiter": settings["max_iterations"]},
        )
    if not settings["max_iterations"]:
        search.cost(near)
    if not search.history:
        raise RequestError(
            "diverged", "The likelihood is not finite anywhere: check the labels of the dataset."
        )
    return np.exp(search.best[1])
