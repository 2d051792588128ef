"""Phonons against crystals of springs, whose frequencies are known, and against ASE's own."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.neighborlist import neighbor_list
from ase.phonons import Phonons as AsePhonons
from ase.units import _amu, _e, _hplanck

from tm23flows.errors import InputError, MissingDependencyError, PhysicsError
from tm23flows.science.cells import min_image_distance
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.phonons import (
    displaced_supercells,
    force_constants,
    has_free_atoms,
    phonon_supercell,
    phonons_of_calculator,
)
from tm23flows.science.relaxation import relax_crystal

SPRING_EV_PER_A2 = 2.0
FCC = standard_crystal(bulk("Cu", a=3.6))
HCP = standard_crystal(bulk("Cu", "hcp", a=2.55, c=2.55 * np.sqrt(8 / 3) * 1.01))
SOMEWHERE = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0.5], [0.13, 0.29, 0.41], [0.02, 0, 0]])
THZ = 1e-12 * np.sqrt(_e * 1e20 / _amu) / (2 * np.pi)
"""Frequency of 1 eV/A^2 on 1 atomic mass unit."""


class Springs(Calculator):
    """Springs between near neighbours of ideal sites, exactly linear in the displacements."""

    implemented_properties = ("energy", "free_energy", "forces")

    def __init__(self, reach_A, scale=1.0):
        super().__init__()
        self.reach_A, self.scale = reach_A, scale
        self.sites = None

    def at(self, sites):
        self.sites = sites.copy()
        return self

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        inverse = np.linalg.inv(self.atoms.cell.array)
        moved = (self.atoms.positions - self.sites.positions) @ inverse
        moved = (moved - np.rint(moved)) @ self.atoms.cell.array
        first, second, vectors = neighbor_list("ijD", self.sites, self.reach_A)
        units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        stretch = ((moved[second] - moved[first]) * units).sum(axis=1)
        forces = np.zeros_like(moved)
        np.add.at(forces, first, SPRING_EV_PER_A2 * self.scale * stretch[:, None] * units)
        energy = float(SPRING_EV_PER_A2 * self.scale * (stretch**2).sum() / 4)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}


def spring_frequencies(crystal, reach_A, q_points):
    """Eigenvalues of the dynamical matrix of the springs, written down."""
    first, second, vectors, shifts = neighbor_list("ijDS", crystal, reach_A)
    n, found = len(crystal), []
    for q in np.asarray(q_points):
        matrix = np.zeros((n, 3, n, 3), dtype=complex)
        for i, j, vector, shift in zip(first, second, vectors, shifts, strict=True):
            unit = vector / np.linalg.norm(vector)
            spring = SPRING_EV_PER_A2 * np.outer(unit, unit)
            matrix[i, :, i] += spring
            matrix[i, :, j] -= spring * np.exp(2j * np.pi * q @ shift)
        values = np.linalg.eigvalsh(matrix.reshape(3 * n, 3 * n)) / crystal.get_masses()[0]
        found.append(THZ * np.sign(values) * np.sqrt(np.abs(values)))
    return np.array(found)


def distances_between(atoms, sites):
    """Distances of all atoms from all sites, through the borders of the cell."""
    apart = (atoms.positions[:, None] - sites.positions[None]) @ np.linalg.inv(sites.cell.array)
    return np.linalg.norm((apart - np.rint(apart)) @ sites.cell.array, axis=2)


def spring_phonons(crystal, reach_A, supercell, displacement_A=0.02):
    cells = displaced_supercells(crystal, supercell, displacement_A)
    sites = crystal.repeat(supercell)
    forces = []
    for one in cells:
        distances = distances_between(one, sites)
        ordered = sites[distances.argmin(axis=1)]
        one.calc = Springs(reach_A).at(ordered)
        forces.append(one.get_forces())
    return force_constants(crystal, supercell, displacement_A, forces)


@pytest.mark.parametrize(
    ("crystal", "reach_A", "supercell"),
    [(FCC, 2.8, (3, 3, 3)), (HCP, 2.8, (3, 3, 2))],
    ids=["fcc", "hcp"],
)
def test_springs_have_the_frequencies_of_their_dynamical_matrix(crystal, reach_A, supercell):
    found = spring_phonons(crystal, reach_A, supercell)
    expected = spring_frequencies(crystal, reach_A, SOMEWHERE)
    assert found.frequencies(SOMEWHERE) == pytest.approx(expected, abs=2e-4)
    assert found.drift_eV_per_A2 < 1e-9


def test_springs_of_a_cube_at_x_are_the_textbook_ones():
    """4 k and 8 k over the mass, Ashcroft and Mermin, Solid State Physics, chapter 22."""
    found = spring_phonons(FCC, 2.8, (3, 3, 3)).frequencies([[0.5, 0.5, 0]])[0]
    unit = THZ * np.sqrt(SPRING_EV_PER_A2 / FCC.get_masses()[0])
    assert found == pytest.approx(unit * np.sqrt([4, 4, 8]), rel=1e-4)


@pytest.mark.parametrize(
    ("start", "supercell"),
    [(bulk("Cu"), (3, 3, 3)), (bulk("Cu", "hcp", a=2.54, c=4.14), (3, 3, 2))],
    ids=["fcc", "hcp"],
)
def test_emt_has_the_frequencies_that_ase_finds(start, supercell, tmp_path):
    crystal = relax_crystal(standard_crystal(start), EMT(), 1e-5)
    found = phonons_of_calculator(crystal, EMT(), supercell)
    theirs = AsePhonons(crystal, EMT(), supercell, delta=0.01, name=str(tmp_path / "phonon"))
    theirs.run()
    theirs.read(acoustic=True)
    points = [[1 / 3, 1 / 3, 0], [1 / 3, 0, 0], [2 / 3, 1 / 3, 0.5 * (len(crystal) - 1)]]
    expected = theirs.band_structure(points, verbose=False) * _e / _hplanck * 1e-12
    assert found.frequencies(points) == pytest.approx(np.asarray(expected), abs=0.01)
    assert found.frequencies([[0, 0, 0]])[0, :3] == pytest.approx(0, abs=1e-5)


def test_the_sum_rule_and_the_symmetry_of_force_constants_hold():
    found = phonons_of_calculator(HCP, EMT(), (2, 2, 2))
    values = found.values_eV_per_A2
    assert values.shape == (2, 16, 3, 3)
    assert np.abs(values.sum(axis=1)).max() < 1e-10
    own = values[[0, 1], [0, 8]]
    assert own == pytest.approx(own.transpose(0, 2, 1), abs=1e-10)


def test_forces_that_do_not_add_up_are_seen_in_the_drift():
    (cell,) = displaced_supercells(FCC, (2, 2, 2))
    displacement = cell.positions[0] / np.linalg.norm(cell.positions[0])
    cell.calc = EMT()
    forces = cell.get_forces() + 0.001 * displacement
    noisy = force_constants(FCC, (2, 2, 2), 0.01, [forces])
    assert noisy.drift_eV_per_A2 > 0.01
    assert np.abs(noisy.values_eV_per_A2.sum(axis=1)).max() < 1e-10


def test_the_density_of_states_counts_all_modes_and_lies_where_the_frequencies_are():
    found = spring_phonons(HCP, 2.8, (3, 3, 2))
    frequencies, states = found.density_of_states((8, 8, 5))
    assert np.trapezoid(states, frequencies) == pytest.approx(6, rel=0.02)
    highest = spring_frequencies(HCP, 2.8, [[0, 0, 0]]).max()
    assert frequencies[states > 0.01].max() == pytest.approx(highest, abs=0.3)
    assert (states >= 0).all()
    assert len(frequencies) == 201


@pytest.mark.parametrize("length", [5.0, 7.0, 10.0])
@pytest.mark.parametrize("crystal", [FCC, HCP], ids=["fcc", "hcp"])
def test_supercells_are_wide_enough_and_keep_equal_lengths_equal(crystal, length):
    a, b, c = phonon_supercell(crystal, length)
    assert a == b
    assert c == a or len(crystal) == 2
    assert min_image_distance(np.diag([a, b, c]) @ crystal.cell.array) >= length - 1e-3
    smaller = np.diag([a - 1, b - 1, c if len(crystal) == 2 else c - 1]) @ crystal.cell.array
    assert min_image_distance(smaller) < length


def test_atoms_that_symmetry_does_not_hold_get_a_cell_at_rest():
    free = HCP.copy()
    free.positions[1, 2] += 0.1
    cells = displaced_supercells(free, (2, 2, 2))
    sites = free.repeat((2, 2, 2))
    nearest = distances_between(cells[0], sites).min(axis=1)
    assert nearest.max() < 1e-9
    forces = []
    for one in cells:
        one.calc = EMT()
        forces.append(one.get_forces())
    assert np.abs(forces[0]).max() > 0.01
    there = force_constants(free, (2, 2, 2), 0.01, forces)
    # a force that is the same in all cells says nothing about force constants
    push = np.random.default_rng(0).normal(size=forces[0].shape)
    pushed = force_constants(free, (2, 2, 2), 0.01, [one + push for one in forces])
    assert pushed.values_eV_per_A2 == pytest.approx(there.values_eV_per_A2, abs=1e-9)
    assert has_free_atoms(free)
    assert not has_free_atoms(HCP)
    assert len(displaced_supercells(HCP, (2, 2, 2))) == 1


def test_the_same_crystal_has_the_same_cells():
    first, second = (displaced_supercells(HCP, (2, 2, 2)) for _ in range(2))
    assert all((a.positions == b.positions).all() for a, b in zip(first, second, strict=True))
    moved = np.linalg.norm(first[0].positions - HCP.repeat((2, 2, 2)).positions, axis=1)
    assert np.sort(moved)[-1] > 0


@pytest.mark.parametrize(
    ("supercell", "displacement"), [((2, 2, 0), 0.01), ((2, 2), 0.01), ((2, 2, 2), 0.0),
                                    ((2, 2, 2), 2.0)],
)  # fmt: skip
def test_what_cannot_be_displaced_is_refused(supercell, displacement):
    with pytest.raises(InputError):
        displaced_supercells(FCC, supercell, displacement)


def test_forces_that_do_not_belong_are_refused():
    with pytest.raises(InputError, match="1 displaced cells of 8 atoms"):
        force_constants(FCC, (2, 2, 2), 0.01, [])
    with pytest.raises(InputError, match="as many sets"):
        force_constants(FCC, (2, 2, 2), 0.01, [np.zeros((7, 3))])
    with pytest.raises(PhysicsError, match="finite"):
        force_constants(FCC, (2, 2, 2), 0.01, [np.full((8, 3), np.nan)])
    with pytest.raises(InputError, match="apart"):
        phonon_supercell(FCC, 0.0)


def test_a_missing_phonopy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    with pytest.raises(MissingDependencyError, match="pip install phonopy"):
        displaced_supercells(FCC, (2, 2, 2))
