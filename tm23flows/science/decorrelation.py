"""How many independent values a time series holds.

Owns the integrated autocorrelation time, the statistical inefficiency and the effective sample
size of energies and forces along a run, and the choice of frames that are independent of each
other. Does not read frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import finite_array

WINDOW = 5.0
"""The sum ends at the first lag that is this many autocorrelation times long. Small windows cut
the sum short, large ones add noise; Sokal takes 4 to 10."""

LONG_ENOUGH = 50
"""A series of fewer autocorrelation times than this says little about its own."""


@dataclass(frozen=True)
class Correlation:
    """How correlated a series is.

    Parameters
    ----------
    n
        Number of values.
    time
        Integrated autocorrelation time in units of the spacing of the values, 0.5 or more:
        1/2 + rho(1) + rho(2) + ...
    window
        Last lag of the sum.
    """

    n: int
    time: float
    window: int

    @property
    def inefficiency(self) -> float:
        """Statistical inefficiency g = 2 tau, 1 or more: values that are worth one."""
        return 2.0 * self.time

    @property
    def effective_size(self) -> float:
        """Number of independent values, n / g."""
        return self.n / self.inefficiency

    @property
    def is_long_enough(self) -> bool:
        """Whether the series is long enough for its autocorrelation time to be trusted."""
        return self.n >= LONG_ENOUGH * self.time


def autocorrelation(series: ArrayLike) -> NDArray[np.float64]:
    """Return the normalised autocorrelation of each series at all lags.

    Parameters
    ----------
    series
        Values in time order, equally spaced, (n,) or (n, m) for m series at once.

    Returns
    -------
        Autocorrelation, same shape; 1 at lag 0, and the sums are divided by n, not by n - lag,
        which keeps the noise of long lags small.

    Raises
    ------
    InputError
        There are fewer than two values, or a series does not vary.

    Examples
    --------
    Sums over fewer and fewer pairs are divided by the length of the series all the same.

    >>> autocorrelation([1.0, -1.0, 1.0, -1.0]).round(6).tolist()
    [1.0, -0.75, 0.5, -0.25]
    """
    values = finite_array(series, "values of the series")
    n = len(values) if values.ndim else 0
    if n < 2:
        raise InputError("A series needs at least two values to be correlated.")
    shifted = values - values.mean(axis=0)
    # Padding with zeros keeps the end of the series from meeting its beginning.
    spectrum = np.fft.rfft(shifted, n=2 * n, axis=0)
    sums = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * n, axis=0)[:n]
    scale = np.maximum(np.abs(values).max(axis=0), 1e-300)
    if np.any(sums[0] <= n * (1e-12 * scale) ** 2):
        raise InputError("A series that does not vary has no autocorrelation.")
    correlation: NDArray[np.float64] = sums / sums[0]
    return correlation


def correlation(series: ArrayLike, window: float = WINDOW) -> Correlation:
    """Return the integrated autocorrelation time of a series, or the mean of several.

    The window closes itself: the sum ends at the first lag M with M >= window * tau(M). The rule
    is that of Madras and Sokal, J. Stat. Phys. 50, 109 (1988), appendix C; see also Sokal's
    lectures in Functional Integration, NATO ASI Series B 361 (Plenum, 1997), page 131. Values
    below 1/2, from series that swing back at every step, count as 1/2, so that no frame is ever
    worth more than one.

    Parameters
    ----------
    series
        Values in time order, equally spaced, (n,) or (n, m); of m series, such as the 3n force
        components, the times are averaged.
    window
        Length of the window in autocorrelation times.

    Returns
    -------
        The correlation.

    Raises
    ------
    InputError
        There are fewer than two values, or a series does not vary.
    """
    if not window > 0:
        raise InputError(f"The window must be positive, not {window}.")
    rho = autocorrelation(series)
    n = len(rho)
    running = np.cumsum(rho.reshape(n, -1), axis=0) - 0.5
    closed = np.arange(n)[:, None] >= window * running
    ends = np.where(closed.any(axis=0), closed.argmax(axis=0), n - 1)
    times = np.maximum(running[ends, np.arange(running.shape[1])], 0.5)
    return Correlation(n=n, time=float(times.mean()), window=int(ends.max()))


def force_correlation(
    forces_eV_per_A: Sequence[ArrayLike], window: float = WINDOW
) -> Correlation | None:
    """Return the correlation of the forces of one run.

    Each of the three components of each atom is a series; their times are averaged. Components
    that do not vary, such as those of fixed atoms, are left out.

    Parameters
    ----------
    forces_eV_per_A
        Forces of each frame, (atoms, 3), atoms always in the same order.
    window
        Length of the window in autocorrelation times.

    Returns
    -------
        The correlation; None if there are fewer than two frames or no component varies.

    Raises
    ------
    InputError
        Frames differ in their number of atoms.
    """
    rows = [finite_array(frame, "forces").ravel() for frame in forces_eV_per_A]
    if len({len(row) for row in rows}) > 1:
        raise InputError("The frames of one run must all have the same atoms.")
    if len(rows) < 2:
        return None
    series = np.array(rows)
    varying = np.ptp(series, axis=0) > 1e-9 * np.maximum(np.abs(series).max(axis=0), 1e-300)
    return correlation(series[:, varying], window) if varying.any() else None


def energy_correlation(energies_eV: ArrayLike, window: float = WINDOW) -> Correlation | None:
    """Return the correlation of the energies of one run.

    Parameters
    ----------
    energies_eV
        Energy of each frame, (n,), of one kind.
    window
        Length of the window in autocorrelation times.

    Returns
    -------
        The correlation; None if there are fewer than two frames or they do not vary.
    """
    energies = finite_array(energies_eV, "energies")
    if len(energies) < 2 or np.ptp(energies) <= 1e-12 * np.abs(energies).max():
        return None
    return correlation(energies, window)


def independent_every(*found: Correlation | None) -> int:
    """Return every how many frames one is independent of the one before.

    Parameters
    ----------
    *found
        Correlations of several quantities of one run; the slowest decides.

    Returns
    -------
    Statistical inefficiency of the slowest, to the nearest whole number, because its own noise
    must not halve a series that is hardly correlated; 1 where nothing is known.
    """
    slowest = max((one.inefficiency for one in found if one is not None), default=1.0)
    return max(1, round(slowest))
