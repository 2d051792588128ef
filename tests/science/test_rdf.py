"""g(r) against ASE's own, against shells that are known, and under what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.geometry.rdf import get_rdf
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.rdf import halves, radial_distribution, rdf_difference


def liquid(seed=0, n=20, cell=None):
    rng = np.random.default_rng(seed)
    if cell is None:
        cell = np.array([[6.03, 0, 0], [2.52, 6.51, 0], [-1.03, 1.52, 7.04]])
    return rng.uniform(0, 1, (3, n, 3)) @ cell, cell


def test_it_is_that_of_ase_far_beyond_the_cell():
    """ASE refuses the radius, so it is given the cell repeated."""
    positions, cell = liquid(n=6)
    ours = radial_distribution(positions, cell, 9.0, 0.1, own_images=True)
    theirs = []
    for frame in positions:
        atoms = Atoms("Cu6", positions=frame, cell=cell, pbc=True).repeat((5, 5, 5))
        theirs.append(get_rdf(atoms, 9.0, 90, no_dists=True))
    assert ours.half_width_A < 4
    np.testing.assert_allclose(ours.g, np.mean(theirs, axis=0), rtol=1e-9)
    np.testing.assert_allclose(ours.r_A, 0.05 + 0.1 * np.arange(90))


def test_shells_of_a_crystal_have_their_atoms():
    a = 3.61
    atoms = bulk("Cu", "fcc", a=a)
    rdf = radial_distribution(atoms.positions[None], atoms.cell.array, 5.0, 0.02, own_images=True)
    edges = 0.02 * np.arange(len(rdf.g) + 1)
    neighbours = rdf.g * 4 / 3 * np.pi * np.diff(edges**3) * 4 / a**3
    for radius, count in ((a / np.sqrt(2), 12), (a, 6), (a * np.sqrt(1.5), 24)):
        near = abs(rdf.r_A - radius) < 0.05
        assert neighbours[near].sum() == pytest.approx(count)
    assert neighbours.sum() == pytest.approx(42)
    assert (rdf.n_frames, rdf.r_A[-1]) == (1, pytest.approx(4.99))


def test_distances_to_own_images_are_left_out():
    """They are lattice vectors, here at the edge of a bin, where rounding decides."""
    rng = np.random.default_rng(3)
    cell = 3.6 * np.eye(3)
    positions = rng.uniform(0, 3.6, (30, 3, 3))
    rdf = radial_distribution(positions, cell, 8.0)
    every = radial_distribution(positions, cell, 8.0, own_images=True)
    shells = 4 / 3 * np.pi * np.diff((0.05 * np.arange(161)) ** 3) / 3.6**3
    own = (3 * every.g - 2 * rdf.g) * shells
    for square, count in ((1, 6), (2, 12), (3, 8), (4, 6)):
        near = abs(rdf.r_A - 3.6 * np.sqrt(square)) < 0.06
        assert own[near].sum() == pytest.approx(count)
    assert own.sum() == pytest.approx(32)
    with pytest.raises(InputError, match="single atom"):
        radial_distribution(positions[:, :1], cell)


def test_an_ideal_gas_has_none():
    positions, cell = liquid(n=800, cell=20 * np.eye(3))
    rdf = radial_distribution(positions, cell, 12.0, 0.5)
    assert np.abs(rdf.g[4:] - 1).max() < 0.05


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_shifts_images_order_and_the_choice_of_cell_change_nothing(seed):
    positions, cell = liquid(seed, n=5)
    rng = np.random.default_rng(seed)
    before = radial_distribution(positions, cell, 7.0)
    moved = positions + rng.normal(0, 3, 3) + rng.integers(-3, 4, (3, 5, 3)) @ cell
    other_cell = np.array([[1, 0, 0], [2, 1, 0], [-1, 1, 1]]) @ cell
    after = radial_distribution(moved[::-1, rng.permutation(5)], other_cell, 7.0)
    # A distance may fall to the other side of an edge by rounding: one pair of the bin.
    assert np.abs(np.cumsum(after.g - before.g)).max() < 0.5 * before.g.max()
    assert rdf_difference(after, before) < 1e-3 or np.count_nonzero(after.g != before.g) <= 4


def test_the_difference_is_a_ratio_of_integrals():
    positions, cell = liquid()
    one, other = halves(positions, cell)
    assert rdf_difference(one, one) == 0
    expected = np.trapezoid(abs(one.g - other.g), one.r_A) / np.trapezoid(other.g, one.r_A)
    assert rdf_difference(one, other) == pytest.approx(expected, rel=0.02)
    assert (one.n_frames, other.n_frames) == (1, 2)


def test_what_is_wrong_is_said():
    positions, cell = liquid()
    for given_positions, given_cell in (
        (positions[0], cell), (positions * np.nan, cell), (positions, cell[:2]),
        (positions[:0], cell), (positions, np.ones((3, 3))),
    ):  # fmt: skip
        with pytest.raises(InputError):
            radial_distribution(given_positions, given_cell)
    with pytest.raises(InputError, match="0 < bin"):
        radial_distribution(positions, cell, -1.0)
    with pytest.raises(InputError, match="different bins"):
        rdf_difference(
            radial_distribution(positions, cell), radial_distribution(positions, cell, 5)
        )
    with pytest.raises(InputError, match="no halves"):
        halves(positions[:1], cell)
    far = np.array([[[0.0, 0, 0], [9.0, 0, 0]]])
    empty = radial_distribution(far, 20 * np.eye(3), 2.0)
    with pytest.raises(InputError, match="zero everywhere"):
        rdf_difference(empty, empty)
