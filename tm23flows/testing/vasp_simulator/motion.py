"""Molecular dynamics as a leapfrog with a Nose-Hoover thermostat.

Owns the state and one step of it. With x and the friction z at whole steps, the velocities v and
the integral s of the friction at half steps, and a = f/m:

    v(n+1/2) = [v(n-1/2) (1 - z dt/2) + a dt] / (1 + z dt/2),   x(n+1) = x(n) + v(n+1/2) dt
    s(n+1/2) = s(n-1/2) + z dt,   z(n+1) = z(n) + dt [2 K(n+1/2) - g k T] / Q

It conserves F + K + Q z^2/2 + g k T s up to second order. The state after a step is the next
positions, with which VASP begins the predictor-corrector block of CONTCAR. The kinetic energy of
a step is the mean of those of its two half steps, which equipartition makes the right one of a
leapfrog (exactly so for harmonic atoms; that of the mean velocity is 1 or 2 % cold at 5 fs).
Nose, Mol. Phys. 52, 255 (1984); Hoover, Phys. Rev. A 31, 1695 (1985). g = 3n - 3, because the
centre of mass is at rest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

BOLTZMANN_EV_K: Final = 8.617333262e-5
A_PER_FS2: Final = 9.648533212e-3
"""Acceleration in A/fs^2 of 1 u under 1 eV/A."""

NOSE_PERIOD_STEPS: Final = 40.0


@dataclass(frozen=True)
class State:
    """Where a run is: fractional positions, velocities in A/fs, friction in 1/fs, its integral."""

    fractional: np.ndarray
    velocities: np.ndarray
    friction: float = 0.0
    integral: float = 0.0


@dataclass(frozen=True)
class Ensemble:
    """Masses in u, the target, the step, and whether there is a thermostat at all."""

    masses: np.ndarray
    temperature_K: float
    timestep_fs: float
    thermostat: bool

    @property
    def freedoms(self) -> int:
        """Degrees of freedom."""
        return max(3 * len(self.masses) - 3, 1)

    @property
    def target_eV(self) -> float:  # noqa: N802 - the unit keeps its capital
        """Twice the kinetic energy that the thermostat holds, g k T."""
        return self.freedoms * BOLTZMANN_EV_K * self.temperature_K

    @property
    def inertia(self) -> float:
        """Mass of the thermostat in eV fs^2: a period of 40 steps, VASP's for SMASS = 0."""
        period = NOSE_PERIOD_STEPS * self.timestep_fs
        return 2 * self.target_eV * (period / (2 * np.pi)) ** 2

    def kinetic(self, velocities: np.ndarray) -> float:
        """Return the kinetic energy in eV."""
        return float(np.sum(self.masses[:, None] * velocities**2)) / (2 * A_PER_FS2)

    def temperature(self, kinetic_eV: float) -> float:
        """Return the temperature in K of a kinetic energy."""
        return 2 * kinetic_eV / (self.freedoms * BOLTZMANN_EV_K)


@dataclass(frozen=True)
class Kinetics:
    """Energies in eV at a whole step."""

    kinetic: float
    thermostat_potential: float
    thermostat_kinetic: float
    temperature_K: float

    def total(self, free_eV: float) -> float:
        """Return the conserved energy that belongs to a free energy, in eV."""
        return free_eV + self.kinetic + self.thermostat_potential + self.thermostat_kinetic


def draw_velocities(ensemble: Ensemble, seed: str) -> np.ndarray:
    """Draw velocities from a Maxwell distribution and scale them to the target exactly.

    Parameters
    ----------
    ensemble
        Masses and temperature.
    seed
        Text; the same text gives the same velocities.

    Returns
    -------
    Shape (n, 3), in A/fs, without motion of the centre of mass.
    """
    digest = hashlib.sha256(seed.encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    masses = ensemble.masses[:, None]
    velocities = random.normal(size=(len(masses), 3)) / np.sqrt(masses)
    velocities -= np.sum(masses * velocities, axis=0) / masses.sum()
    now = ensemble.temperature(ensemble.kinetic(velocities))
    return velocities * np.sqrt(ensemble.temperature_K / now) if now > 0 else velocities


def half_step_back(state: State, forces: np.ndarray, ensemble: Ensemble) -> State:
    """Turn velocities at the first step into those half a step before it.

    Parameters
    ----------
    state
        With velocities at the time of its positions.
    forces
        In eV/A, there.
    ensemble
        Masses and step.

    Returns
    -------
    The state from which ``advance`` can start.
    """
    kick = 0.5 * ensemble.timestep_fs * A_PER_FS2 * forces / ensemble.masses[:, None]
    return State(state.fractional, state.velocities - kick, state.friction, state.integral)


def advance(
    state: State, forces: np.ndarray, cell: np.ndarray, ensemble: Ensemble
) -> tuple[State, Kinetics]:
    """Take one step.

    Parameters
    ----------
    state
        Positions of this step, velocities of half a step before.
    forces
        In eV/A, at these positions.
    cell
        Rows are the vectors, in angstrom.
    ensemble
        What is held.

    Returns
    -------
    The state of the next step, and the kinetic energies of this one.
    """
    dt = ensemble.timestep_fs
    friction = state.friction if ensemble.thermostat else 0.0
    acceleration = A_PER_FS2 * forces / ensemble.masses[:, None]
    brake = friction * dt / 2
    velocities = (state.velocities * (1 - brake) + acceleration * dt) / (1 + brake)
    kinetic = (ensemble.kinetic(state.velocities) + ensemble.kinetic(velocities)) / 2
    now = Kinetics(
        kinetic=kinetic,
        thermostat_potential=ensemble.target_eV * (state.integral + friction * dt / 2),
        thermostat_kinetic=ensemble.inertia * friction**2 / 2,
        temperature_K=ensemble.temperature(kinetic),
    )
    following = friction
    if ensemble.thermostat:
        surplus = 2 * ensemble.kinetic(velocities) - ensemble.target_eV
        following += dt * surplus / ensemble.inertia
    moved = state.fractional + velocities * dt @ np.linalg.inv(cell)
    integral = state.integral + friction * dt
    return State(moved - np.floor(moved), velocities, following, integral), now
