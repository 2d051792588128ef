"""Mean-square displacement and self-diffusion of a run, with an honest interval.

Owns when a diffusion coefficient is defined at all, and the call of kinisi, which takes into
account that displacements over overlapping intervals are correlated (McCluskey et al., J. Chem.
Theory Comput. 21, 79, 2025). A straight line through the mean-square displacement has error bars
that are far too small. No correction is made for the size of the cell, so values of different
cells are not comparable; those of one cell are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray, finite_array
from tm23flows.science.melting import moved_share

MISSING: Final = "kinisi is not installed: run pip install 'tm23flows[diffusion]'"
A2_PER_PS: Final = 1e4
"""One cm^2/s in A^2/ps."""


@dataclass(frozen=True)
class DiffusionRule:
    """How a diffusion coefficient is made, and when it is not.

    Parameters
    ----------
    start_ps
        Intervals shorter than this are not fitted: an atom first flies and rattles in its cage.
    n_intervals
        Different intervals, evenly chosen up to half the run.
    moved_share
        So large a share of the atoms must have left their places for good (half the mean distance
        of atoms, as in :mod:`tm23flows.science.melting`). Else there are too few hops to count.
    samples
        Steps of each walker of kinisi's sampling.
    seed
        Its seed.
    """

    start_ps: float = 0.5
    n_intervals: int = 40
    moved_share: float = 0.5
    samples: int = 500
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values.

        Returns
        -------
        The settings by name.
        """
        return asdict(self)


@dataclass(frozen=True)
class Diffusion:
    """A self-diffusion coefficient, or why there is none.

    Parameters
    ----------
    value_A2_per_ps
        Mean of the distribution; 1 A^2/ps = 1e-8 m^2/s.
    low_A2_per_ps, high_A2_per_ps
        Its 2.5 and 97.5 percentiles.
    reason
        Why it is not defined; empty where it is.
    """

    value_A2_per_ps: float | None
    low_A2_per_ps: float | None
    high_A2_per_ps: float | None
    reason: str = ""


def mean_square_displacement(
    positions_A: ArrayLike, n_intervals: int = 40
) -> tuple[FloatArray, FloatArray]:
    """Average the squared displacement over atoms and over all overlapping intervals.

    Parameters
    ----------
    positions_A
        Equally spaced frames in time order, not wrapped, (frames, atoms, 3), A. The drift of all
        atoms together is removed.
    n_intervals
        Different intervals, evenly chosen up to half the run.

    Returns
    -------
    Intervals in frames, rising from 1, and the averages, A^2.

    Raises
    ------
    InputError
        If there are fewer than two frames, or a position is not finite.
    """
    moved = _without_drift(positions_A)
    lags = _lags(len(moved), n_intervals)
    found = [((moved[lag:] - moved[:-lag]) ** 2).sum(axis=2).mean() for lag in lags]
    return lags.astype(float), np.array(found)


def self_diffusion(
    positions_A: ArrayLike,
    cell_A: ArrayLike,
    spacing_ps: float,
    rule: DiffusionRule | None = None,
) -> Diffusion:
    """Estimate the self-diffusion coefficient with kinisi.

    Parameters
    ----------
    positions_A
        Equally spaced frames in time order, not wrapped, (frames, atoms, 3), A; without the time in
        which the run came to equilibrium.
    cell_A
        Lattice vectors as rows, (3, 3), A. Between two frames no atom may move by half a vector.
    spacing_ps
        Time between two frames, ps.
    rule
        Settings; None for the defaults.

    Returns
    -------
    The coefficient, or the reason why there is none: a run that is too short, a crystal, or kinisi
    missing.

    Raises
    ------
    InputError
        If the shapes are wrong, a position is not finite, or the time not positive.
    """
    used = rule or DiffusionRule()
    if not spacing_ps > 0:
        raise InputError(f"The time between frames must be positive, not {spacing_ps} ps.")
    moved = _without_drift(positions_A)
    length_ps = spacing_ps * (len(moved) - 1)
    if length_ps < 4 * used.start_ps:
        return _none(f"{length_ps:.2g} ps are too short: {4 * used.start_ps:g} ps are needed")
    volume = abs(np.linalg.det(finite_array(cell_A, "cell")))
    share = moved_share(moved, (volume / moved.shape[1]) ** (1 / 3) / 2)
    if share <= used.moved_share:
        return _none(f"only {100 * share:.0f} % of the atoms left their places: too few hops")
    try:
        from kinisi.analyze import DiffusionAnalyzer
    except ImportError:
        return _none(MISSING)
    return _sample(DiffusionAnalyzer.from_ase, moved, np.asarray(cell_A), spacing_ps, used)


def _sample(
    parse: Callable[..., Any],
    positions: FloatArray,
    cell: FloatArray,
    spacing_ps: float,
    rule: DiffusionRule,
) -> Diffusion:
    import scipp
    from ase import Atoms

    frames = [Atoms("X" * len(one), positions=one, cell=cell, pbc=True) for one in positions]
    lags = _lags(len(frames), rule.n_intervals)
    try:
        found = parse(
            frames,
            specie="X",
            time_step=scipp.scalar(spacing_ps, unit="ps"),
            step_skip=scipp.scalar(1),
            dt=scipp.array(dims=["time interval"], values=lags * spacing_ps, unit="ps"),
            progress=False,
        )
        found.diffusion(
            scipp.scalar(rule.start_ps, unit="ps"),
            n_samples=rule.samples,
            progress=False,
            random_state=np.random.RandomState(rule.seed),
        )
    except (ValueError, np.linalg.LinAlgError) as error:
        return _none(f"kinisi finds none: {error}")
    values = A2_PER_PS * np.asarray(found.D.to(unit="cm^2/s").values)
    if not np.isfinite(values).all():
        return _none("kinisi finds no finite value")
    low, high = np.percentile(values, [2.5, 97.5])
    return Diffusion(float(values.mean()), float(low), float(high))


def _none(reason: str) -> Diffusion:
    return Diffusion(None, None, None, reason)


def _lags(n_frames: int, n_intervals: int) -> FloatArray:
    most = max(1, (n_frames - 1) // 2)
    return np.unique(np.linspace(1, most, min(n_intervals, most)).astype(int))


def _without_drift(positions_A: ArrayLike) -> FloatArray:
    positions = finite_array(positions_A, "positions")
    if positions.ndim != 3 or positions.shape[2] != 3 or len(positions) < 2:
        raise InputError(
            f"Positions have shape {positions.shape}: give (frames, atoms, 3) in A, two at least."
        )
    still: FloatArray = positions - (positions - positions[0]).mean(axis=1, keepdims=True)
    return still
