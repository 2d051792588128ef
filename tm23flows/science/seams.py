"""Seams: whether consecutive steps of one run belong together.

Owns the test of positions, momenta and thermostat from one step to the next. It knows no
files and no segments, only which steps are the first after a seam.

A run that goes on with other velocities or another thermostat has positions that look
reasonable. What gives it away is the equation of motion: the part of a step that forces do
not explain is the thermostat's, a friction along the velocities, the same for all atoms. What
remains across all steps and directions is small, and so is the change of the conserved energy.
A step across a bad seam stands out from all others of the same run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.constants import atomic_mass, elementary_charge

FS = 1e-15 / (1e-10 * math.sqrt(atomic_mass / elementary_charge))
"""One femtosecond in units of angstrom (amu/eV)^1/2, ASE's unit of time."""

FACTOR = 10.0
"""A seam is bad where its residual is this many times the largest inside segments."""

SMALLEST = 0.005
"""Residuals below this part of the largest step of the run are never bad: short runs have too
few steps inside segments to know what is usual."""

ENERGY_eV = 0.2
"""Size of the energy of an atom's motion: jumps of the conserved energy below the same part of
this are never bad, because electrons that start anew move it a little."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps of one run, from one segment.

    Parameters
    ----------
    step
        Step numbers, shape (m,).
    positions
        In angstrom, not wrapped, shape (m, n, 3).
    forces
        In eV/angstrom, shape (m, n, 3); nan where they are not known.
    momenta
        In amu angstrom over ASE's time unit, shape (m, n, 3); (m, 0, 3) where not known.
    thermostat
        State of the thermostat, shape (m, k).
    conserved
        Energy of particles and thermostat in eV, shape (m,); nan where not known.
    """

    step: np.ndarray
    positions: np.ndarray
    forces: np.ndarray
    momenta: np.ndarray
    thermostat: np.ndarray
    conserved: np.ndarray


@dataclass(frozen=True)
class BadSeam:
    """A place where a run does not go on as it was.

    Parameters
    ----------
    step
        First step after the seam.
    quantity
        positions, speeds (the common factor that a thermostat changes them by), momenta,
        thermostat or conserved energy.
    residual
        What the equation of motion leaves unexplained there.
    usual
        The largest of that inside segments. Both in angstrom for positions and speeds, in the
        units of the quantity itself otherwise.
    """

    step: int
    quantity: str
    residual: float
    usual: float


def bad_seams(
    stretches: Iterable[Stretch], masses: np.ndarray, timestep_fs: float
) -> list[BadSeam]:
    """Find the seams across which a run does not go on.

    Parameters
    ----------
    stretches
        The segments in order; read one at a time.
    masses
        Of the atoms, shape (n,), in amu.
    timestep_fs
        Time step in fs.

    Returns
    -------
    What stands out, by quantity and step. Nothing where no segment has the three steps that
    it takes to know what is usual.
    """
    inside: dict[str, float] = {}
    largest: dict[str, float] = {}
    across: list[tuple[str, int, float]] = []
    for stretch, seam in _joined(stretches):
        for quantity, step, residuals, sizes in _residuals(stretch, masses, timestep_fs * FS):
            largest[quantity] = max([largest.get(quantity, 0.0), *sizes[np.isfinite(sizes)]])
            for place, residual in zip(step, residuals, strict=True):
                if not np.isfinite(residual):
                    continue
                # Three steps meet in a residual: it is across if the seam is between them.
                if seam is not None and place - 2 < seam <= place:
                    across.append((quantity, int(seam), float(residual)))
                else:
                    inside[quantity] = max(inside.get(quantity, 0.0), float(residual))
    worst: dict[tuple[str, int], float] = {}
    for quantity, seam, residual in across:
        worst[quantity, seam] = max(worst.get((quantity, seam), 0.0), residual)
    return [
        BadSeam(seam, quantity, residual, inside[quantity])
        for (quantity, seam), residual in sorted(worst.items())
        if quantity in inside
        and residual > max(FACTOR * inside[quantity], SMALLEST * largest[quantity])
    ]


def _joined(stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, int | None]]:
    """Yield each segment with the last two steps before it, and the number of its first step."""
    before: Stretch | None = None
    for stretch in stretches:
        if before is None:
            joined, seam = stretch, None
        else:
            joined = Stretch(
                *(
                    np.concatenate([getattr(before, name), getattr(stretch, name)])
                    for name in Stretch.__dataclass_fields__
                )
            )
            seam = int(stretch.step[0])
        yield joined, seam
        before = Stretch(*(getattr(joined, name)[-2:] for name in Stretch.__dataclass_fields__))


def _residuals(
    run: Stretch, masses: np.ndarray, dt: float
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield quantity, last of three steps, what is unexplained there, and how far steps go."""
    if len(run.step) < 3:
        return
    last = run.step[2:]
    moves = np.diff(run.positions, axis=0)
    expected = run.forces[1:-1] / masses[:, None] * dt**2
    along, rest = _friction(np.diff(moves, axis=0) - expected, (moves[1:] + moves[:-1]) / 2)
    yield "positions", last, rest, _size(moves)[1:]
    yield "speeds", last, along, _size(moves)[1:]
    if run.momenta.shape[1]:
        kicks = np.diff(run.momenta, axis=0) - (run.forces[1:] + run.forces[:-1]) / 2 * dt
        _, rest = _friction(kicks, (run.momenta[1:] + run.momenta[:-1]) / 2)
        yield "momenta", last, rest[1:], _size(run.momenta)[2:]
    if run.thermostat.shape[1]:
        changes = np.diff(run.thermostat, axis=0)
        yield "thermostat", last, _size(np.diff(changes, axis=0)), _size(changes)[1:]
    drift = np.abs(np.diff(run.conserved))[1:]
    yield "conserved energy", last, drift, np.full(len(last), len(masses) * ENERGY_eV)


def _friction(residuals: np.ndarray, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide residuals into the friction that fits best at each step, and what it leaves."""
    length = (velocities**2).sum(axis=(1, 2))
    factor = (residuals * velocities).sum(axis=(1, 2)) / np.where(length > 0, length, 1.0)
    along = factor[:, None, None] * velocities
    return _size(along), _size(residuals - along)


def _size(values: np.ndarray) -> np.ndarray:
    """Return the largest component of each step."""
    largest: np.ndarray = np.abs(values).reshape(len(values), -1).max(axis=1)
    return largest
