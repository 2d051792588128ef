"""How forces on the same atoms change with the recipe: in length, and as vectors.

Owns the two measures of the article's Fig. 9c and their means. With F_i the force on atom i under
one recipe and G_i that under the reference (SIGMA 0.2 eV):

- ``radial_i = | |F_i| - |G_i| |``: lengths first, then the difference. The absolute value is our
  reading; the article does not state the sign.
- ``angular_i = |F_i - G_i|``: the vectors first, then the length of their difference.

``angular_i >= radial_i`` for every atom by the triangle inequality, so the sign of their difference
says nothing: its size does. The two are not parts of a whole: a force that only grows has both
equal. Nor is an angular response of twice the radial one a sign of anything angular: small changes
in random directions, as label noise makes, have just that, for the mean of ``|cos|`` over
directions is 1/2. It is the caller who matches atoms; the arrays here are in one order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import (
    Bootstrap,
    Estimate,
    choose_blocks,
    draw_sums,
    estimate,
)
from tm23flows.science.label_arrays import FloatArray, finite_array


@dataclass(frozen=True)
class MeanResponse:
    """Means over all atoms, in eV/angstrom.

    ``difference`` is angular less radial, ``excess`` angular less twice the radial, which is zero
    for small changes in random directions.
    """

    radial: Estimate
    angular: Estimate
    difference: Estimate
    excess: Estimate
    n_frames: int
    n_atoms: int
    block_length: int
    effective_frames: float
    trusted: bool


def radial_response(forces: ArrayLike, reference: ArrayLike) -> FloatArray:
    """Return by how much the length of each force changes.

    Parameters
    ----------
    forces
        Forces, (atoms, 3), eV/angstrom.
    reference
        Forces on the same atoms under the reference recipe, (atoms, 3), eV/angstrom.

    Returns
    -------
        Absolute changes, (atoms,), eV/angstrom.

    Raises
    ------
    InputError
        The shapes differ or are no forces, or a number is not finite.

    Examples
    --------
    A force that only turns keeps its magnitude.

    >>> radial_response([[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).tolist()
    [0.0]
    """
    first, second = _pair(forces, reference)
    change: FloatArray = np.abs(np.linalg.norm(first, axis=1) - np.linalg.norm(second, axis=1))
    return change


def angular_response(forces: ArrayLike, reference: ArrayLike) -> FloatArray:
    """Return the length of the change of each force.

    Parameters
    ----------
    forces
        Forces, (atoms, 3), eV/angstrom.
    reference
        Forces on the same atoms under the reference recipe, (atoms, 3), eV/angstrom.

    Returns
    -------
        Lengths, (atoms,), eV/angstrom; none is below that of :func:`radial_response` but for
        rounding.

    Raises
    ------
    InputError
        As :func:`radial_response`.

    Examples
    --------
    A force of 1 eV/angstrom that turns by a right angle:

    >>> angular_response([[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).round(4).tolist()
    [1.4142]
    """
    first, second = _pair(forces, reference)
    change: FloatArray = np.linalg.norm(first - second, axis=1)
    return change


def mean_response(
    forces: ArrayLike,
    reference: ArrayLike,
    n_atoms: ArrayLike,
    runs: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> MeanResponse:
    """Return the means over all atoms of all frames, with intervals from blocks of frames.

    Parameters
    ----------
    forces
        Forces, (atoms, 3), eV/angstrom, frame after frame; the frames of a run in the order of
        time, equally spaced.
    reference
        Forces on the same atoms under the reference recipe.
    n_atoms
        Atoms of each frame, (frames,).
    runs
        What run each frame is of, (frames,); no block spans two runs.
    bootstrap
        How frames are drawn.

    Returns
    -------
        The means; without intervals where the frames are too few or too correlated.

    Raises
    ------
    InputError
        The shapes do not fit, or a number is not finite.
    """
    counts = np.asarray(n_atoms, dtype=int)
    per_frame = _sums(forces, reference, counts, len(runs))
    means = per_frame.sum(axis=1) / counts.sum()
    blocks = choose_blocks(per_frame - means[:, None] * counts, runs, bootstrap)
    draws: Sequence[FloatArray | None] = (None,) * len(per_frame)
    if blocks.are_enough:
        *sums, atoms = draw_sums(np.vstack([per_frame, counts]), blocks, bootstrap)
        draws = [one / atoms for one in sums]
    ends = blocks.ends(bootstrap.level)
    found = [estimate(mean, drawn, ends) for mean, drawn in zip(means, draws, strict=True)]
    return MeanResponse(
        radial=found[0],
        angular=found[1],
        difference=found[2],
        excess=found[3],
        n_frames=len(runs),
        n_atoms=int(counts.sum()),
        block_length=blocks.length,
        effective_frames=blocks.effective_frames,
        trusted=blocks.is_trusted,
    )


def _sums(
    forces: ArrayLike, reference: ArrayLike, counts: NDArray[np.int_], n_frames: int
) -> FloatArray:
    """Sum the columns of a mean response over the atoms of each frame, (4, frames)."""
    radial, angular = radial_response(forces, reference), angular_response(forces, reference)
    if counts.shape != (n_frames,) or (counts < 1).any() or counts.sum() != len(radial):
        raise InputError(
            f"Forces on {len(radial)} atoms do not fit {n_frames} frames with {counts.sum()} atoms."
        )
    columns = np.array([radial, angular, angular - radial, angular - 2 * radial])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    summed: FloatArray = np.add.reduceat(columns, starts, axis=1)
    return summed


def _pair(forces: ArrayLike, reference: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first = finite_array(forces, "forces")
    second = finite_array(reference, "forces under the reference recipe")
    if first.ndim != 2 or first.shape[1] != 3 or first.shape != second.shape or not len(first):
        raise InputError(
            f"Forces of shape {first.shape} and {second.shape} cannot be compared: give three "
            "components for each of the same atoms."
        )
    return first, second
