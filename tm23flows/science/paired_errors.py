"""Force errors of models of several label sets on the same test frames, and whether they differ.

Owns the numbers and the judgement, which were fixed before any data. Each set has labels of the
same frames under its own recipe and a model trained on its own labels. Its percent error is
100 MAE / MAV of its own labels. The first set is the baseline that changes are against.

**Intervals** are from blocks of test frames, the same draws for all sets, so that what makes a
frame hard in all of them cancels in a change. They hold what other test frames of the same runs
would change. They do not hold the choice of the training frames, the seed of a training, the run of
molecular dynamics, nor the uncertainty of the label noise, which is measured on few frames. Nor
are they corrected for the number of changes that are looked at.

**Label noise** (k-mesh) enters an error twice: the labels that are tested against are off by it,
and so are those that the model has learned from, of which a part reaches its predictions. The
first adds its mean square to that of the error. The second adds between none of it (a model that
averages it out) and about all of it (one that follows every label). So :data:`NOISE_TAKEN_OUT`
times its mean square is taken out of the mean square error, not below zero, and the root is
divided by MAV. Once is not enough: on 7 atoms of Cu with a 2x2x2 mesh at SIGMA 0.2 eV the error
was 13.4 % and the rms noise about 0.07 eV/A, and with that taken out once the error is still above
the 7.9 % of a good mesh. Where the mesh is converged it makes no difference.

**Verdict** on a change: ``falls`` or ``rises`` if the interval of the change of the percent error,
of the change of 100 RMSE / MAV, and of the same without noise, all lie on the same side of zero;
``noise`` if only the last does not, so that the change may be noise which the other recipe hides;
``unresolved`` else, also where the noise is not known. Between none and all of the noise taken out
the sign of a change of mean squares is linear in the share, so nothing between the two ends can
turn it round.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import (
    Blocks,
    Bootstrap,
    Estimate,
    choose_blocks,
    draw_sums,
    estimate,
)
from tm23flows.science.label_arrays import FloatArray, finite_array
from tm23flows.science.metrics import ZERO_MAV

Verdict = Literal["falls", "rises", "noise", "unresolved"]

NOISE_TAKEN_OUT: Final = 2.0
"""How often the mean square of the label noise is taken out of that of the error."""


@dataclass(frozen=True)
class ForceSet:
    """Forces of one label set and of the model that was trained on it.

    Parameters
    ----------
    predicted
        By the model, (atoms, 3), eV/angstrom, frame after frame.
    reference
        Labels, same shape.
    noise_rms
        Root mean square of the noise of a force component, eV/angstrom; None if not known.
    """

    predicted: FloatArray
    reference: FloatArray
    noise_rms: float | None


@dataclass(frozen=True)
class Change:
    """A change against the baseline in percentage points, and what is to be said of it."""

    percent: Estimate
    percent_rms: Estimate
    percent_without_noise: Estimate | None
    verdict: Verdict
    draws: FloatArray | None = field(repr=False, compare=False)
    """Of the three, (3, resamples); those without noise are no numbers where it is not known."""


@dataclass(frozen=True)
class Difference:
    """How the change of one comparison differs from that of another, in percentage points.

    ``verdict`` is that of :func:`judge` on the difference: ``falls`` where the first falls by
    more, or rises by less.
    """

    percent: Estimate
    percent_without_noise: Estimate | None
    verdict: Verdict


@dataclass(frozen=True)
class SetErrors:
    """Errors of one set; the first three in eV/angstrom. ``change`` is None for the baseline."""

    mae: float
    rmse: float
    mav: float
    percent: Estimate
    percent_rms: Estimate
    percent_without_noise: Estimate | None
    change: Change | None


@dataclass(frozen=True)
class Comparison:
    """The errors of all sets, the baseline first, and how the frames were drawn."""

    sets: tuple[SetErrors, ...]
    n_frames: int
    blocks: Blocks


def compare_sets(
    sets: Sequence[ForceSet],
    n_atoms: ArrayLike,
    runs: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> Comparison:
    """Measure all sets on the same draws of the same frames.

    Parameters
    ----------
    sets
        The baseline first; all of the same atoms in the same order.
    n_atoms
        Atoms of each frame, (frames,); the frames of a run in the order of time, equally spaced.
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How frames are drawn.

    Returns
    -------
        Errors and changes; without intervals, and so unresolved, where the frames are too few or
        too correlated.

    Raises
    ------
    InputError
        The shapes do not fit, a number is not finite, a noise is negative, or the labels of a set
        have no magnitude, so that its percent error is undefined.
    """
    counts = np.asarray(n_atoms, dtype=int)
    if not sets or counts.shape != (len(runs),) or not len(runs) or (counts < 1).any():
        raise InputError("A comparison of errors needs a set and frames with atoms.")
    tables = np.array([_frame_sums(one, counts) for one in sets])
    noises = [one.noise_rms for one in sets]
    weights = 3.0 * counts
    here = _percents(tables.sum(axis=2), weights.sum(), noises)
    blocks = choose_blocks(_influences(tables, here), runs, bootstrap)
    drawn = None
    if blocks.are_enough:
        columns = np.vstack([tables.reshape(-1, len(runs)), weights])
        *sums, weight = draw_sums(columns, blocks, bootstrap)
        drawn = _percents(np.reshape(sums, (len(sets), 3, -1)), weight, noises)
    totals = tables.sum(axis=2) / weights.sum()
    ends = blocks.ends(bootstrap.level)
    return Comparison(
        sets=tuple(_set_errors(place, totals, here, drawn, ends) for place in range(len(sets))),
        n_frames=len(runs),
        blocks=blocks,
    )


def difference_of_changes(
    first: Comparison, second: Comparison, bootstrap: Bootstrap
) -> Difference | None:
    """Compare the change of the last set between two comparisons on different frames.

    A change is the larger for the label noise that the first set has and the last has not, and
    more so for one metal than for another: so a difference is held to the same rule as a change.

    Parameters
    ----------
    first, second
        Such as of two metals.
    bootstrap
        What both were made with.

    Returns
    -------
        Change of the first less that of the second; None if one has no change.
    """
    one, other = first.sets[-1].change, second.sets[-1].change
    if one is None or other is None:
        return None
    draws = None
    if one.draws is not None and other.draws is not None:
        # The same seed drew the frames of both; shuffled, they are independent.
        random = np.random.default_rng([bootstrap.seed, 1])
        draws = one.draws - random.permutation(other.draws, axis=1)
    fewest = min(first.blocks, second.blocks, key=lambda blocks: blocks.freedom)
    percent, percent_rms, without_noise = _estimates(
        _values(one) - _values(other), draws, fewest.ends(bootstrap.level)
    )
    verdict = judge(percent, percent_rms, without_noise)
    return Difference(percent, without_noise, verdict)


def judge(percent: Estimate, percent_rms: Estimate, without_noise: Estimate | None) -> Verdict:
    """Say what a change is, by the rule of this module.

    Parameters
    ----------
    percent
        Change of 100 MAE / MAV.
    percent_rms
        Change of 100 RMSE / MAV.
    without_noise
        The same without label noise; None if that is not known.

    Returns
    -------
        The verdict.
    """
    if without_noise is None or not percent.sign or percent_rms.sign != percent.sign:
        return "unresolved"
    if without_noise.sign != percent.sign:
        return "noise"
    return "falls" if percent.sign < 0 else "rises"


def _frame_sums(one: ForceSet, counts: np.ndarray) -> FloatArray:
    """Sum |error|, error^2 and |label| over the components of each frame, (3, frames)."""
    predicted = finite_array(one.predicted, "predicted forces")
    reference = finite_array(one.reference, "labelled forces")
    if predicted.shape != reference.shape or reference.shape != (counts.sum(), 3):
        raise InputError(
            f"Predicted forces of shape {predicted.shape} and labels of shape {reference.shape} "
            f"do not fit frames with {counts.sum()} atoms."
        )
    if one.noise_rms is not None and not one.noise_rms >= 0:
        raise InputError(f"A label noise is not negative, as {one.noise_rms} is.")
    if np.abs(reference).mean() <= ZERO_MAV:
        raise InputError(
            "The labels of a set have no forces, so its percent error is undefined: take frames of "
            "a run, not of a perfect crystal."
        )
    error = predicted - reference
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    columns = [np.abs(error), error**2, np.abs(reference)]
    return np.array([np.add.reduceat(column.sum(axis=1), starts) for column in columns])


def _percents(sums: FloatArray, weight: FloatArray, noises: list[float | None]) -> FloatArray:
    """Return percent error, its rms kind and that without noise, (sets, 3) or (sets, 3, draws)."""
    error, square, size = np.moveaxis(np.asarray(sums), 1, 0)
    mav = size / weight
    known = np.array([np.nan if one is None else one for one in noises])
    taken = NOISE_TAKEN_OUT * known.reshape(-1, *[1] * (error.ndim - 1)) ** 2
    clean = np.sqrt(np.maximum(square / weight - taken, 0))
    found = [error / size, np.sqrt(square / weight) / mav, clean / mav]
    return 100 * np.moveaxis(np.array(found), 0, 1)


def _influences(tables: FloatArray, here: FloatArray) -> FloatArray:
    """Return what each frame adds to percent errors and to their changes, to first order."""
    error, square, size = np.moveaxis(tables, 1, 0)

    def share(column: FloatArray) -> FloatArray:
        shares: FloatArray = column / np.maximum(column.sum(axis=1, keepdims=True), 1e-300)
        return shares

    of_mae = here[:, :1] * (share(error) - share(size))
    of_rms = here[:, 1:2] * (share(square) / 2 - share(size))
    changes = [rows[1:] - rows[:1] for rows in (of_mae, of_rms)]
    return np.concatenate([of_mae, of_rms, *changes])


def _set_errors(
    place: int,
    totals: FloatArray,
    here: FloatArray,
    drawn: FloatArray | None,
    ends: tuple[float, float],
) -> SetErrors:
    error, square, size = totals[place]
    found = _estimates(here[place], None if drawn is None else drawn[place], ends)
    return SetErrors(
        mae=float(error),
        rmse=float(np.sqrt(square)),
        mav=float(size),
        percent=found[0],
        percent_rms=found[1],
        percent_without_noise=found[2],
        change=_change(here[[0, place]], None if drawn is None else drawn[[0, place]], ends)
        if place
        else None,
    )


def _change(here: FloatArray, drawn: FloatArray | None, ends: tuple[float, float]) -> Change:
    """Return the change from the first to the second of two sets."""
    draws = None if drawn is None else drawn[1] - drawn[0]
    percent, percent_rms, without_noise = _estimates(here[1] - here[0], draws, ends)
    return Change(
        percent=percent,
        percent_rms=percent_rms,
        percent_without_noise=without_noise,
        verdict=judge(percent, percent_rms, without_noise),
        draws=draws,
    )


def _values(change: Change) -> FloatArray:
    without_noise = change.percent_without_noise
    left = np.nan if without_noise is None else without_noise.value
    return np.array([change.percent.value, change.percent_rms.value, left])


def _estimates(
    values: FloatArray, draws: FloatArray | None, ends: tuple[float, float]
) -> tuple[Estimate, Estimate, Estimate | None]:
    """Return those of the three kinds; the last is None where the noise is not known."""
    first, second, third = (
        estimate(value, None if draws is None else draws[kind], ends)
        for kind, value in enumerate(values)
    )
    return first, second, None if np.isnan(values[2]) else third
