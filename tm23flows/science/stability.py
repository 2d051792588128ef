"""Does a run of molecular dynamics stay sound? Time to its first failure, drift, closest atoms.

Owns what counts as a failure of a run, and the numbers that describe a sound one. The limits are
ours and generous: they catch runs that have left physics, not models that are merely wrong.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.rdf import images_within

FailureKind = Literal["stopped", "not finite", "too hot", "too close", "drift"]

REACH: Final = 1.5
"""Neighbours are looked for within so many cube roots of the volume per atom. No arrangement has
all its atoms farther apart than 1.13 of them (close packing)."""


@dataclass(frozen=True)
class StabilityRule:
    """Limits of a sound run.

    Parameters
    ----------
    temperature_factor
        The run fails at the first step hotter than this times the target. Runs that start on
        lattice sites may begin at twice the target.
    distance_share
        It fails where two atoms come nearer than this times the nearest distance in the structure
        that it starts from.
    drift_eV_per_atom
        It fails where the conserved energy has moved by more than this from its first value.
    """

    temperature_factor: float = 3.0
    distance_share: float = 0.5
    drift_eV_per_atom: float = 0.1

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values.

        Returns
        -------
        The limits by name.
        """
        return asdict(self)


@dataclass(frozen=True, eq=False)
class RunArrays:
    """What is known of every step of a run, in order.

    Parameters
    ----------
    positions_A
        (steps, atoms, 3), A.
    temperature_K
        Instantaneous, (steps,), K; nan throughout where the program does not tell it.
    conserved_eV
        Energy of particles and thermostat, (steps,), eV; nan where the program does not tell it.
    cell_A
        Lattice vectors as rows, (3, 3), A.
    timestep_fs
        Time between two steps, fs.
    """

    positions_A: FloatArray
    temperature_K: FloatArray
    conserved_eV: FloatArray
    cell_A: FloatArray
    timestep_fs: float


@dataclass(frozen=True)
class RunFailure:
    """Where a run failed first.

    Parameters
    ----------
    step
        1-based step; step 1 is the structure at time 0.
    time_ps
        Its time, ps.
    kind
        Which limit was passed; ``stopped`` where the calculation ended in an error.
    reason
        In words.
    """

    step: int
    time_ps: float
    kind: FailureKind
    reason: str


@dataclass(frozen=True)
class Stability:
    """How sound a run is; means and drift are those of the steps before the failure.

    Parameters
    ----------
    n_steps
        Steps that were done.
    failure
        The first failure; None for a sound run.
    temperature_mean_K, temperature_std_K
        Over the second half of the sound steps, K; None where none has a known one.
    drift_meV_per_atom_per_ps
        Slope of a straight line through the conserved energy; None where that is not known or
        there are fewer than three sound steps.
    min_distance_A
        Smallest distance of two atoms on the whole run, A; None where no position is finite.
    """

    n_steps: int
    failure: RunFailure | None
    temperature_mean_K: float | None
    temperature_std_K: float | None
    drift_meV_per_atom_per_ps: float | None
    min_distance_A: float | None


def examine_run(
    run: RunArrays,
    target_K: float,
    rule: StabilityRule | None = None,
    stopped: str | None = None,
) -> Stability:
    """Look for the first failure of a run, and describe it until there.

    Parameters
    ----------
    run
        The run; its first step is the structure that it started from.
    target_K
        Temperature that it was to have, K.
    rule
        Limits; None for the defaults.
    stopped
        Why the calculation ended after the last step, where that was an error.

    Returns
    -------
    What was found.

    Raises
    ------
    InputError
        If there is no step, or the target is not positive.
    """
    used = rule or StabilityRule()
    n_steps = len(run.positions_A)
    if n_steps == 0 or not target_K > 0:
        raise InputError("A run needs a step and a positive temperature to be examined.")
    distances = nearest_distances(run.positions_A, run.cell_A)
    failure = _first_failure(run, distances, target_K, used, stopped)
    sound = n_steps if failure is None else failure.step - 1
    late = run.temperature_K[sound // 2 : sound]
    late = late[np.isfinite(late)]
    known = distances[np.isfinite(distances)]
    return Stability(
        n_steps=n_steps,
        failure=failure,
        temperature_mean_K=float(late.mean()) if len(late) else None,
        temperature_std_K=float(late.std()) if len(late) else None,
        drift_meV_per_atom_per_ps=_drift(run, sound),
        min_distance_A=float(known.min()) if len(known) else None,
    )


def nearest_distances(positions_A: FloatArray, cell_A: FloatArray) -> FloatArray:
    """Return the smallest distance of two atoms, images included, of every step.

    Parameters
    ----------
    positions_A
        (steps, atoms, 3), A.
    cell_A
        Lattice vectors as rows, (3, 3), A.

    Returns
    -------
    (steps,), A; nan where a position is not finite.
    """
    from scipy.spatial import cKDTree

    volume = abs(np.linalg.det(cell_A))
    reach = REACH * (volume / positions_A.shape[1]) ** (1 / 3)
    found = np.full(len(positions_A), np.nan)
    for step, frame in enumerate(positions_A):
        if np.isfinite(frame).all():
            atoms, images, _ = images_within(frame, cell_A, reach)
            found[step] = cKDTree(images).query(atoms, k=2)[0][:, 1].min()
    return found


def _first_failure(
    run: RunArrays,
    distances: FloatArray,
    target_K: float,
    rule: StabilityRule,
    stopped: str | None,
) -> RunFailure | None:
    temperature, n_atoms = run.temperature_K, run.positions_A.shape[1]
    # A program that tells no temperature has not failed.
    told = np.isfinite(temperature) | np.isnan(temperature).all()
    drift = np.abs(run.conserved_eV - run.conserved_eV[0]) / n_atoms
    nearest = rule.distance_share * distances[0]
    hottest = rule.temperature_factor * target_K
    # In this order the first of several at one step is named.
    signs: list[tuple[FailureKind, NDArray[np.bool_], str]] = [
        ("not finite", ~(told & np.isfinite(distances)), "no finite numbers"),
        ("too close", distances < nearest, f"two atoms nearer than {nearest:.2f} A"),
        ("too hot", temperature > hottest, f"hotter than {hottest:.0f} K"),
        (
            "drift",
            drift > rule.drift_eV_per_atom,
            f"conserved energy off by more than {rule.drift_eV_per_atom:g} eV/atom",
        ),
    ]
    found = [(int(np.argmax(sign)), kind, said) for kind, sign, said in signs if sign.any()]
    if found:
        place, kind, said = min(found, key=lambda one: one[0])
        return RunFailure(place + 1, place * run.timestep_fs / 1000, kind, said)
    if stopped is not None:
        place = len(run.positions_A)
        return RunFailure(place + 1, place * run.timestep_fs / 1000, "stopped", stopped)
    return None


def _drift(run: RunArrays, sound: int) -> float | None:
    energies = run.conserved_eV[:sound]
    if sound < 3 or not np.isfinite(energies).all():
        return None
    times = run.timestep_fs / 1000 * np.arange(sound)
    slope = np.polyfit(times, energies - energies[0], 1)[0]
    return float(1000 * slope / run.positions_A.shape[1])
