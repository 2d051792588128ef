from __future__ import annotations

import importlib

import numpy as np
import pytest

from tm23flows.trainers.flare import FlareTrainer

pytestmark = pytest.mark.flare


@pytest.fixture
def sgp(worker_path):
    return importlib.import_module("flare_sgp")


@pytest.fixture
def settings() -> dict:
    return FlareTrainer().hyperparameters(nmax=5, lmax=2, environments_per_frame=3).model_dump()


def variances(sgp, frames, picks, settings) -> list[np.ndarray]:
    """Predictive variances of every atom, from FLARE's own process with these environments."""
    from flare.bffs.sgp.calculator import SGP_Calculator

    values = {"sigma": 1.0, "noise_energy": 1e-3, "noise_force": 0.05, "noise_stress": 5e-3}
    model = {
        "settings": settings,
        "elements": [29],
        "atom_energies": [0.0],
        "sparse_indices": picks,
        "values": values,
    }
    calculator = SGP_Calculator(sgp.build_process(frames, model))
    found = []
    for atoms in frames:
        calculator.calculate(atoms)
        found.append(np.array(calculator.results["stds"])[:, 0] ** 2)
    return found


def test_the_environments_taken_are_the_most_uncertain_ones(sgp, settings, test_frames):
    """FLARE itself, given all earlier picks, finds no atom more uncertain than the next pick."""
    frames = test_frames[:3]
    picks = sgp.select_environments(frames, [29], settings)
    assert [len(p) for p in picks] == [3, 3, 3]
    for number in range(3):
        for rank in range(0 if number else 1, 3):
            earlier = [*picks[:number], picks[number][:rank]]
            found = variances(sgp, frames[: number + 1], earlier, settings)[number]
            assert found[picks[number][rank]] == pytest.approx(found.max(), abs=1e-5)


def test_selection_stops_where_nothing_is_uncertain(sgp, settings, test_frames):
    settings |= {"minimum_variance": 1e-3, "environments_per_frame": 7}
    picks = sgp.select_environments(test_frames[:2], [29], settings)
    found = variances(sgp, test_frames[:2], picks, settings)
    assert all(part.max() < 1.1e-3 for part in found)
    assert sum(map(len, picks)) < 14


def test_a_metal_gets_the_mean_energy_per_atom(sgp, test_frames):
    mean = np.mean([atoms.get_potential_energy() / 7 for atoms in test_frames])
    assert sgp.atom_energies(test_frames, [29]) == pytest.approx([mean])


def test_energies_of_two_elements_are_told_apart(sgp, test_frames):
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = []
    for gold in (1, 2, 5):
        atoms = test_frames[0].copy()
        atoms.numbers[:gold] = 79
        atoms.calc = SinglePointCalculator(atoms, energy=-3.0 * (7 - gold) - 4.0 * gold)
        frames.append(atoms)
    assert sgp.atom_energies(frames, [29, 79]) == pytest.approx([-3.0, -4.0])
