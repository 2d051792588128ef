"""Whether one model is better than another on the same frames.

Owns the test and its verdict, which were fixed before any data.

**Difference.** The error of the first model less that of the second, MAE and percent error, of
energy, force and stress. Both are measured on the same draws of blocks of frames, so that what
makes a frame hard for both cancels. The length of the blocks is that of the slowest among what
the frames add to the differences.

**p value** of the difference of MAE: two-sided, from Student's t, where the standard error is that
of the draws, made larger as few blocks want it (``block_bootstrap``), and the degrees of freedom
are the blocks less one for each run. It is the chance of a difference at least this large if the
two models were equally good on frames of these runs.

**Several comparisons.** Who compares many models, quantities or metals finds small p values by
chance. So p values of all that is judged together, the family, are adjusted by Holm's step-down
rule: Holm, Scand. J. Stat. 6, 65 (1979). The chance that any verdict of the family is wrong is then
at most 1 less the level.

**Verdict.** ``first`` or ``second`` is better if the interval of its difference of MAE lies on one
side of zero, its adjusted p value is not above 1 less the level, and the frames are enough to trust
both (``Blocks.is_trusted``); ``unresolved`` else, also where the frames are too few for an
interval. From few or short runs the correlation is underestimated, and equally good models would
differ far too often. It is about the frames of these runs: another training set, another seed and
another run are not in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import (
    Blocks,
    Bootstrap,
    Estimate,
    choose_blocks,
    draw_sums,
    estimate,
)
from tm23flows.science.bounded_errors import errors_of_total, influences, why_no_interval
from tm23flows.science.frame_sums import COUNT, ERROR, QUANTITIES, SIZE, FrameSums
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.metrics import ZERO_MAV
from tm23flows.science.p_values import holm, t_p_value

Verdict = Literal["first", "second", "unresolved"]

TOO_FEW_HAVE_IT = "Too few frames have this quantity for an interval."


@dataclass(frozen=True)
class Difference:
    """Error of the first model less that of the second, on the frames that both predict.

    Parameters
    ----------
    first, second
        Places of the models among those that were compared.
    quantity
        energy (eV/atom), force (eV/angstrom) or stress (eV/angstrom^3).
    mae
        Difference of MAE.
    percent
        Difference of percent errors, in points; None where the labels have no magnitude.
    p_value
        Of the difference of MAE; None where there is no interval.
    n_frames, block_length, effective_frames
        What it rests on.
    is_trusted
        Whether these are enough for the interval and the p value to be believed.
    reason
        Why there is no interval; empty where there is one.
    """

    first: int
    second: int
    quantity: str
    mae: Estimate
    percent: Estimate | None
    p_value: float | None
    n_frames: int
    block_length: int
    effective_frames: float
    is_trusted: bool
    reason: str


@dataclass(frozen=True)
class Judged:
    """A difference with what is to be said of it."""

    difference: Difference
    adjusted_p: float | None
    verdict: Verdict


def compare_models(
    models: Sequence[FrameSums], runs: Sequence[Hashable], bootstrap: Bootstrap
) -> list[Difference]:
    """Compare every two models on the same frames.

    Parameters
    ----------
    models
        Their sums; all of the same frames in the same order, those of a run in the order of time.
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How frames are drawn.

    Returns
    -------
        Differences by pair, (0, 1), (0, 2), ... (1, 2), ..., and quantity. A quantity is left out
        where one of the two does not have it; stresses are compared where both have one.

    Raises
    ------
    InputError
        The models are not of the same frames or have another energy reference.
    """
    for one in models:
        same = one.n_frames == len(runs) and np.allclose(one.per_atom_eV, models[0].per_atom_eV)
        if not same or one.energy_reference != models[0].energy_reference:
            raise InputError(
                "Models are compared on the same frames with one energy reference: choose the "
                "frames that all of them predict."
            )
    found: list[Difference] = []
    for first, second in combinations(range(len(models)), 2):
        found += _pair(first, second, _common(models[first], models[second]), runs, bootstrap)
    return found


def judge_all(differences: Sequence[Difference], level: float) -> list[Judged]:
    """Judge differences as one family, by the rule of this module.

    Parameters
    ----------
    differences
        All that are looked at together.
    level
        Level of their intervals.

    Returns
    -------
        Each with its adjusted p value and its verdict, in the same order.
    """
    known = [one.p_value for one in differences if one.p_value is not None]
    adjusted = iter(holm(known))
    judged = []
    for one in differences:
        p_value = None if one.p_value is None else next(adjusted)
        judged.append(Judged(one, p_value, _verdict(one, p_value, level)))
    return judged


def independent_difference(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two values that were measured on different frames.

    The distances from the values to the ends of their intervals add as squares: Zou and Donner,
    Stat. Med. 27, 1693 (2008). Intervals that are not symmetric stay so.

    Parameters
    ----------
    one, other
        Values with intervals of the same level, independent of each other.

    Returns
    -------
        One less the other; without an interval where one of them has none.
    """
    value = one.value - other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Estimate(value)
    below = np.hypot(one.value - one.low, other.high - other.value)
    above = np.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, float(value - below), float(value + above))


def _verdict(difference: Difference, adjusted_p: float | None, level: float) -> Verdict:
    sign = difference.mae.sign
    if adjusted_p is None or not sign or adjusted_p > 1 - level or not difference.is_trusted:
        return "unresolved"
    return "first" if sign < 0 else "second"


def _common(first: FrameSums, second: FrameSums) -> tuple[FrameSums, FrameSums]:
    """Leave out the sums of a frame that one of the two does not have, such as a stress."""
    n_quantities = len(QUANTITIES)
    both = (first.columns[:n_quantities, COUNT] > 0) & (second.columns[:n_quantities, COUNT] > 0)
    return tuple(  # type: ignore[return-value]
        replace(one, columns=one.columns[:n_quantities] * both[:, None], names=QUANTITIES)
        for one in (first, second)
    )


def _pair(
    first: int,
    second: int,
    sums: tuple[FrameSums, FrameSums],
    runs: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> Iterator[Difference]:
    one, other = sums
    blocks = choose_blocks(_influences(one, other), runs, bootstrap)
    draws = None
    if blocks.are_enough:
        flat = np.concatenate([each.columns.reshape(-1, len(runs)) for each in sums])
        draws = draw_sums(flat, blocks, bootstrap).reshape(2, len(QUANTITIES), 4, -1)
    totals = np.array([each.columns.sum(axis=-1) for each in sums])
    for place, quantity in enumerate(QUANTITIES):
        total, drawn = totals[:, place], None if draws is None else draws[:, place]
        if not total[0, COUNT]:
            continue
        if drawn is not None and not (drawn[:, COUNT] > 0).all():
            drawn = None
        mae, percent, p_value = _differences(total, drawn, blocks, bootstrap)
        yield Difference(
            first=first,
            second=second,
            quantity=quantity,
            mae=mae,
            percent=percent,
            p_value=p_value,
            n_frames=int((one.columns[place, COUNT] > 0).sum()),
            block_length=blocks.length,
            effective_frames=blocks.effective_frames,
            is_trusted=blocks.is_trusted,
            reason=why_no_interval(blocks) or ("" if drawn is not None else TOO_FEW_HAVE_IT),
        )


def _influences(one: FrameSums, other: FrameSums) -> FloatArray:
    """Return what each frame adds to the differences of MAE and of percent error."""
    weights = [each.columns[:, ERROR].sum(axis=-1) for each in (one, other)]
    both = [
        np.tile(weight, 2)[:, None] * influences(each)
        for weight, each in zip(weights, (one, other), strict=True)
    ]
    return both[0] - both[1]


def _differences(
    total: FloatArray, drawn: FloatArray | None, blocks: Blocks, bootstrap: Bootstrap
) -> tuple[Estimate, Estimate | None, float | None]:
    """Return the differences of MAE and percent error, and the p value, of one quantity."""
    ends = blocks.ends(bootstrap.level)
    (mae, _, _, percent), (other_mae, _, _, other_percent) = map(errors_of_total, total)
    many = (
        None
        if drawn is None
        else drawn[0, ERROR] / drawn[0, COUNT] - (drawn[1, ERROR] / drawn[1, COUNT])
    )
    difference = estimate(mae - other_mae, many, ends)
    p_value = None if many is None else t_p_value(mae - other_mae, many, blocks)
    if percent is None or other_percent is None:
        return difference, None, p_value
    of_percent = None
    if drawn is not None and (drawn[:, SIZE] > ZERO_MAV * drawn[:, COUNT]).all():
        shares = drawn[:, ERROR] / drawn[:, SIZE]
        of_percent = 100 * (shares[0] - shares[1])
    return difference, estimate(percent - other_percent, of_percent, ends), p_value
