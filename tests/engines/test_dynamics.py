"""Nose-Hoover chains: really NVT on oblique cells, conserving, and going on as if never stopped."""

import numpy as np
import pytest
from ase.build import bulk
from ase.units import kB

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.dynamics import instantaneous_temperature, set_initial_velocities
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError

TARGET_K = 600.0
# Copper has no hcp phase of its own; effective-medium theory is content with one.
CELLS = {
    "fcc": bulk("Cu", "fcc", a=3.63) * (2, 2, 2),
    "hcp": bulk("Cu", "hcp", a=2.57, c=4.2) * (2, 2, 1),
}


def with_vacancy(phase):
    atoms = CELLS[phase].copy()
    del atoms[3]
    return atoms


def run(atoms, n_steps, start=None, **dynamics):
    engine = EmtEngine(None)
    recipe = engine.complete(Recipe(engine="emt"), ["Cu"])
    given = {"temperature_K": TARGET_K, "damping_fs": 25.0, "initial_temperature_factor": 2.0}
    return list(engine.run_md(atoms, recipe, Dynamics(**{**given, **dynamics}), n_steps, start))


@pytest.mark.parametrize("phase", CELLS)
def test_the_temperature_is_that_of_the_canonical_ensemble(phase):
    atoms = with_vacancy(phase)
    steps = run(atoms, 1300, seed=1)[100:]
    temperatures = np.array([step.temperature_K for step in steps])
    assert temperatures.mean() == pytest.approx(TARGET_K, rel=0.05)
    # A thermostat that only rescales velocities has the mean, not the fluctuations.
    canonical = np.sqrt(2 / (3 * len(atoms) - 3))
    assert temperatures.std() / TARGET_K == pytest.approx(canonical, rel=0.25)
    # Nothing melted away or collapsed: neighbours stay where copper has them.
    moved = atoms.copy()
    moved.positions = steps[-1].state.positions
    distances = moved.get_all_distances(mic=True)[np.triu_indices(len(moved), 1)]
    assert distances.min() > 1.9


def test_the_thermostat_does_the_work():
    """Without it (a relaxation time that never comes) the temperature is another one."""
    free = run(with_vacancy("fcc"), 300, damping_fs=1e6, initial_temperature_factor=1.0, seed=1)
    assert np.mean([step.temperature_K for step in free[100:]]) < 0.8 * TARGET_K


@pytest.mark.parametrize("phase", CELLS)
def test_particles_and_chain_conserve_their_energy(phase):
    spread = {}
    for timestep in (5.0, 2.5):
        steps = run(with_vacancy(phase), int(1000 / timestep), timestep_fs=timestep, seed=2)
        conserved = np.array([step.conserved_eV for step in steps])
        potential = np.array([step.result.energies.free for step in steps])
        times = np.arange(len(conserved))
        drift = np.polyfit(times, conserved, 1)[0] * len(times)
        assert abs(drift) < 0.05 * potential.std()
        spread[timestep] = conserved.std()
        assert spread[timestep] < 0.03 * potential.std()
    # The error of the integrator is of second order in the time step.
    assert 2.5 < spread[5.0] / spread[2.5] < 6.5


@pytest.mark.parametrize("phase", CELLS)
def test_a_run_in_pieces_is_the_run_in_one(phase):
    atoms = with_vacancy(phase)
    whole = run(atoms, 20)
    pieces, state = [], None
    for last in (5, 10, 15, 20):
        pieces += run(atoms, last, state)
        state = pieces[-1].state
    assert [one.state.step for one in pieces] == list(range(1, 21))
    for one, other in zip(pieces, whole, strict=True):
        for name in ("positions", "momenta", "thermostat"):
            np.testing.assert_allclose(
                getattr(one.state, name), getattr(other.state, name), rtol=0, atol=1e-10
            )
        np.testing.assert_allclose(one.result.forces, other.result.forces, rtol=0, atol=1e-10)
        assert one.conserved_eV == pytest.approx(other.conserved_eV, abs=1e-10)
    # The chain is part of the state: forgetting it would be seen.
    assert np.abs(whole[4].state.thermostat).max() > 1e-3


def test_a_finished_run_does_nothing_more():
    steps = run(with_vacancy("fcc"), 3)
    assert run(with_vacancy("fcc"), 3, steps[-1].state) == []


def test_the_first_step_is_the_initial_geometry():
    atoms = with_vacancy("fcc")
    before = atoms.get_positions()
    steps = run(atoms, 2)
    assert np.array_equal(steps[0].state.positions, before)
    assert not np.array_equal(steps[1].state.positions, before)
    assert np.array_equal(atoms.get_positions(), before)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_initial_velocities_have_exactly_their_temperature_and_no_drift(factor):
    atoms = with_vacancy("hcp")
    set_initial_velocities(
        atoms, Dynamics(temperature_K=TARGET_K, initial_temperature_factor=factor)
    )
    n = len(atoms)
    kinetic = 0.5 * (atoms.get_momenta() ** 2 / atoms.get_masses()[:, None]).sum()
    assert 2 * kinetic / ((3 * n - 3) * kB) == pytest.approx(factor * TARGET_K, rel=1e-12)
    assert instantaneous_temperature(atoms) == pytest.approx(factor * TARGET_K, rel=1e-12)
    np.testing.assert_allclose(atoms.get_momenta().sum(axis=0), 0, atol=1e-12)


def test_the_seed_decides_the_velocities():
    first = [run(with_vacancy("fcc"), 1, seed=seed)[0].state.momenta for seed in (1, 1, 2)]
    assert np.array_equal(first[0], first[1])
    assert not np.allclose(first[0], first[2])


def test_senseless_runs_are_refused():
    with pytest.raises(InputError, match="two atoms"):
        run(CELLS["fcc"][:1], 2)
    with pytest.raises(InputError, match="ensemble"):
        run(with_vacancy("fcc"), 2, ensemble="npt")
