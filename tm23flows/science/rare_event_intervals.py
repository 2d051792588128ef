"""Intervals of rare-event errors by drawing events anew, and differences on the same draws.

Owns the resampling. RE_M, RE_A and the fractions are means over atoms, because the area above a
cumulative distribution is the mean of what each atom adds to it, and RE_F is the root of one; so
sums over the atoms of each event are all that a draw needs. Events are drawn, not atoms or
frames: those of one event are nearly the same. The errors are those of
:mod:`tm23flows.science.rare_events`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import (
    Blocks,
    Bootstrap,
    Estimate,
    choose_blocks,
    draw_sums,
    estimate,
)
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.rare_events import (
    ANGLE_RANGE_DEG,
    N_GRID,
    ROUNDING,
    MAGNITUDE_RANGE_eV_per_A,
    atom_errors,
)

MEASURES: Final = (
    "re_m_error",
    "re_f_error_eV_per_A",
    "re_a_error",
    "fraction_above_half_eV_per_A",
    "fraction_above_15_deg",
    "fraction_above_30_deg",
)
"""As in :class:`tm23flows.science.rare_events.RareEventErrors`."""


@dataclass(frozen=True, eq=False)
class EventSums:
    """What the atoms of each event add to the errors of one predictor.

    Parameters
    ----------
    numerators, counts
        By measure sums over atoms and their numbers, (measures, events).
    """

    numerators: FloatArray
    counts: FloatArray


def event_sums(
    forces_pred: ArrayLike,
    forces_ref: ArrayLike,
    event: Sequence[Hashable],
    events: Sequence[Hashable],
    n_grid: int = N_GRID,
) -> EventSums:
    """Add up the errors of the atoms of each event.

    Parameters
    ----------
    forces_pred, forces_ref
        Forces on RE atoms only, (n, 3), eV/A.
    event
        Event of each atom, (n,).
    events
        All events, in the order that the sums keep; some may have no atom here.
    n_grid
        Points of the grids of RE_M and RE_A.

    Returns
    -------
        The sums.

    Raises
    ------
    InputError
        The shapes do not fit, or an atom is of an event that is not among them.
    """
    places = {one: place for place, one in enumerate(events)}
    pred, ref = np.asarray(forces_pred, float), np.asarray(forces_ref, float)
    if len(event) != len(pred) or any(one not in places for one in event):
        raise InputError("Every atom of a rare event needs one event, out of those that are given.")
    errors = atom_errors(pred, ref)
    where = np.array([places[one] for one in event], dtype=int)
    # The atoms that have an angle are those on which no force is exactly zero.
    known = np.any(pred != 0, axis=1) & np.any(ref != 0, axis=1) if len(pred) else np.zeros(0, bool)
    magnitude, angle = errors.magnitude_eV_per_A, errors.angle_deg
    rows = [
        (_areas(magnitude, MAGNITUDE_RANGE_eV_per_A, n_grid), where),
        (magnitude**2, where),
        (_areas(angle, ANGLE_RANGE_DEG, n_grid), where[known]),
        (magnitude > 0.5 + ROUNDING, where),
        (angle > 15 + ROUNDING, where[known]),
        (angle > 30 + ROUNDING, where[known]),
    ]
    n = len(events)
    return EventSums(
        np.array([np.bincount(at, weights=values, minlength=n) for values, at in rows]),
        np.array([np.bincount(at, minlength=n) for _, at in rows], dtype=float),
    )


def measure(sums: EventSums, bootstrap: Bootstrap) -> dict[str, Estimate | None]:
    """Return the errors of one predictor with their intervals.

    Parameters
    ----------
    sums
        Of :func:`event_sums`.
    bootstrap
        Number of draws, level and seed; the length of blocks is one event.

    Returns
    -------
        By measure; None where there is no atom. Without an interval where there are too few
        events, or a draw may have no atom.
    """
    return {
        name: _estimate([(sums.numerators[i], sums.counts[i])], _finish(name), bootstrap)
        for i, name in enumerate(MEASURES)
    }


def compare(one: EventSums, other: EventSums, bootstrap: Bootstrap) -> dict[str, Estimate | None]:
    """Return the errors of one predictor less those of another, on the same draws of events.

    Parameters
    ----------
    one, other
        Sums of the same atoms and events.
    bootstrap
        As in :func:`measure`.

    Returns
    -------
        By measure; negative where the first is better, None where one of them has no atom.

    Raises
    ------
    InputError
        They are not of the same events and atoms.
    """
    if one.counts.shape != other.counts.shape or (one.counts[0] != other.counts[0]).any():
        raise InputError("Rare-event errors can be compared on the same atoms of events only.")
    return {
        name: _estimate(
            [(one.numerators[i], one.counts[i]), (other.numerators[i], other.counts[i])],
            _finish(name),
            bootstrap,
        )
        for i, name in enumerate(MEASURES)
    }


def _areas(errors: FloatArray, largest: float, n_grid: int) -> FloatArray:
    """Return what each atom adds to the area above the curve, of which the error is the mean."""
    limits = np.linspace(0, largest, n_grid)
    # The weights of the trapezoid rule, of a range of length one.
    weights = np.full(n_grid, 1.0)
    weights[[0, -1]] = 0.5
    weights /= n_grid - 1
    missed = np.searchsorted(limits + ROUNDING, errors, side="left")
    return np.concatenate([[0.0], np.cumsum(weights)])[missed]


def _finish(name: str) -> Callable[[FloatArray], FloatArray]:
    return np.sqrt if name == "re_f_error_eV_per_A" else np.asarray


def _estimate(
    parts: Sequence[tuple[FloatArray, FloatArray]],
    finish: Callable[[FloatArray], FloatArray],
    bootstrap: Bootstrap,
) -> Estimate | None:
    """Return a ratio of sums, or the difference of two of them, with its interval."""
    if any(counts.sum() == 0 for _, counts in parts):
        return None
    signs = (1.0, -1.0)
    values = [finish(top.sum() / counts.sum()) for top, counts in parts]
    value = float(sum(sign * one for sign, one in zip(signs, values, strict=False)))
    # Events without an atom here are no part of the population that is drawn from.
    there = np.any([counts > 0 for _, counts in parts], axis=0)
    columns = np.array([row[there] for part in parts for row in part])
    blocks = _blocks(columns, bootstrap)
    if not blocks.are_enough:
        return Estimate(value)
    sums = draw_sums(columns, blocks, replace(bootstrap, block_length=1))
    if (sums[1::2] == 0).any():
        return Estimate(value)
    drawn = [finish(sums[2 * i] / sums[2 * i + 1]) for i in range(len(parts))]
    draws = np.asarray(sum(sign * one for sign, one in zip(signs, drawn, strict=False)))
    return estimate(value, draws, blocks.ends(bootstrap.level))


def _blocks(columns: NDArray[np.float64], bootstrap: Bootstrap) -> Blocks:
    return choose_blocks(columns, [0] * columns.shape[1], replace(bootstrap, block_length=1))
