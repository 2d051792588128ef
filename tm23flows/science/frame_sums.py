"""Errors of predicted labels as sums over frames, and what can be had from sums alone.

Owns the sums of |error|, error^2 and |label| over the components of each frame, for every quantity
and every bin of the labelled force, and the MAE, RMSE and percent error of any group of frames made
from them, with intervals. So predictions are read once, and tables are made many times. The
formulas are those of ``metrics``, which they agree with.

**Intervals** are from blocks of frames of each run (``block_bootstrap``), because neighbours in
time are alike. The length of the blocks is that of the slowest series among what the frames add to
MAE and percent error of energy, force and stress, the same for everything that is measured on the
same frames. They hold what other frames of the same runs would change; they do not hold another
run, another training set or another seed. The energy MAV of a draw is measured from the mean of the
frames as they are.

**Bins** are of the labelled force of an atom, its Euclidean norm, because a model is off by more
where forces are large. Their edges are the same for all metals.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

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
from tm23flows.science.label_arrays import FloatArray, LabelArrays
from tm23flows.science.metrics import (
    ZERO_MAV,
    EnergyReference,
    check_energy_reference,
    percent_of,
)

QUANTITIES: Final = ("energy", "force", "stress")

MAGNITUDE_EDGES_EV_PER_A: Final = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Lower edges of the bins of the labelled force of an atom, eV/A; the last bin is open."""

ALL = "all"
ERROR, SQUARE, SIZE, COUNT = range(4)
TINY = 1e-300


@dataclass(frozen=True)
class FrameSums:
    """Sums over the components of each frame.

    ``columns`` (k, 4, frames): |error|, error^2, |label| and number of components of the k
    ``names``, which are the quantities and then the bins. ``per_atom_eV`` (frames,) are the
    labelled energies per atom, of which the |label| is a deviation.
    """

    names: tuple[str, ...]
    columns: FloatArray
    per_atom_eV: FloatArray
    energy_reference: EnergyReference
    edges_eV_per_A: tuple[float, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.columns.shape[-1]

    def of(self, name: str) -> FloatArray:
        """Return the sums of one quantity or bin.

        Parameters
        ----------
        name
            One of ``names``.

        Returns
        -------
            |error|, error^2, |label| and number of components, (4, frames).
        """
        return self.columns[self.names.index(name)]

    def only(self, places: ArrayLike) -> FrameSums:
        """Choose frames; the energy MAV is measured from their own mean.

        Parameters
        ----------
        places
            Places of the frames, in the order that is wanted.

        Returns
        -------
            Their sums.
        """
        chosen = np.asarray(places, dtype=int)
        columns, per_atom = self.columns[:, :, chosen], self.per_atom_eV[chosen]
        columns[self.names.index("energy"), SIZE] = _energy_size(per_atom, self.energy_reference)
        return replace(self, columns=columns, per_atom_eV=per_atom)


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


def sums_of_frames(
    predicted: LabelArrays,
    reference: LabelArrays,
    energy_reference: EnergyReference = "mean-per-atom",
    edges_eV_per_A: Sequence[float] = MAGNITUDE_EDGES_EV_PER_A,
) -> FrameSums:
    """Sum the errors of each frame.

    Parameters
    ----------
    predicted
        Predicted labels.
    reference
        Reference labels of the same frames in the same order.
    energy_reference
        What the energy MAV is measured from; see :func:`tm23flows.science.metrics.error_table`.
    edges_eV_per_A
        Lower edges of the bins of the labelled force, rising from 0; empty for no bins.

    Returns
    -------
        The sums. Stresses are summed where both have one.

    Raises
    ------
    InputError
        The two are not of the same frames, the energy reference is unknown or the edges do not
        rise from zero.
    """
    check_energy_reference(energy_reference)
    predicted.require_same_frames(reference)
    edges = _checked_edges(edges_eV_per_A)
    per_atom = reference.energies_eV / reference.n_atoms
    error = predicted.energies_eV / predicted.n_atoms - per_atom
    size = _energy_size(per_atom, energy_reference)
    energy = [np.abs(error), error**2, size, np.ones(len(error))]
    force, bins = _force_sums(predicted, reference, edges)
    columns = np.concatenate([[energy, force, _stress_sums(predicted, reference)], bins])
    names = (*QUANTITIES, *(one for one, _, _ in bins_of(edges)))
    return FrameSums(names, columns, per_atom, energy_reference, edges)


def bins_of(edges_eV_per_A: Sequence[float]) -> Iterator[tuple[str, float, float]]:
    """List bins of the labelled force.

    Parameters
    ----------
    edges_eV_per_A
        Their lower edges.

    Yields
    ------
    Name, lower and upper edge, eV/A; the last one ends at infinity.
    """
    for low, high in pairwise([*edges_eV_per_A, np.inf]):
        yield (
            f"force {low:g} to {high:g}" if np.isfinite(high) else f"force from {low:g}",
            low,
            high,
        )


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
        |error|, error^2, |label| and number of components, (4,).

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


def _energy_size(per_atom: FloatArray, energy_reference: EnergyReference) -> FloatArray:
    zero = per_atom.mean() if energy_reference == "mean-per-atom" and len(per_atom) else 0.0
    return np.abs(per_atom - zero)


def _checked_edges(edges: Sequence[float]) -> tuple[float, ...]:
    given = tuple(float(one) for one in edges)
    rising = all(low < high for low, high in pairwise(given)) and np.isfinite(given).all()
    if given and (given[0] != 0 or not rising):
        raise InputError("The edges of the bins of the force rise from 0, such as 0, 0.5 and 1.")
    return given


def _force_sums(
    predicted: LabelArrays, reference: LabelArrays, edges: tuple[float, ...]
) -> tuple[list[FloatArray], FloatArray]:
    """Sum over all components of each frame, and over those in each bin, (bins, 4, frames)."""
    label, counts = reference.forces_eV_per_A, reference.n_atoms
    error = predicted.forces_eV_per_A - label
    of_atom = [np.abs(error).sum(axis=1), (error**2).sum(axis=1), np.abs(label).sum(axis=1)]
    of_atom.append(np.full(len(label), 3.0))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    whole = [np.add.reduceat(one, starts) for one in of_atom]
    if not edges:
        return whole, np.zeros((0, 4, len(counts)))
    magnitude = np.linalg.norm(label, axis=1)
    bins = np.searchsorted(edges, magnitude, side="right") - 1
    cells = bins * len(counts) + np.repeat(np.arange(len(counts)), counts)
    size = len(edges) * len(counts)
    binned = [np.bincount(cells, one, size).reshape(len(edges), -1) for one in of_atom]
    return whole, np.stack(binned, axis=1)


def _stress_sums(predicted: LabelArrays, reference: LabelArrays) -> FloatArray:
    found = np.zeros((4, len(reference.n_atoms)))
    both = predicted.has_stress & reference.has_stress
    first, second = predicted.stresses_eV_per_A3, reference.stresses_eV_per_A3
    if first is not None and second is not None and both.any():
        label, error = second[both], first[both] - second[both]
        sums = np.abs(error), error**2, np.abs(label), np.ones_like(error)
        found[:, both] = [one.sum(axis=1) for one in sums]
    return found
