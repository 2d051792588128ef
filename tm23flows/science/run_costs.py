"""What a run will cost, from what other runs did cost: power laws of sizes, with intervals.

Owns the model: cost = c * size_1^a * size_2^b ... with a scatter between metals. It has to work
from the first measured metal on, so exponents have priors that say what is known of the algorithm,
the prefactor has none, and data move both (Bayesian linear regression of logarithms with the
conjugate normal-inverse-gamma prior, the prefactor's being flat; A. Gelman et al., Bayesian Data
Analysis, 3rd ed., 2013, chapters 3 and 14). No run, no law: a time is never guessed.

Rows are means of many steps or labels of one metal under one recipe. So the scatter is that
between metals, which no size explains: iterations to converge, a hard mixing, another host. It is
the same in all rows of a metal, so these share the weight of one.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError
from tm23flows.science.cost_laws import Law

Sizes = Mapping[str, float]
Draws = NDArray[np.float64]

LEVEL: Final = 0.90
N_DRAWS: Final = 4000
SCATTER: Final = 0.35
"""Prior size of the scatter of the logarithm (ours): steps and labels of six metals took 1.3 to
1.6 times those of Cu and Zn in our demonstration."""
SCATTER_DF: Final = 4.0
"""So many metals' worth is the prior of the scatter."""
_SEED: Final = 23


@dataclass(frozen=True)
class Run:
    """A measured cost: per step, label, epoch or training, of a metal with these sizes."""

    metal: str
    sizes: Sizes
    cost: float


@dataclass(frozen=True)
class Estimate:
    """A cost with the interval that holds it with the probability :data:`LEVEL`."""

    value: float
    low: float
    high: float

    def holds(self, cost: float) -> bool:
        """Say whether a cost is in the interval."""
        return self.low <= cost <= self.high


@dataclass(frozen=True)
class CostModel:
    """A law fitted to runs.

    ``mean`` and ``spread`` are of the logarithm of the prefactor at ``centre`` and of the
    exponents, ``spread`` in units of the scatter; ``df`` and ``scatter`` are of its distribution.
    """

    law: Law
    centre: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    scatter: float
    df: float
    n_runs: int

    def draw(self, metal: str, sizes: Sizes | Sequence[Sizes], n: int = N_DRAWS) -> Draws:
        """Draw costs that the runs allow for.

        Draws of one law belong together: the same draw has the same exponents whatever is asked,
        and a metal the same scatter. So they can be summed draw by draw, and what is larger costs
        more in every one; an exponent below zero is taken as zero.

        Parameters
        ----------
        metal
            Whose cost.
        sizes
            Of the run; of several every draw has one, each as likely, for what is not known yet.
        n
            How many.

        Returns
        -------
        Costs, shape (n,), in the unit of the runs.
        """
        random = np.random.default_rng(_SEED)
        scatter = self.scatter * np.sqrt(self.df / random.chisquare(self.df, n))
        root = np.linalg.cholesky(self.spread)
        laws = self.mean + scatter[:, None] * (random.standard_normal((n, len(self.mean))) @ root.T)
        laws[:, 1:] = np.maximum(laws[:, 1:], 0.0)
        own = np.random.default_rng([_SEED, zlib.crc32(metal.encode())])
        known = [sizes] if isinstance(sizes, Mapping) else list(sizes)
        which = np.array([_logs(self.law, one) for one in known]) - self.centre
        chosen = which[own.integers(len(known), size=n)]
        own_scatter = np.random.default_rng([_SEED + 1, zlib.crc32(metal.encode())])
        noise = scatter * own_scatter.standard_normal(n)
        costs: Draws = np.exp(laws[:, 0] + (laws[:, 1:] * chosen).sum(axis=1) + noise)
        return costs

    def estimate(self, metal: str, sizes: Sizes | Sequence[Sizes]) -> Estimate:
        """Estimate a cost.

        Parameters
        ----------
        metal
            Whose cost.
        sizes
            As :meth:`draw` takes them.

        Returns
        -------
        Median and interval.
        """
        return summarise(self.draw(metal, sizes))

    @property
    def exponents(self) -> dict[str, float]:
        """Mean of each exponent."""
        return dict(zip(self.law.exponents, self.mean[1:].tolist(), strict=True))


def fit_costs(law: Law, runs: Sequence[Run]) -> CostModel:
    """Fit a law to measured runs.

    Parameters
    ----------
    law
        Sizes and priors.
    runs
        At least one.

    Returns
    -------
    The fitted law.

    Raises
    ------
    InputError
        If there is no run, or a cost or a size is not positive.
    """
    if not runs:
        raise InputError("No run was measured yet, and times are never guessed: run one first.")
    rows = np.array([_logs(law, run.sizes) for run in runs])
    costs = np.array([run.cost for run in runs], dtype=float)
    if not (np.isfinite(costs).all() and (costs > 0).all()):
        raise InputError("Costs of runs must be positive numbers.")
    counts = Counter(run.metal for run in runs)
    weights = np.array([1 / counts[run.metal] for run in runs])
    y, centre = np.log(costs), weights @ rows / weights.sum()
    x = np.column_stack([np.ones(len(runs)), rows - centre])
    prior_mean = np.array([0.0, *(mean for mean, _ in law.exponents.values())])
    deviations = np.array([sd for _, sd in law.exponents.values()])
    # Flat for the prefactor; deviations of exponents are given in units of the prior scatter.
    precision = np.diag([0.0, *(SCATTER / deviations) ** 2])
    spread = np.linalg.inv(precision + x.T @ (weights[:, None] * x))
    mean = spread @ (precision @ prior_mean + x.T @ (weights * y))
    away, off = y - x @ mean, mean - prior_mean
    df = SCATTER_DF + len(counts) - 1
    squares = SCATTER_DF * SCATTER**2 + away @ (weights * away) + off @ precision @ off
    return CostModel(law, centre, mean, spread, float(np.sqrt(squares / df)), df, len(runs))


def summarise(draws: Draws) -> Estimate:
    """Make an estimate of draws.

    Parameters
    ----------
    draws
        Costs, or sums of them, shape (n,).

    Returns
    -------
    Median and interval.
    """
    low, value, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high))


@dataclass(frozen=True)
class LeftOut:
    """What the law says of a metal from the other ones, and what it really cost."""

    run: Run
    estimate: Estimate

    @property
    def ratio(self) -> float:
        """Estimated over real cost."""
        return self.estimate.value / self.run.cost


def leave_one_metal_out(law: Law, runs: Sequence[Run]) -> list[LeftOut]:
    """Test a law on each metal with the runs of all others.

    Parameters
    ----------
    law
        Sizes and priors.
    runs
        Runs.

    Returns
    -------
    One for each run; none where there is a single metal.
    """
    found = []
    for run in runs:
        others = [one for one in runs if one.metal != run.metal]
        if others:
            found.append(LeftOut(run, fit_costs(law, others).estimate(run.metal, run.sizes)))
    return found


def _logs(law: Law, sizes: Sizes) -> list[float]:
    missing = [name for name in law.exponents if not sizes.get(name, 0) > 0]
    if missing:
        raise InputError(f"A run needs {', '.join(missing)} above zero to have a cost.")
    return [float(np.log(sizes[name])) for name in law.exponents]
