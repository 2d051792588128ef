"""Errors of forces on the atoms in the middle of a rare event.

Owns the rare-event (RE) errors of Liu, He, Mo, npj Comput. Mater. 9, 174 (2023), and the pooling
of frames. Finding the events is in :mod:`tm23flows.science.hops`. For each RE atom::

    dF     = | |F_pred| - |F_ref| |   in eV/A, the difference of the magnitudes,
    dtheta = angle between F_pred and F_ref, 0 to 180 degrees,

    RE_M = 1 - mean over [0, 1] eV/A of the cumulative distribution of dF,
    RE_A = 1 - mean over [0, 60] degrees of the cumulative distribution of dtheta,
    RE_F = root mean square of dF.

The means are by the trapezoid rule on a grid of 50 points, which is part of the definition. **All
three are errors: lower is better.** Atoms beyond the range stay in the denominator, and all RE
atoms of a set are pooled: an error of a set is not a mean of errors of frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray, finite_array

N_GRID: Final = 50
"""Points of the grid of the trapezoid rule in the definition."""
MAGNITUDE_RANGE_eV_per_A: Final = 1.0
ANGLE_RANGE_DEG: Final = 60.0

ROUNDING: Final = 1e-10
"""Errors that exceed a limit by less, in eV/A or degrees, do so by the rounding of numbers: a
perfect model that is turned with its frame stays perfect."""

NO_ATOM: Final = "no atom of the set is in the middle of a rare event"
NO_ANGLE: Final = "every atom of a rare event has a predicted or a reference force of zero"


@dataclass(frozen=True)
class RareEventErrors:
    """Errors on the atoms of rare events; lower is better for each of them.

    Parameters
    ----------
    re_m_error
        RE_M, of the magnitude, 0 to 1; None if undefined.
    re_f_error_eV_per_A
        RE_F, root mean square of the difference of magnitudes; None if undefined.
    re_a_error
        RE_A, of the direction, 0 to 1; None if undefined.
    fraction_above_half_eV_per_A
        Share of the atoms with dF > 0.5 eV/A; None if undefined.
    fraction_above_15_deg, fraction_above_30_deg
        Shares of the atoms with an angle whose dtheta is larger; None if undefined.
    n_atoms
        RE atoms.
    n_atoms_without_angle
        Those of them that are left out of the angles because a force is exactly zero.
    n_frames, n_frames_with_event
        Frames of the set, and those with an RE atom; None if not known.
    undefined, angle_undefined
        Why there are no errors, or none of the angle; None if there are.
    n_grid
        Points of the grids of RE_M and RE_A.
    """

    re_m_error: float | None
    re_f_error_eV_per_A: float | None
    re_a_error: float | None
    fraction_above_half_eV_per_A: float | None
    fraction_above_15_deg: float | None
    fraction_above_30_deg: float | None
    n_atoms: int
    n_atoms_without_angle: int
    n_frames: int | None = None
    n_frames_with_event: int | None = None
    undefined: str | None = None
    angle_undefined: str | None = None
    n_grid: int = N_GRID

    @property
    def one_minus_re_m(self) -> float | None:
        """Higher is better, 0 to 1; None if undefined."""
        return None if self.re_m_error is None else 1 - self.re_m_error

    @property
    def one_minus_re_a(self) -> float | None:
        """Higher is better, 0 to 1; None if undefined."""
        return None if self.re_a_error is None else 1 - self.re_a_error


@dataclass(frozen=True, eq=False)
class AtomErrors:
    """``magnitude_eV_per_A`` (n,) and ``angle_deg`` (those of the n atoms that have one,)."""

    magnitude_eV_per_A: FloatArray
    angle_deg: FloatArray


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Share of the atoms with an error up to ``limit``; None where there is no atom."""

    limit: FloatArray
    share: FloatArray | None


@dataclass(frozen=True, eq=False)
class PooledAtoms:
    """RE atoms of many frames.

    ``forces_pred`` and ``forces_ref`` (n, 3), eV/A; ``frame`` (n,), the place of the frame of each
    atom in the lists that were pooled; frames that hold events and those without information.
    """

    forces_pred: FloatArray
    forces_ref: FloatArray
    frame: NDArray[np.int_]
    n_frames: int
    n_frames_with_event: int
    n_frames_without_r: int


def rare_event_scores(
    forces_pred: ArrayLike,
    forces_ref: ArrayLike,
    n_grid: int = N_GRID,
    n_frames: int | None = None,
    n_frames_with_event: int | None = None,
) -> RareEventErrors:
    """Measure forces on RE atoms; every number is an error, lower is better.

    Parameters
    ----------
    forces_pred, forces_ref
        Predicted and reference forces on the RE atoms only, of all frames, (n, 3), eV/A.
    n_grid
        Points of the grids; the definition has 50.
    n_frames, n_frames_with_event
        Only recorded; see :func:`rare_event_scores_of_frames`.

    Returns
    -------
        The errors, or the reason why they are undefined.

    Raises
    ------
    InputError
        The shapes differ or are not (n, 3), a number is not finite, or a grid has no two points.
    """
    errors = atom_errors(forces_pred, forces_ref)
    magnitude, angle = errors.magnitude_eV_per_A, errors.angle_deg
    curves = _curves(errors, n_grid)
    missing = None if magnitude.size else NO_ATOM
    return RareEventErrors(
        re_m_error=_area_above(curves[0]),
        re_f_error_eV_per_A=float(np.sqrt(np.mean(magnitude**2))) if magnitude.size else None,
        re_a_error=_area_above(curves[1]),
        fraction_above_half_eV_per_A=_share_above(magnitude, 0.5),
        fraction_above_15_deg=_share_above(angle, 15.0),
        fraction_above_30_deg=_share_above(angle, 30.0),
        n_atoms=magnitude.size,
        n_atoms_without_angle=magnitude.size - angle.size,
        n_frames=n_frames,
        n_frames_with_event=n_frames_with_event,
        undefined=missing,
        angle_undefined=None if angle.size else missing or NO_ANGLE,
        n_grid=n_grid,
    )


def rare_event_scores_of_frames(
    forces_pred: Sequence[ArrayLike],
    forces_ref: Sequence[ArrayLike],
    r: Sequence[ArrayLike | None],
    n_grid: int = N_GRID,
) -> RareEventErrors:
    """Pool the RE atoms of frames and measure them.

    Parameters
    ----------
    forces_pred, forces_ref, r
        As :func:`pool_frames` takes them.
    n_grid
        Points of the grids; the definition has 50.

    Returns
    -------
        The errors with the numbers of frames.

    Raises
    ------
    InputError
        As in :func:`pool_frames` and :func:`rare_event_scores`.
    """
    pool = pool_frames(forces_pred, forces_ref, r)
    return rare_event_scores(
        pool.forces_pred, pool.forces_ref, n_grid, pool.n_frames, pool.n_frames_with_event
    )


def pool_frames(
    forces_pred: Sequence[ArrayLike],
    forces_ref: Sequence[ArrayLike],
    r: Sequence[ArrayLike | None],
) -> PooledAtoms:
    """Take the atoms with r of exactly 0 from all frames.

    Parameters
    ----------
    forces_pred, forces_ref
        Forces on all atoms of each frame, (atoms, 3), eV/A, in the same order.
    r
        Distance of each atom to the nearest migrating atom, (atoms,), A, or None for a frame
        without information on rare events. Only whether it is 0 counts, so any convention for
        larger distances will do.

    Returns
    -------
        The pooled atoms; none of them is not an error.

    Raises
    ------
    InputError
        The numbers of frames or of atoms differ, forces of a frame are missing, a number is not
        finite, or a distance is negative.
    """
    if not len(forces_pred) == len(forces_ref) == len(r):
        raise InputError(
            f"There are predictions of {len(forces_pred)} frames, references of {len(forces_ref)} "
            f"and r of {len(r)}: give all three for the same frames in the same order."
        )
    chosen = [
        _atoms_of_frame(place, *frame)
        for place, frame in enumerate(zip(forces_pred, forces_ref, r, strict=True))
    ]
    counts = np.array([len(pred) for pred, _ in chosen], dtype=int)
    none = np.empty((0, 3))
    return PooledAtoms(
        forces_pred=np.concatenate([none, *(pred for pred, _ in chosen)]),
        forces_ref=np.concatenate([none, *(ref for _, ref in chosen)]),
        frame=np.repeat(np.arange(len(chosen)), counts),
        n_frames=len(chosen),
        n_frames_with_event=int((counts > 0).sum()),
        n_frames_without_r=sum(one is None for one in r),
    )


def atom_errors(forces_pred: ArrayLike, forces_ref: ArrayLike) -> AtomErrors:
    """Return the errors of each atom.

    Parameters
    ----------
    forces_pred, forces_ref
        Predicted and reference forces on the RE atoms only, (n, 3), eV/A.

    Returns
    -------
        Errors of the magnitude, and of the angle for atoms on which neither force is zero.

    Raises
    ------
    InputError
        The shapes differ or are not (n, 3), or a number is not finite.
    """
    pred, pred_size = _directions(_force_rows(forces_pred, "predicted forces"))
    ref, ref_size = _directions(_force_rows(forces_ref, "reference forces"))
    if pred.shape != ref.shape:
        raise InputError(
            f"There are predicted forces on {len(pred)} atoms and reference forces on {len(ref)}: "
            "give both for the same atoms in the same order."
        )
    known = (pred_size > 0) & (ref_size > 0)
    # The arc cosine of the definition loses half of the digits near 0 and 180 degrees: with it
    # a perfect prediction would not have an angle of 0.
    sine = np.linalg.norm(np.cross(pred[known], ref[known]), axis=1)
    cosine = (pred[known] * ref[known]).sum(axis=1)
    return AtomErrors(np.abs(pred_size - ref_size), np.degrees(np.arctan2(sine, cosine)))


def error_curves(
    forces_pred: ArrayLike, forces_ref: ArrayLike, n_grid: int = N_GRID
) -> tuple[ErrorCurve, ErrorCurve]:
    """Return the cumulative distributions from which RE_M and RE_A are made.

    Parameters
    ----------
    forces_pred, forces_ref, n_grid
        As in :func:`rare_event_scores`.

    Returns
    -------
        That of the magnitude over 0 to 1 eV/A, and that of the angle over 0 to 60 degrees.

    Raises
    ------
    InputError
        As in :func:`rare_event_scores`.
    """
    return _curves(atom_errors(forces_pred, forces_ref), n_grid)


def _curves(errors: AtomErrors, n_grid: int) -> tuple[ErrorCurve, ErrorCurve]:
    if isinstance(n_grid, bool) or not isinstance(n_grid, (int, np.integer)) or n_grid < 2:
        raise InputError(f"A grid needs at least two points, not {n_grid}; the definition has 50.")
    return (
        _curve(errors.magnitude_eV_per_A, np.linspace(0, MAGNITUDE_RANGE_eV_per_A, n_grid)),
        _curve(errors.angle_deg, np.linspace(0, ANGLE_RANGE_DEG, n_grid)),
    )


def _curve(errors: FloatArray, limits: FloatArray) -> ErrorCurve:
    if not errors.size:
        return ErrorCurve(limits, None)
    within = np.searchsorted(np.sort(errors), limits + ROUNDING, side="right")
    return ErrorCurve(limits, within / errors.size)


def _area_above(curve: ErrorCurve) -> float | None:
    """Return one minus the mean of a curve by the trapezoid rule."""
    if curve.share is None:
        return None
    middles = (curve.share[1:] + curve.share[:-1]) / 2
    return float(1 - middles.sum() / middles.size)


def _share_above(errors: FloatArray, limit: float) -> float | None:
    return float((errors > limit + ROUNDING).mean()) if errors.size else None


def _force_rows(forces: ArrayLike, what: str) -> FloatArray:
    rows = finite_array(forces, what)
    if rows.shape == (0,):
        return rows.reshape(0, 3)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise InputError(f"The {what} have shape {rows.shape}: give three components per atom.")
    return rows


def _directions(forces: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return vectors with a largest component of 1 and magnitudes; squares cannot underflow."""
    largest = np.abs(forces).max(axis=1, initial=0.0)
    scaled = forces / np.where(largest > 0, largest, 1.0)[:, None]
    return scaled, largest * np.linalg.norm(scaled, axis=1)


def _atoms_of_frame(
    place: int, forces_pred: ArrayLike, forces_ref: ArrayLike, r: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    """Return both forces on the RE atoms of one frame; all of the frame is checked."""
    if forces_pred is None or forces_ref is None:
        raise InputError(
            f"Frame {place} (counted from 0) has no forces: leave it out of predictions, "
            "references and r, and report it."
        )
    pred = _force_rows(forces_pred, f"predicted forces of frame {place}")
    ref = _force_rows(forces_ref, f"reference forces of frame {place}")
    if r is None:
        distance = np.full(len(ref), np.inf)
    else:
        distance = finite_array(r, f"distances r of frame {place}")
    if pred.shape != ref.shape or distance.shape != ref.shape[:1]:
        raise InputError(
            f"Frame {place} (counted from 0) has {len(pred)} predicted and {len(ref)} reference "
            f"forces and r of shape {distance.shape}: these are not of the same atoms."
        )
    if (distance < 0).any():
        raise InputError(f"Frame {place} (counted from 0) has a negative distance r.")
    return pred[distance == 0], ref[distance == 0]
