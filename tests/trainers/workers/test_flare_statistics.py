from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

pytestmark = pytest.mark.flare


@pytest.fixture
def statistics(flare_module):
    return flare_module("flare_statistics")


def fitted(statistics, frames, elements) -> np.ndarray:
    labels = statistics.read_labels(frames, elements)
    return statistics.atom_energies(labels, len(frames)) + labels.reference


def labelled(numbers: list[int], energy: float) -> Atoms:
    atoms = Atoms(numbers, positions=np.zeros((len(numbers), 3)))
    forces, stress = np.zeros((len(numbers), 3)), np.zeros(6)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    return atoms


def test_a_metal_gets_the_mean_energy_per_atom(statistics, test_frames):
    mean = np.mean([atoms.get_potential_energy() / 7 for atoms in test_frames])
    assert fitted(statistics, test_frames, [29]) == pytest.approx([mean])


def test_energies_of_two_elements_are_told_apart(statistics):
    frames = [labelled([79] * n + [29] * (7 - n), -3.0 * (7 - n) - 4.0 * n) for n in (1, 2, 5)]
    assert fitted(statistics, frames, [29, 79]) == pytest.approx([-3.0, -4.0])


def test_one_composition_of_two_elements_shares_its_energy(statistics):
    frames = [labelled([29] * 4 + [79] * 2, energy) for energy in (-21.0, -19.0)]
    energies = fitted(statistics, frames, [29, 79])
    assert energies @ [4, 2] == pytest.approx(-20.0)
    assert energies[0] == pytest.approx(2 * energies[1])  # the shortest solution


@pytest.fixture
def case(flare_frames, statistics):
    """Random kernels of 5 environments with the frames' labels."""
    rng = np.random.default_rng(0)
    labels = statistics.read_labels(flare_frames, [29, 79])
    factor = np.tril(rng.standard_normal((5, 5))) + 3 * np.eye(5)
    blocks = [rng.standard_normal((7 + 3 * len(atoms), 5)) for atoms in flare_frames]
    return labels, factor, blocks


def summed(statistics, labels, factor, blocks):
    sums = statistics.no_sums(len(factor), 2)
    for block in blocks:
        statistics.add_frame(sums, factor, block.copy(), labels)
    return sums


def test_the_sums_are_those_of_all_labels_at_once(statistics, flare_frames, case):
    labels, factor, blocks = case
    sums = summed(statistics, labels, factor, blocks)
    problem, energies = statistics.leading_problem(sums, labels, 5)
    sizes = np.array([len(atoms) for atoms in flare_frames])
    residuals = [
        (a.get_potential_energy() - np.dot([np.sum(a.numbers == z) for z in (29, 79)], energies))
        for a in flare_frames
    ]
    parts = [
        (np.array([b[0] for b in blocks]) / sizes[:, None], np.array(residuals) / sizes),
        (np.vstack([b[1:-6] for b in blocks]), np.hstack(labels.forces)),
        (np.vstack([b[-6:] for b in blocks]), labels.stresses.ravel()),
    ]
    for q, (kernel, y) in enumerate(parts):
        white = np.linalg.solve(factor, kernel.T)
        assert problem.grams[q] == pytest.approx(np.tril(white @ white.T), abs=1e-12)
        assert problem.vectors[q] == pytest.approx(white @ y, abs=1e-12)
        assert problem.squares[q] == pytest.approx(y @ y)
        assert problem.numbers[q] == len(y)
    assert problem.constant == pytest.approx(2 * np.log(sizes).sum())


def test_later_environments_and_frames_leave_the_leading_part_alone(statistics, case):
    labels, factor, blocks = case
    alone = summed(statistics, labels, factor[:3, :3], [block[:, :3] for block in blocks[:2]])
    within = summed(statistics, labels, factor, blocks[:2])
    for (a, energies_a), (b, energies_b) in [
        (
            statistics.leading_problem(alone, labels, 3),
            statistics.leading_problem(within, labels, 3),
        )
    ]:
        assert np.array(a.grams) == pytest.approx(np.array(b.grams), abs=1e-13)
        assert a.vectors == pytest.approx(b.vectors, abs=1e-13)
        assert np.array_equal(energies_a, energies_b)
        assert np.array_equal(a.squares, b.squares)
