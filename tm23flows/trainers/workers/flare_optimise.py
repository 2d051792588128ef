"""Maximising the likelihood of a sparse process.

Owns the search: logarithms of the four values, bounds, several starts, and the best
point seen anywhere. The raw values that FLARE's own optimiser works on run off to
useless noises, and the surface has several maxima.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from flare.bffs.sgp import SGP_Wrapper

NAMES = ("sigma", "noise_energy", "noise_force", "noise_stress")
_SPREAD = np.log(10.0)


class Likelihood:
    """Negative log likelihood of a process over the logarithms of its four values."""

    def __init__(self, process: SGP_Wrapper, atoms_per_frame: float) -> None:
        self.gp = process.sparse_gp
        self.units = np.array([1.0, atoms_per_frame, 1.0, 1.0])
        self.gp.precompute_KnK()
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
        values = np.exp(logs)
        self.gp.set_hyperparameters(values * self.units)
        # never compute_likelihood_stable: it builds a dense matrix of all labels
        cost = -float(self.gp.compute_likelihood_gradient_stable(True))
        slope = -np.asarray(self.gp.likelihood_gradient, float) * values * self.units
        if not (np.isfinite(cost) and np.isfinite(slope).all()):
            return 1e300, np.zeros(4)
        row = {"start": float(self.start), "log_likelihood": -cost}
        self.history.append(row | dict(zip(NAMES, values.tolist(), strict=True)))
        if cost < self.best[0]:
            self.best = (cost, logs.copy())
        return cost, slope


def optimise(
    process: SGP_Wrapper, request: dict[str, Any], atoms_per_frame: float
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Search for the values with the highest likelihood and give them to the process.

    Parameters
    ----------
    process
        The process; it holds the best values afterwards.
    request
        The ``settings``, the ``bounds`` of each value, and the ``seed`` of the second
        and later starts.
    atoms_per_frame
        Turns energy noise per atom into noise per frame.

    Returns
    -------
    The best values (noise of the energy in eV/atom), and one row per evaluation.
    """
    likelihood = Likelihood(process, atoms_per_frame)
    settings = request["settings"]
    bounds = np.log([request["bounds"][name] for name in NAMES])
    low, high = bounds.T
    first = np.log([settings[name] for name in NAMES])
    rng = np.random.default_rng(request["seed"])
    likelihood.cost(first)
    for start in range(settings["starts"] if settings["max_iterations"] else 0):
        likelihood.start = start
        shift = rng.uniform(-_SPREAD, _SPREAD, 4) if start else np.zeros(4)
        minimize(
            likelihood.cost,
            np.clip(first + shift, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"gtol": settings["gtol"], "maxiter": settings["max_iterations"]},
        )
    best = np.exp(likelihood.best[1])
    process.sparse_gp.set_hyperparameters(best * likelihood.units)
    process.sparse_gp.update_matrices_QR()
    return dict(zip(NAMES, best.tolist(), strict=True)), likelihood.history
