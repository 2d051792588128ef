from __future__ import annotations

import numpy as np
import pytest

from tm23flows.trainers.flare import FlareTrainer

pytestmark = pytest.mark.flare


@pytest.fixture
def settings() -> dict:
    return FlareTrainer().hyperparameters(nmax=5, lmax=2, environments_per_frame=3).model_dump()


@pytest.fixture
def select(flare_module):
    def run(frames, settings):
        frame, elements = (
            flare_module("flare_frame"),
            sorted({*np.hstack([a.numbers for a in frames])}),
        )
        descriptor = frame.make_descriptor(settings, len(elements))
        chosen = flare_module("flare_select").Chosen(settings)
        for atoms in frames:
            values = frame.look_at(atoms, descriptor, elements, 5.0)
            chosen.look_at(*frame.unit_descriptors(values))
        return chosen

    return run


@pytest.fixture
def variances(own_flare):
    """Predictive variances of every atom, from FLARE's own process with these environments."""
    from flare.bffs.sgp.calculator import SGP_Calculator

    def find(frames, picks, settings) -> list[np.ndarray]:
        values = {"sigma": 1.0, "noise_energy": 1e-3, "noise_force": 0.05, "noise_stress": 5e-3}
        elements = sorted({int(z) for atoms in frames for z in atoms.numbers})
        model = {"settings": settings, "elements": elements, "sparse_indices": picks}
        model |= {"atom_energies": [0.0] * len(elements), "values": values}
        calculator = SGP_Calculator(own_flare(frames, model))
        found = []
        for atoms in frames:
            calculator.calculate(atoms)
            found.append(np.array(calculator.results["stds"])[:, 0] ** 2)
        return found

    return find


@pytest.mark.parametrize("which", ["test_frames", "flare_frames"])
def test_the_environments_taken_are_the_most_uncertain_ones(
    select, variances, settings, which, request
):
    """FLARE itself, given all earlier picks, finds no atom more uncertain than the next pick."""
    frames = request.getfixturevalue(which)[:3]
    picks = select(frames, settings).picks
    assert [len(p) for p in picks] == [3, 3, 3]
    for number in range(3):
        for rank in range(0 if number else 1, 3):
            earlier = [*picks[:number], picks[number][:rank]]
            found = variances(frames[: number + 1], earlier, settings)[number]
            assert found[picks[number][rank]] == pytest.approx(found.max(), abs=1e-5)


def test_selection_stops_where_nothing_is_uncertain(select, variances, settings, test_frames):
    settings |= {"minimum_variance": 1e-3, "environments_per_frame": 7}
    picks = select(test_frames[:2], settings).picks
    found = variances(test_frames[:2], picks, settings)
    assert all(part.max() < 1.1e-3 for part in found)
    assert sum(map(len, picks)) < 14


def test_the_factor_that_grew_is_that_of_the_kernel(select, settings, flare_frames, flare_module):
    kernel = flare_module("flare_kernel")
    settings |= {"environments_per_frame": 14}
    chosen = select(flare_frames, settings)
    assert chosen.m > 16  # it grew beyond its first room
    expected = kernel.sparse_factor(kernel.sparse_set(chosen.units, chosen.species, 2, 2))
    assert chosen.factor == pytest.approx(expected, abs=1e-9)


def test_a_limit_keeps_the_first_environments(select, settings, test_frames):
    free = select(test_frames, settings).picks
    chosen = select(test_frames, settings | {"max_environments": 5})
    assert chosen.m == 5
    assert chosen.picks == [free[0], free[1][:2], [], [], []]


def test_atoms_without_neighbours_are_not_taken(select, settings, test_frames):
    apart = test_frames[0].copy()
    apart.set_cell(5 * apart.cell.array, scale_atoms=True)
    assert select([apart], settings).m == 0
