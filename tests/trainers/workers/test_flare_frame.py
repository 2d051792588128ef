from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

pytestmark = pytest.mark.flare

SETTINGS = {"descriptor": "B2", "nmax": 3, "lmax": 2, "cutoff_A": 5.0}
ELEMENTS = [29, 79]


@pytest.fixture
def frame(flare_module):
    return flare_module("flare_frame")


def look_at(frame, atoms: Atoms):
    return frame.look_at(atoms, frame.make_descriptor(SETTINGS, 2), ELEMENTS, 5.0)


def environments(frame, atoms: Atoms) -> list:
    return frame.describe(look_at(frame, atoms))


def units(frame, atoms: Atoms) -> np.ndarray:
    return frame.unit_descriptors(look_at(frame, atoms))[0]


def slopes_of(parts: list, n: int) -> np.ndarray:
    """Derivatives (labels, atoms, d) of the unit descriptors."""
    dense = np.zeros((3 * n + 6, n, parts[0].units.shape[1]))
    for one in parts:
        found = one.label_slopes()
        for i, atom in enumerate(one.atoms):
            rows = slice(one.starts[i], one.starts[i + 1])
            dense[one.labels[rows], atom] += found[rows]
    return dense


def test_unit_descriptors_come_in_the_order_of_the_atoms(frame, flare_frames):
    atoms = flare_frames[0]
    order = np.random.default_rng(0).permutation(len(atoms))
    assert units(frame, atoms[order]) == pytest.approx(units(frame, atoms)[order], abs=1e-12)
    found, species = frame.unit_descriptors(look_at(frame, atoms))
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert species.tolist() == [1, 1, 1, 0, 0, 0, 0]
    for number, one in enumerate(environments(frame, atoms)):
        assert sorted(one.atoms) == np.flatnonzero(species == number).tolist()
        assert one.units == pytest.approx(found[one.atoms], abs=1e-14)


def test_slopes_are_those_of_finite_displacements_and_strains(frame, flare_frames):
    atoms, step = flare_frames[0], 1e-4
    found = slopes_of(environments(frame, atoms), len(atoms))
    moved = []
    for atom, axis in [(0, 0), (2, 1), (5, 2)]:
        pair = [atoms.copy(), atoms.copy()]
        for sign, one in zip((1, -1), pair, strict=True):
            one.positions[atom, axis] += sign * step
        moved.append((3 * atom + axis, -2 * step, pair))
    for row, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        pair = [atoms.copy(), atoms.copy()]
        for sign, one in zip((1, -1), pair, strict=True):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            one.set_cell(one.cell.array @ strain, scale_atoms=True)
        moved.append((21 + row, 2 * step * atoms.get_volume(), pair))
    for label, width, (up, down) in moved:
        expected = (units(frame, up) - units(frame, down)) / width
        assert found[label] == pytest.approx(expected, abs=1e-6)
        assert np.abs(expected).max() > 1e-4


def test_changes_of_a_function_are_its_gradient_times_the_slopes(frame, flare_frames):
    atoms = flare_frames[1]
    rng = np.random.default_rng(0)
    for one in environments(frame, atoms):
        gradients = rng.standard_normal(one.units.shape)
        owners = np.repeat(np.arange(len(one.atoms)), np.diff(one.starts))
        expected = np.sum(one.label_slopes() * gradients[owners], axis=1)
        assert one.label_changes(gradients) == pytest.approx(expected, abs=1e-10)


def test_atoms_without_neighbours_have_no_direction_and_no_slopes(frame):
    atoms = Atoms("Cu2", positions=[[0, 0, 0], [10, 10, 10]], cell=[20, 20, 20], pbc=True)
    assert not units(frame, atoms).any()
    one = environments(frame, atoms)[0]
    for found in (one.label_slopes(), one.label_changes(np.ones(one.units.shape))):
        assert len(found) == len(one.labels)
        assert not found.any()


def test_one_atom_alone_leaves_the_others_as_they_are(frame):
    """The last of its element, whose labels are the last ones too."""
    near = np.random.default_rng(0).uniform(0, 4, (4, 3))
    apart = Atoms("Cu5", positions=[*near, [20, 20, 20]], cell=[40, 40, 40], pbc=True)
    without = environments(frame, apart[:-1])[0]
    one = environments(frame, apart)[0]
    slopes = one.label_slopes()
    assert one.atoms[-1] == len(apart) - 1
    assert len(slopes) == len(one.labels) == len(without.labels) + 9
    assert slopes[:-9] == pytest.approx(without.label_slopes(), abs=1e-12)
    assert not slopes[-9:].any()
    changes = one.label_changes(np.ones(one.units.shape))
    assert changes[:-9] == pytest.approx(without.label_changes(np.ones(without.units.shape)))
    assert not changes[-9:].any()


def test_a_neighbour_that_is_nearly_out_of_reach_is_none(frame):
    """Its descriptor is too short to have a direction; a slope of it would be over nothing."""
    atoms = Atoms("Cu2", positions=[[0, 0, 0], [4.997, 0, 0]], cell=[20, 20, 20], pbc=True)
    one = environments(frame, atoms)[0]
    assert np.abs(one.slopes).max() > 0
    assert not units(frame, atoms).any()
    assert not one.label_slopes().any()
    assert not one.label_changes(np.ones(one.units.shape)).any()


def test_the_arrays_outlive_what_they_came_from(frame, flare_frames):
    """FLARE's arrays are views into C++ objects."""
    kept = [environments(frame, flare_frames[0]) for _ in range(20)]
    again = environments(frame, flare_frames[0])
    for old in kept:
        for a, b in zip(old, again, strict=True):
            assert np.array_equal(a.slopes, b.slopes)
