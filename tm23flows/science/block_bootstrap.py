"""Frames drawn anew for intervals: whole blocks of each run, because neighbours are correlated.

Owns how long the blocks are, how they are drawn and when an interval can be had at all. What is
computed from a draw is the business of whoever draws: sums over frames are enough for means,
ratios of means and fits of them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.decorrelation import LONG_ENOUGH, correlation
from tm23flows.science.label_arrays import FloatArray, finite_array

LEAST_BLOCKS = 4
"""Of fewer blocks than this the draws hardly differ, and an interval would be far too narrow."""

RUN_FRAMES = 10
"""Independent frames of a run, in the mean over runs, that its correlation can be told from. In
shorter runs it is underestimated, because the mean of each run is taken out: of 8 runs with 6
frames each, 0.9 alike from one to the next, intervals of 95 % held the truth in 49 % of
simulations."""


@dataclass(frozen=True)
class Bootstrap:
    """How test frames are drawn anew.

    Parameters
    ----------
    resamples
        Number of draws.
    level
        Share of the draws that lie in the interval.
    seed
        Seed of the draws.
    block_length
        Frames that are drawn together; None takes it from the data.
    """

    resamples: int = 2000
    level: float = 0.95
    seed: int = 0
    block_length: int | None = None

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise InputError(f"An interval needs at least 100 draws, not {self.resamples}.")
        if not 0 < self.level < 1:
            raise InputError(f"The level of an interval is between 0 and 1, not {self.level}.")
        if self.block_length is not None and self.block_length < 1:
            raise InputError(f"A block has at least one frame, not {self.block_length}.")
        if self.seed < 0:
            raise InputError(f"The seed of a bootstrap is not negative, as {self.seed} is.")


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its interval; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 where the interval is on one side of zero; 0 if it holds it or is missing."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Blocks:
    """The blocks of frames that suit some series.

    Parameters
    ----------
    places
        Places of the frames of each run, in the order of time.
    length
        Frames of a block.
    effective_frames
        Number of independent frames.
    """

    places: tuple[NDArray[np.int_], ...]
    length: int
    effective_frames: float

    @property
    def n_blocks(self) -> int:
        """How many blocks are in one draw."""
        return sum(-(-len(one) // self.length) for one in self.places)

    @property
    def are_enough(self) -> bool:
        """Whether the draws differ enough for an interval."""
        return self.n_blocks >= LEAST_BLOCKS and self.freedom >= 1

    @property
    def freedom(self) -> int:
        """Degrees of freedom: blocks of a draw less one for each run."""
        return self.n_blocks - len(self.places)

    @property
    def is_trusted(self) -> bool:
        """Whether there are enough independent frames, in all and in each run.

        With fewer an interval is too narrow.
        """
        enough = 2 * self.effective_frames >= LONG_ENOUGH
        return enough and self.effective_frames >= RUN_FRAMES * len(self.places)

    def ends(self, level: float) -> tuple[float, float]:
        """Return the quantiles of the draws between which an interval lies.

        With few blocks these are further out than the level says, as Student's t is wider than
        the normal curve and draws with replacement spread too little by (n - 1) / n:
        Hesterberg, Am. Stat. 69, 371 (2015), section 5.3.1, with the degrees of freedom of runs
        that are drawn each on its own.

        Parameters
        ----------
        level
            Share of the draws that would lie between them if there were many blocks.

        Returns
        -------
            Lower and upper quantile; 0 and 1 without a degree of freedom.
        """
        from scipy.stats import norm, t

        if self.freedom < 1:
            return 0.0, 1.0
        wide = t.ppf((1 + level) / 2, self.freedom) * math.sqrt(self.n_blocks / self.freedom)
        return float(norm.cdf(-wide)), float(norm.cdf(wide))


def choose_blocks(influence: ArrayLike, runs: Sequence[Hashable], bootstrap: Bootstrap) -> Blocks:
    """Choose the length of the blocks from what each frame adds to the results.

    Parameters
    ----------
    influence
        What each frame adds to each of k results to first order, (k, frames); the slowest of
        them decides. Frames of a run are in the order of time, equally spaced.
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How to draw; its own length of blocks wins.

    Returns
    -------
        The blocks.

    Raises
    ------
    InputError
        The shapes do not fit.
    """
    series = finite_array(influence, "influences of the frames")
    if series.ndim != 2 or series.shape[1] != len(runs) or not len(runs):
        raise InputError(
            f"Influences of shape {series.shape} do not fit {len(runs)} frames of runs."
        )
    places = _places(runs)
    inefficiency = _inefficiency(series, places)
    length = bootstrap.block_length or block_length(inefficiency, len(runs))
    return Blocks(tuple(places), length, len(runs) / inefficiency)


def draw_sums(columns: ArrayLike, blocks: Blocks, bootstrap: Bootstrap) -> FloatArray:
    """Sum over the frames of each draw.

    Circular blocks, which draw every frame equally often: a run is followed by its beginning
    (Lahiri, Resampling Methods for Dependent Data, Springer 2003, chapter 2). Every run gives as
    many frames to a draw as it has. The same seed draws the same frames for all columns.

    Parameters
    ----------
    columns
        What is summed, (m, frames).
    blocks
        From :func:`choose_blocks` for the same frames.
    bootstrap
        Number of draws and seed.

    Returns
    -------
        Sums, (m, resamples).
    """
    values = np.asarray(columns, dtype=float)
    random = np.random.default_rng(bootstrap.seed)
    sums = np.zeros((len(values), bootstrap.resamples))
    for one in blocks.places:
        counts = _draw_counts(random, len(one), blocks.length, bootstrap.resamples)
        sums += values[:, one] @ counts.T
    return sums


def estimate(value: float, draws: FloatArray | None, ends: tuple[float, float]) -> Estimate:
    """Put a value and what it is in each draw together.

    Parameters
    ----------
    value
        Of the frames as they are.
    draws
        Its value in each draw, (resamples,); None where there are no draws.
    ends
        Quantiles of the draws between which the interval lies; see :meth:`Blocks.ends`.

    Returns
    -------
        The value with its interval.
    """
    if draws is None:
        return Estimate(float(value))
    low, high = np.quantile(draws, ends)
    return Estimate(float(value), float(low), float(high))


def block_length(inefficiency: float, n_frames: int) -> int:
    """Return a length of blocks that suits a series.

    Minimises the error of the variance of a mean for a series whose correlation decays
    exponentially: l = (sqrt(6) rho / (1 - rho^2))^(2/3) n^(1/3), with rho from
    g = (1 + rho) / (1 - rho). This is the rule of Carlstein, Ann. Stat. 14, 1171 (1986), which has
    2 for blocks that do not overlap. The variance with all blocks is 2/3 of that (Kuensch, Ann.
    Stat. 17, 1217 (1989)), which makes 2 into sqrt(6).

    Parameters
    ----------
    inefficiency
        Statistical inefficiency g of the series, 1 or more.
    n_frames
        Its length.

    Returns
    -------
        Frames in a block, between 1 and the length of the series.
    """
    ratio = (inefficiency**2 - 1) / (4 * inefficiency)
    best: float = (math.sqrt(6) * ratio) ** (2 / 3) * n_frames ** (1 / 3)
    return min(max(1, math.ceil(best)), n_frames)


def _places(runs: Sequence[Hashable]) -> list[NDArray[np.int_]]:
    """Return the places of the frames of each run, run by run."""
    found: dict[Hashable, list[int]] = {}
    for place, run in enumerate(runs):
        found.setdefault(run, []).append(place)
    return [np.array(places) for places in found.values()]


def _inefficiency(influence: FloatArray, places: list[NDArray[np.int_]]) -> float:
    """Return the inefficiency of the slowest series, its mean over the runs."""
    slowest = 1.0
    for series in influence:
        found = list(_of_runs(series, places))
        if found:
            values, numbers = zip(*found, strict=True)
            slowest = max(slowest, float(np.average(values, weights=numbers)))
    return slowest


def _of_runs(series: FloatArray, places: list[NDArray[np.int_]]) -> Iterator[tuple[float, int]]:
    scale = np.abs(series).max()
    for one in places:
        if len(one) > 1 and np.ptp(series[one]) > 1e-9 * max(scale, 1e-300):
            yield correlation(series[one]).inefficiency, len(one)


def _draw_counts(
    random: np.random.Generator, n_frames: int, length: int, resamples: int
) -> NDArray[np.int_]:
    """Return how often each frame of a run is in each draw, (resamples, frames)."""
    length = min(length, n_frames)
    starts = random.integers(0, n_frames, size=(resamples, -(-n_frames // length)))
    drawn = (starts[:, :, None] + np.arange(length)) % n_frames
    drawn = drawn.reshape(resamples, -1)[:, :n_frames]
    rows = np.arange(resamples)[:, None] * n_frames
    return np.bincount((rows + drawn).ravel(), minlength=resamples * n_frames).reshape(
        resamples, n_frames
    )
