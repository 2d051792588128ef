import numpy as np
import pytest

from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive
from tm23flows.testing.vasp_simulator.motion import (
    BOLTZMANN_EV_K,
    Ensemble,
    State,
    advance,
    draw_velocities,
    half_step_back,
)
from tm23flows.testing.vasp_simulator.potential import evaluate, fit


def crystal(symbol="Cu", repeat=2):
    atoms = build_primitive(metal(symbol)).repeat(repeat)
    del atoms[0]
    return atoms


def dynamics(n_steps, timestep_fs=5.0, temperature_K=500.0, thermostat=True, seed="a"):
    """Energies of a run, in arrays: potential, kinetic, of the thermostat, temperature."""
    atoms, gupta = crystal(), fit("Cu")
    cell = np.array(atoms.cell)
    ensemble = Ensemble(atoms.get_masses(), temperature_K, timestep_fs, thermostat)
    state = State(atoms.get_scaled_positions(), draw_velocities(ensemble, seed))
    rows = []
    for step in range(n_steps):
        terms = evaluate(state.fractional, cell, [gupta] * len(atoms))
        forces = terms.repulsion_forces + terms.band_forces
        if step == 0:
            state = half_step_back(state, forces, ensemble)
        state, now = advance(state, forces, cell, ensemble)
        bath = now.thermostat_potential + now.thermostat_kinetic
        rows.append([terms.repulsion + terms.band, now.kinetic, bath, now.temperature_K])
    return np.array(rows).T, ensemble


def test_drawn_velocities_have_the_temperature_and_no_drift():
    masses = np.array([63.5, 63.5, 197.0, 197.0])
    ensemble = Ensemble(masses, 700.0, 5.0, True)
    velocities = draw_velocities(ensemble, "seed")
    assert ensemble.temperature(ensemble.kinetic(velocities)) == pytest.approx(700.0)
    assert np.allclose(masses @ velocities, 0, atol=1e-12)
    assert np.array_equal(velocities, draw_velocities(ensemble, "seed"))
    assert not np.allclose(velocities, draw_velocities(ensemble, "other"))


def test_units_of_kinetic_energy():
    """Argon at 3/2 k T, by hand: v = sqrt(3 k T / m) is 432.8 m/s at 300 K."""
    ensemble = Ensemble(np.array([39.948]), 300.0, 1.0, True)
    energy = ensemble.kinetic(np.array([[432.8e-5, 0.0, 0.0]]))
    assert energy == pytest.approx(1.5 * BOLTZMANN_EV_K * 300, rel=1e-3)


def test_energy_is_conserved_to_second_order_without_a_thermostat():
    def wobble(timestep_fs):
        (potential, kinetic, _, _), _ = dynamics(
            int(400 / timestep_fs), timestep_fs, thermostat=False
        )
        return np.std(potential + kinetic)

    coarse, fine = wobble(4.0), wobble(2.0)
    assert coarse / fine == pytest.approx(4, rel=0.35)


def test_the_conserved_quantity_of_the_thermostat_does_not_drift():
    (potential, kinetic, bath, _), _ = dynamics(2000)
    conserved = (potential + kinetic + bath) / 7
    first, last = conserved[:500].mean(), conserved[-500:].mean()
    assert abs(last - first) < 1e-3  # eV per atom
    assert conserved.std() < 0.02 * np.std(kinetic / 7) + 2e-3


def test_the_thermostat_holds_its_temperature():
    (*_, temperature), ensemble = dynamics(6000, temperature_K=600.0)
    blocks = temperature[1000:].reshape(25, -1).mean(axis=1)
    error = blocks.std(ddof=1) / 5
    assert abs(blocks.mean() - 600.0) < 4 * error + 0.5
    assert error < 30.0
    # fluctuations of a canonical ensemble: var(T) / T^2 = 2 / g; half of it without a bath
    spread = np.var(temperature[1000:]) / 600.0**2 * ensemble.freedoms / 2
    assert 0.6 < spread < 1.6


def test_the_thermostat_swings_in_forty_steps():
    """Nearly free atoms only feel the bath: its period shows in the temperature."""
    ensemble = Ensemble(np.full(50, 60.0), 500.0, 5.0, True)
    velocities = 1.02 * draw_velocities(ensemble, "x")
    state, cell = State(np.zeros((50, 3)), velocities), 100 * np.eye(3)
    temperatures = []
    for _ in range(400):
        state, now = advance(state, np.zeros((50, 3)), cell, ensemble)
        temperatures.append(now.temperature_K)
    signal = np.array(temperatures) - np.mean(temperatures)
    frequency = np.argmax(np.abs(np.fft.rfft(signal))) / 400
    assert 1 / frequency == pytest.approx(40, rel=0.05)


def test_positions_stay_inside_the_cell():
    ensemble = Ensemble(np.array([60.0, 60.0]), 500.0, 5.0, False)
    state = State(
        np.array([[0.999, 0.5, 0.001], [0.5, 0.5, 0.5]]), np.array([[0.01, 0, -0.01]] * 2)
    )
    state, _ = advance(state, np.zeros((2, 3)), 5.0 * np.eye(3), ensemble)
    assert np.all((state.fractional >= 0) & (state.fractional < 1))
    assert state.fractional[0] == pytest.approx([0.009, 0.5, 0.991])


def test_a_run_is_reversible():
    """Backwards in time from half a step later the run meets where it came from."""
    atoms, gupta = crystal(), fit("Cu")
    cell = np.array(atoms.cell)
    ensemble = Ensemble(atoms.get_masses(), 500.0, 5.0, False)
    start = State(atoms.get_scaled_positions() % 1, draw_velocities(ensemble, "b"))

    def forces(state):
        terms = evaluate(state.fractional, cell, [gupta] * len(atoms))
        return terms.repulsion_forces + terms.band_forces

    state = start
    for _ in range(20):
        state, _ = advance(state, forces(state), cell, ensemble)
    back = State(state.fractional, -state.velocities)
    # the positions are one step ahead of the velocities
    back = State(
        (back.fractional + 5.0 * back.velocities @ np.linalg.inv(cell)) % 1, back.velocities
    )
    for _ in range(19):
        back, _ = advance(back, forces(back), cell, ensemble)
    back, _ = advance(back, forces(back), cell, ensemble)
    assert np.allclose(-back.velocities, start.velocities, atol=1e-10)
