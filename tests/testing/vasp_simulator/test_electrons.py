from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tm23flows.testing.vasp_simulator.electrons import (
    Electrons,
    Energies,
    electronic_errors,
    solve,
)
from tm23flows.testing.vasp_simulator.potential import evaluate, fit

CELL = np.array([[5.1, 0.2, 0.0], [0.3, 5.3, 0.1], [0.0, -0.2, 5.0]])
FRACTIONAL = np.array([[0, 0, 0], [0.5, 0.52, 0], [0.49, 0, 0.5], [0, 0.5, 0.47]])
METALS = [fit("Cu")] * 4
USUAL = Electrons((1, 1, 1), (0.0, 0.0, 0.0), 0.2, 1, 1.5, 0.0, 44.0)


def at(fractional=FRACTIONAL, cell=CELL, **changes):
    return solve(replace(USUAL, **changes), evaluate(fractional, cell, METALS), cell)


VARIANTS = [
    {},
    {"mesh": (2, 3, 1), "offset": (0.5, 0.0, 0.25)},
    {"sigma_eV": 2.0},
    {"sigma_eV": 1.0, "order": 0, "shift": 1.0},
    {"cutoff_ratio": 0.8, "order": -5},
]


@pytest.mark.parametrize("changes", VARIANTS)
def test_forces_are_derivatives_of_the_free_energy(changes):
    point, step = at(**changes), 1e-5
    for atom, axis in [(0, 0), (1, 1), (2, 2), (3, 0)]:
        move = np.zeros((4, 3))
        move[atom, axis] = step
        move = move @ np.linalg.inv(CELL)
        up, down = (at(FRACTIONAL + s * move, **changes).energies.free for s in (1, -1))
        assert point.forces[atom, axis] == pytest.approx((down - up) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("changes", VARIANTS)
def test_stress_is_the_derivative_of_the_free_energy_with_the_mesh_at_rest(changes):
    point, step = at(**changes), 1e-6
    for a, b in [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)]:
        strain = np.zeros((3, 3))
        strain[a, b] += step / 2
        strain[b, a] += step / 2
        up, down = (
            at(cell=CELL @ (np.eye(3) + s * strain), **changes).energies.free for s in (1, -1)
        )
        slope = (up - down) / (2 * step) / np.linalg.det(CELL)
        assert point.stress[a, b] == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_extrapolated_energy_is_that_of_vasp(order):
    energies = at(order=order, sigma_eV=1.5).energies
    mean = ((order + 1) * energies.free + energies.without_entropy) / (order + 2)
    assert energies.sigma0 == pytest.approx(mean, abs=1e-12)
    assert energies.free < energies.sigma0 < energies.without_entropy


def test_entropy_grows_with_the_square_of_sigma():
    def entropy(sigma):
        energies = at(sigma_eV=sigma).energies
        return (energies.without_entropy - energies.free) / 4

    assert 0 < entropy(0.2) < 1e-3
    assert entropy(2.0) > 10e-3
    assert entropy(2.0) == pytest.approx(100 * entropy(0.2))


def test_the_tetrahedron_method_has_no_entropy():
    energies = at(order=-5).energies
    assert energies.free == energies.without_entropy == energies.sigma0


def test_denser_meshes_converge_and_a_wide_smearing_makes_it_faster():
    def errors(sigma):
        energy = {n: at(mesh=(n, n, n), sigma_eV=sigma).energies.sigma0 for n in (1, 2, 3, 4, 30)}
        return [abs(energy[n] - energy[30]) / 4 for n in (1, 2, 3, 4)]

    narrow, wide = errors(0.2), errors(2.0)
    assert narrow[0] > 1e-3  # the Gamma point is not converged to 1 meV/atom
    assert all(a > 2 * b for a, b in pairwise(narrow))
    assert all(w < n for w, n in zip(wide, narrow, strict=True))


def test_forces_depend_on_the_mesh_too():
    dense = at(mesh=(30, 30, 30)).forces
    gamma, better = (np.abs(at(mesh=(n, n, n)).forces - dense).max() for n in (1, 4))
    assert gamma > 1e-3
    assert better < gamma / 10


def test_a_shifted_mesh_errs_to_the_other_side():
    exact = at(mesh=(30, 30, 30)).energies.free
    centred, shifted = (
        at(mesh=(2, 2, 2), offset=(u, u, u)).energies.free - exact for u in (0.0, 0.5)
    )
    assert shifted == pytest.approx(-centred, rel=1e-6)


def test_a_smaller_cutoff_gives_a_higher_energy():
    low, high, higher = (at(cutoff_ratio=c).energies.free for c in (0.8, 1.5, 3.0))
    assert low > high > higher
    assert high - higher < 1e-3


def test_electrons_change_energy_and_forces():
    neutral, charged = at(), at(shift=1.0)
    assert charged.energies.free != pytest.approx(neutral.energies.free, abs=1.0)
    change = np.abs(charged.forces - neutral.forces).max() / np.abs(neutral.forces).max()
    assert 1e-4 < change < 1.0


def test_an_error_moves_all_energies_alike():
    assert Energies(-3.0, -1.0, -2.0).moved(0.5) == Energies(-2.5, -0.5, -1.5)


def test_the_electronic_loop_ends_when_the_change_is_below_ediff():
    for ediff in (1e-3, 1e-5, 1e-6, 3e-7):
        errors = electronic_errors(ediff, 2, 60, guessed=False)
        changes = np.abs(np.diff(errors))
        assert errors[-1] == 0.0
        assert changes[-1] < ediff
        assert all(changes[:-1] >= ediff)


def test_a_guess_saves_electronic_steps():
    fresh = electronic_errors(1e-6, 4, 60, guessed=False)
    guessed = electronic_errors(1e-6, 4, 60, guessed=True)
    assert 4 <= len(guessed) < len(fresh) < 60


def test_what_does_not_converge_takes_all_steps_and_has_an_error():
    errors = electronic_errors(1e-6, 4, 40, guessed=True, converges=False)
    assert len(errors) == 40
    assert abs(errors[-1]) > 1e-6
    too_few = electronic_errors(1e-6, 4, 5, guessed=False)
    assert len(too_few) == 5
    assert too_few[-1] != 0.0
