"""Nose-Hoover chain dynamics that can stop and go on.

Owns the integrator and its restart. It stands on ASE's Nose-Hoover chain, which
is right on non-orthogonal cells, and mends one thing: the centre of mass does
not move here, so the thermostat must hold 3n - 3 degrees of freedom at the
target, not 3n. With 3n a cell of 7 atoms would be 17 % too hot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from ase import units
from ase.md.nose_hoover_chain import NoseHooverChainNVT, NoseHooverChainThermostat
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import State
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

ENSEMBLE = "nvt-nose-hoover-chain"
CHAIN_LENGTH = 3


class NoseHooverChain(NoseHooverChainNVT):
    """ASE's integrator with the centre of mass at rest and a readable state."""

    def __init__(self, atoms: Atoms, dynamics: Dynamics) -> None:
        damping = dynamics.damping_fs * units.fs
        super().__init__(
            atoms,
            timestep=dynamics.timestep_fs * units.fs,
            temperature_K=dynamics.temperature_K,
            tdamp=damping,
            tchain=CHAIN_LENGTH,
        )
        # ASE uses this number only as one third of the degrees of freedom.
        self._thermostat = NoseHooverChainThermostat(
            num_atoms_global=len(atoms) - 1,
            masses=self.masses,
            temperature_K=dynamics.temperature_K,
            tdamp=damping,
            tchain=CHAIN_LENGTH,
        )

    @property
    def thermostat_state(self) -> np.ndarray:
        """Positions and momenta of the chain, shape (2 * CHAIN_LENGTH,)."""
        return np.concatenate([self._thermostat._eta, self._thermostat._p_eta])  # noqa: SLF001

    @thermostat_state.setter
    def thermostat_state(self, state: np.ndarray) -> None:
        self._thermostat._eta = np.array(state[:CHAIN_LENGTH])  # noqa: SLF001
        self._thermostat._p_eta = np.array(state[CHAIN_LENGTH:])  # noqa: SLF001


def instantaneous_temperature(atoms: Atoms) -> float:
    """Return the instantaneous temperature of atoms whose centre of mass is at rest.

    Parameters
    ----------
    atoms
        At least two atoms with momenta.

    Returns
    -------
    2 E_kin / ((3n - 3) k_B), in K.
    """
    return 2 * atoms.get_kinetic_energy() / ((3 * len(atoms) - 3) * units.kB)


def set_initial_velocities(atoms: Atoms, dynamics: Dynamics) -> None:
    """Draw seeded Maxwell-Boltzmann velocities without drift, exactly at their temperature.

    Parameters
    ----------
    atoms
        Their momenta are replaced.
    dynamics
        Target temperature, its initial factor, and the seed.
    """
    target = dynamics.temperature_K * dynamics.initial_temperature_factor
    rng = np.random.default_rng(dynamics.seed)
    thermalize_momenta(atoms, temperature_K=target, rng=rng)
    Stationary(atoms)
    atoms.set_momenta(atoms.get_momenta() * np.sqrt(target / instantaneous_temperature(atoms)))


def integrate(
    atoms: Atoms, dynamics: Dynamics, n_steps: int, start: State | None
) -> Iterator[tuple[State, float, float]]:
    """Move atoms and yield the state after every step.

    Step 1 is the initial geometry, as in VASP, so ``n_steps`` steps are
    ``n_steps - 1`` integrations.

    Parameters
    ----------
    atoms
        With a calculator; they are moved in place.
    dynamics
        Temperature, time step, thermostat, seed.
    n_steps
        Number of the last step.
    start
        State to go on from; its own step is not repeated.

    Yields
    ------
    State, temperature in K, conserved energy in eV.

    Raises
    ------
    InputError
        If the ensemble is unknown or there are fewer than two atoms.
    """
    if dynamics.ensemble != ENSEMBLE:
        raise InputError(f"There is no ensemble '{dynamics.ensemble}'; use {ENSEMBLE}.")
    if len(atoms) < 2:
        raise InputError("Molecular dynamics needs at least two atoms.")
    if start is None:
        set_initial_velocities(atoms, dynamics)
        mover = NoseHooverChain(atoms, dynamics)
        yield _observe(1, atoms, mover)
        first = 2
    else:
        atoms.set_positions(start.positions)
        atoms.set_momenta(start.momenta)
        mover = NoseHooverChain(atoms, dynamics)
        mover.thermostat_state = start.thermostat
        first = start.step + 1
    for step in range(first, n_steps + 1):
        mover.step()
        yield _observe(step, atoms, mover)


def _observe(step: int, atoms: Atoms, mover: NoseHooverChain) -> tuple[State, float, float]:
    state = State(
        step=step,
        positions=atoms.get_positions(),
        momenta=atoms.get_momenta(),
        thermostat=mover.thermostat_state,
    )
    return state, instantaneous_temperature(atoms), mover.get_conserved_energy()
