"""Learning curves as power laws: error = a N^b, fitted in log-log space, with an interval of b.

Owns the fit and its interval; how test frames are drawn is in ``block_bootstrap``. The sizes of a
curve are tested on the same frames, which follow each other in time, so whole blocks of frames are
drawn anew, the same ones for all sizes. The interval holds what other test frames of the same runs
would change. It does not hold the choice of the training frames nor the seed of a training: other
seeds are other curves, whose exponents are to be compared. Nor does it say that a power law is the
right law.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Blocks, Bootstrap, choose_blocks, draw_sums
from tm23flows.science.decorrelation import LONG_ENOUGH
from tm23flows.science.label_arrays import FloatArray, finite_array

LEAST_SIZES = 3
"""Two points are always on a line: with fewer sizes there is no R^2 and no interval."""


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law, error = prefactor * N ** exponent.

    ``r_squared`` is that of the straight line in log-log space; None with fewer than three
    sizes, and where all errors are the same.
    """

    exponent: float
    prefactor: float
    r_squared: float | None

    def at(self, sizes: ArrayLike) -> FloatArray:
        """Return the errors on the line.

        Parameters
        ----------
        sizes
            Numbers of training frames.

        Returns
        -------
            Errors, in the unit of the fitted ones.
        """
        return self.prefactor * np.asarray(sizes, dtype=float) ** self.exponent


@dataclass(frozen=True)
class Interval:
    """What a bootstrap gave.

    ``exponent`` and, for each size, ``band`` (sizes, 2) are quantiles of the draws, further out
    where there are few blocks. ``effective_frames`` is the number of independent test frames,
    ``n_blocks`` how many blocks are in one draw.
    """

    exponent: tuple[float, float]
    band: FloatArray
    block_length: int
    n_blocks: int
    effective_frames: float

    @property
    def is_trusted(self) -> bool:
        """Whether there are enough independent frames; with fewer it is too narrow.

        On simulated series an interval of 90 % holds the true exponent in 83 to 90 % of all
        cases with 30 or more independent frames, and in 79 to 88 % with ten.
        """
        return 2 * self.effective_frames >= LONG_ENOUGH


def fit_power_law(sizes: ArrayLike, errors: ArrayLike) -> PowerLaw:
    """Fit a power law by a straight line through the logarithms.

    Parameters
    ----------
    sizes
        Numbers of training frames, (n,), at least two different ones.
    errors
        Error of each size, (n,), such as the force MAE in eV/A.

    Returns
    -------
        The law; the prefactor has the unit of the errors.

    Raises
    ------
    InputError
        There are fewer than two sizes, one is there twice, or a size or an error is zero,
        negative or not finite.

    Examples
    --------
    An error that halves whenever the training set doubles has the exponent -1.

    >>> round(fit_power_law([100, 200, 400], [8.0, 4.0, 2.0]).exponent, 6)
    -1.0
    """
    from scipy.stats import linregress

    x, y = _logs(sizes, "sizes of the learning curve"), _logs(errors, "errors")
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise InputError(
            f"A power law is fitted to at least two sizes with an error each; there are {x.size} "
            f"sizes and {y.size} errors."
        )
    if len(np.unique(x)) < len(x):
        raise InputError("Every size of a learning curve must be another one.")
    line = linregress(x, y)
    known = len(x) >= LEAST_SIZES and np.ptp(y) > 0
    return PowerLaw(
        exponent=float(line.slope),
        prefactor=math.exp(line.intercept),
        r_squared=float(line.rvalue) ** 2 if known else None,
    )


def bootstrap_power_law(
    sizes: ArrayLike,
    frame_errors: ArrayLike,
    weights: ArrayLike,
    runs: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> Interval | None:
    """Draw blocks of test frames anew and fit again, many times.

    Parameters
    ----------
    sizes
        Numbers of training frames, (n,).
    frame_errors
        Mean absolute error of each size on each test frame, (n, frames); the frames of a run in
        the order of time, equally spaced.
    weights
        Number of values in the mean of each frame, (frames,).
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How to draw.

    Returns
    -------
        Quantiles; None for fewer than three sizes, and where the frames are so correlated or
        so few that a draw would have fewer than the blocks that an interval
        needs.

    Raises
    ------
    InputError
        As :func:`fit_power_law`, or the shapes do not fit.
    """
    errors, share = _table(sizes, frame_errors, weights, runs)
    means = errors @ share / share.sum()
    fit_power_law(sizes, means)
    x = np.log(np.asarray(sizes, dtype=float))
    design = np.linalg.pinv(np.column_stack([np.ones_like(x), x]))
    # What a frame adds to the level and to the slope of the line, to first order.
    influence = design @ ((errors / means[:, None] - 1) * share)
    blocks = choose_blocks(influence, runs, bootstrap)
    if not blocks.are_enough or len(errors) < LEAST_SIZES:
        return None
    logs = np.log(_draw_means(errors, share, blocks, bootstrap))
    intercepts, slopes = design @ logs
    ends = blocks.ends(bootstrap.level)
    low, high = np.quantile(slopes, ends)
    return Interval(
        exponent=(float(low), float(high)),
        band=np.exp(np.quantile(intercepts + slopes * x[:, None], ends, axis=1)).T,
        block_length=blocks.length,
        n_blocks=blocks.n_blocks,
        effective_frames=blocks.effective_frames,
    )


def _logs(values: ArrayLike, what: str) -> FloatArray:
    array = finite_array(values, what)
    if not (array > 0).all():
        raise InputError(f"The {what} must be positive: a power law has no logarithm of zero.")
    return np.log(array)


def _table(
    sizes: ArrayLike, frame_errors: ArrayLike, weights: ArrayLike, runs: Sequence[Hashable]
) -> tuple[FloatArray, FloatArray]:
    errors, share = finite_array(frame_errors, "errors"), finite_array(weights, "weights")
    if errors.shape != (np.size(sizes), len(runs)) or share.shape != (len(runs),) or not len(runs):
        raise InputError(
            f"Errors of shape {errors.shape} do not fit {np.size(sizes)} sizes, {share.size} "
            f"weights and {len(runs)} test frames."
        )
    if (errors < 0).any() or not (share > 0).all():
        raise InputError("Errors of frames are absolute, and every frame has a positive weight.")
    return errors, share


def _draw_means(
    errors: FloatArray, share: FloatArray, blocks: Blocks, bootstrap: Bootstrap
) -> FloatArray:
    """Return the error of each size in each draw, (sizes, resamples)."""
    *sums, weight = draw_sums(np.vstack([errors * share, share]), blocks, bootstrap)
    if not (np.array(sums) > 0).all():
        raise InputError("So many test frames have no error at all that some draws have none.")
    errors_drawn: FloatArray = np.array(sums) / weight
    return errors_drawn
