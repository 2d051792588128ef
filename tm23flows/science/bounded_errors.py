"""Errors of frames with intervals, from their sums.

Owns MAE, RMSE, MAV and percent error of any group of frames. They are those of ``metrics``.

**Intervals** are from blocks of frames of each run (``block_bootstrap``), because neighbours in
time are alike. The length of the blocks is that of the slowest series among what the frames add to
MAE and percent error of energy, force and stress, the same for everything that is measured on the
same frames. They hold what other frames of the same runs would change; they do not hold another
run, another training set or another seed. The energy MAV of a draw is measured from the mean of the
frames as they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

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
from tm23flows.science.frame_sums import COUNT, ERROR, QUANTITIES, SIZE, SQUARE, FrameSums
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.metrics import ZERO_MAV, percent_of

ALL = "all"
TINY = 1e-300


@dataclass(frozen=True)
class BoundedErrors:
    """Errors of one quantity or bin with their intervals, in eV, A and atoms.

    ``percent`` is None where the labels have no magnitude.
    """

    n_components: int
    mae: Estimate
    rmse: Estimate
    mav: float
    percent: Estimate | None


@dataclass(frozen=True)
class GroupErrors:
    """Errors of a group of frames, by quantity and bin; those without components are left out.

    ``reason`` says why there are no intervals; it is empty where there are.
    """

    n_frames: int
    block_length: int
    effective_frames: float
    is_trusted: bool
    reason: str
    errors: dict[str, BoundedErrors]


def measure(sums: FrameSums, runs: Sequence[Hashable], bootstrap: Bootstrap) -> GroupErrors:
    """Measure frames, with intervals.

    Parameters
    ----------
    sums
        Their sums; frames of a run in the order of time, equally spaced.
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How frames are drawn.

    Returns
    -------
        The errors.

    Raises
    ------
    InputError
        There are no frames, or the runs do not fit.
    """
    if not sums.n_frames or len(runs) != sums.n_frames:
        raise InputError(f"{len(runs)} runs do not fit {sums.n_frames} frames, or there are none.")
    blocks = choose_blocks(influences(sums), runs, bootstrap)
    draws = None
    if blocks.are_enough:
        flat = sums.columns.reshape(-1, sums.n_frames)
        draws = draw_sums(flat, blocks, bootstrap).reshape(*sums.columns.shape[:2], -1)
    ends = blocks.ends(bootstrap.level)
    totals = sums.columns.sum(axis=-1)
    return GroupErrors(
        n_frames=sums.n_frames,
        block_length=blocks.length,
        effective_frames=blocks.effective_frames,
        is_trusted=blocks.is_trusted,
        reason=why_no_interval(blocks),
        errors={
            name: _bounded(total, None if draws is None else draws[place], ends)
            for place, (name, total) in enumerate(zip(sums.names, totals, strict=True))
            if total[COUNT] > 0
        },
    )


def measure_groups(
    sums: FrameSums, runs: Sequence[Hashable], groups: Sequence[str], bootstrap: Bootstrap
) -> dict[str, GroupErrors]:
    """Measure all frames and then each group on its own.

    Parameters
    ----------
    sums
        Their sums.
    runs
        What run each frame is of, (frames,).
    groups
        Name of the group of each frame, such as a temperature.
    bootstrap
        How frames are drawn.

    Returns
    -------
        Errors by group, ``all`` first, then in the order in which they come. Where all frames are
        of one group it has the numbers of ``all``.

    Raises
    ------
    InputError
        As :func:`measure`.
    """
    if len(groups) != sums.n_frames:
        raise InputError(f"{len(groups)} groups do not fit {sums.n_frames} frames.")
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    whole = measure(sums, runs, bootstrap)
    if len(places) == 1:
        return {ALL: whole, **dict.fromkeys(places, whole)}
    found = {
        group: measure(sums.only(rows), [runs[row] for row in rows], bootstrap)
        for group, rows in places.items()
    }
    return {ALL: whole, **found}


def influences(sums: FrameSums) -> FloatArray:
    """Return what each frame adds to the errors of energy, force and stress.

    Parameters
    ----------
    sums
        Sums over frames.

    Returns
    -------
        To first order and relative: first to MAE, then to percent error, (6, frames).
    """
    columns = sums.columns[: len(QUANTITIES)]
    shares = columns / np.maximum(columns.sum(axis=-1, keepdims=True), TINY)
    error = shares[:, ERROR]
    return np.concatenate([error - shares[:, COUNT], error - shares[:, SIZE]])


def why_no_interval(blocks: Blocks) -> str:
    """Say why there is no interval.

    Parameters
    ----------
    blocks
        The blocks.

    Returns
    -------
        A sentence, empty where there is one.
    """
    if blocks.are_enough:
        return ""
    n_frames = sum(len(one) for one in blocks.places)
    return f"{n_frames} frames are too few, or too correlated, for an interval."


def errors_of_total(total: ArrayLike) -> tuple[float, float, float, float | None]:
    """Return the errors of a sum over frames.

    Parameters
    ----------
    total
        ``|error|``, ``error^2``, ``|label|`` and number of components, (4,).

    Returns
    -------
        MAE, RMSE, MAV and percent error; the last is None where the labels have no magnitude.
    """
    error, square, size, count = np.asarray(total, dtype=float)
    mae, mav = error / count, size / count
    return float(mae), float(np.sqrt(square / count)), float(mav), percent_of(mae, mav)


def _bounded(
    total: FloatArray, draws: FloatArray | None, ends: tuple[float, float]
) -> BoundedErrors:
    mae, rmse, mav, percent = errors_of_total(total)
    # A bin that a draw has no atom of has no error in it: then there is no interval.
    if draws is not None and not (draws[COUNT] > 0).all():
        draws = None
    many = {"mae": None, "rmse": None, "percent": None}
    if draws is not None:
        many["mae"] = draws[ERROR] / draws[COUNT]
        many["rmse"] = np.sqrt(np.maximum(draws[SQUARE], 0) / draws[COUNT])
        if (draws[SIZE] > ZERO_MAV * draws[COUNT]).all():
            many["percent"] = 100 * draws[ERROR] / draws[SIZE]
    return BoundedErrors(
        n_components=round(total[COUNT]),
        mae=estimate(mae, many["mae"], ends),
        rmse=estimate(rmse, many["rmse"], ends),
        mav=mav,
        percent=None if percent is None else estimate(percent, many["percent"], ends),
    )
