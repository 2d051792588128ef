"""The supercell rule in both wordings, image distances and the vacancy."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tm23flows.errors import InputError
from tm23flows.science.cells import (
    build_conventional,
    build_primitive,
    make_supercell,
    min_image_distance,
    remove_random_atom,
    repetitions_for,
    smallest_width,
    supercell_matrix,
)
from tm23flows.science.metals import METALS, metal

RULES = ("image-distance", "vector-length")


def brute_force_distance(cell, reach=4):
    shifts = np.array([s for s in product(range(-reach, reach + 1), repeat=3) if any(s)])
    return np.linalg.norm(shifts @ cell, axis=1).min()


def satisfies(cell, repeats, length, rule):
    repeated = np.diag(repeats) @ cell
    if rule == "vector-length":
        return np.linalg.norm(repeated, axis=1).min() >= length - 1e-8
    return brute_force_distance(repeated) >= length - 1e-8


@st.composite
def skewed_cells(draw):
    lengths = draw(arrays(float, 3, elements=st.floats(2.0, 6.0)))
    lower = draw(arrays(float, 3, elements=st.floats(-0.6, 0.6)))
    shape = np.eye(3)
    shape[1, 0], shape[2, 0], shape[2, 1] = lower
    return shape * lengths[:, None]


@given(skewed_cells())
@settings(max_examples=60)
def test_image_distance_is_the_shortest_of_all_translations(cell):
    assert min_image_distance(cell) == pytest.approx(brute_force_distance(cell))


@given(skewed_cells(), st.sampled_from(RULES), st.floats(4.0, 9.0))
@settings(max_examples=60)
def test_the_supercell_satisfies_its_rule_and_no_smaller_one_does(cell, rule, length):
    best = np.diag(supercell_matrix(cell, length, rule))
    assert satisfies(cell, best, length, rule)
    for repeats in product(range(1, max(best) + 3), repeat=3):
        if prod(repeats) < prod(best):
            assert not satisfies(cell, repeats, length, rule), repeats


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("symbol", METALS)
def test_every_default_metal_reaches_seven_angstrom(symbol, rule):
    cell = build_primitive(metal(symbol)).cell[:]
    assert satisfies(cell, np.diag(supercell_matrix(cell, rule=rule)), 7.0, rule)


def test_known_cells():
    copper = build_primitive(metal("Cu")).cell
    assert np.diag(supercell_matrix(copper)).tolist() == [3, 3, 3]
    titanium = build_primitive(metal("Ti")).cell
    assert np.diag(supercell_matrix(titanium)).tolist() == [3, 3, 2]
    assert np.diag(supercell_matrix(np.eye(3) * 3.5)).tolist() == [2, 2, 2]


def test_the_two_wordings_differ_in_a_skewed_cell():
    cell = [[7.0, 0, 0], [6.0, 4.0, 0], [0, 0, 7.0]]
    assert np.diag(supercell_matrix(cell, rule="vector-length")).tolist() == [1, 1, 1]
    by_distance = supercell_matrix(cell, rule="image-distance")
    assert np.linalg.det(by_distance) > 1
    assert min_image_distance(by_distance @ np.array(cell)) >= 7


def test_a_shorter_direct_vector_does_not_hide_the_short_image():
    # The vectors are 7 A long or more, but their difference is 4.1 A.
    assert min_image_distance([[7.0, 0, 0], [6.0, 4.0, 0], [0, 0, 7.0]]) == pytest.approx(17**0.5)


def test_ties_are_broken_by_the_larger_image_distance_and_then_by_order():
    # The first two vectors differ by about 4 A only, and doubling either of them repairs that:
    # doubling the first one leaves 8.4 A, doubling the second one 8.0 A.
    cell = [[7.75, 2, 0], [9, -2, 0], [0, 0, 20]]
    assert np.diag(supercell_matrix(cell, 7)).tolist() == [2, 1, 1]
    equal = [[7.75, 2, 0], [7.75, -2, 0], [0, 0, 20]]
    assert np.diag(supercell_matrix(equal, 7)).tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("cell", "length", "rule", "message"),
    [
        (np.eye(3), 7.0, "volume", "not a supercell rule"),
        (np.eye(3), 0.0, "image-distance", "positive"),
        (np.eye(3), -1.0, "vector-length", "positive"),
        (np.ones((3, 3)), 7.0, "image-distance", "no volume"),
        (np.eye(2), 7.0, "image-distance", "3 x 3"),
        (np.full((3, 3), np.nan), 7.0, "image-distance", "finite"),
    ],
)
def test_senseless_input_is_refused(cell, length, rule, message):
    with pytest.raises(InputError, match=message):
        supercell_matrix(cell, length, rule)


def test_make_supercell_repeats_volume_and_atoms():
    primitive = build_primitive(metal("Os"))
    repeated = make_supercell(primitive, np.diag([3, 3, 2]))
    assert len(repeated) == 36
    assert repeated.get_volume() == pytest.approx(18 * primitive.get_volume())
    cube = make_supercell(build_primitive(metal("Cu")), [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert cube.cell.cellpar() == pytest.approx([3.61] * 3 + [90] * 3)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(2), np.eye(3) * 1.5, -np.eye(3)])
def test_make_supercell_refuses_senseless_matrices(matrix):
    with pytest.raises(InputError):
        make_supercell(build_primitive(metal("Cu")), matrix)


@given(st.integers(0, 2**32))
def test_the_vacancy_is_one_atom_and_reproducible(seed):
    atoms = make_supercell(build_primitive(metal("Cu")), np.diag([2, 2, 2]))
    defective, index = remove_random_atom(atoms, seed)
    again, same = remove_random_atom(atoms, seed)
    assert index == same
    assert again == defective
    assert len(atoms) == 8
    assert np.array_equal(np.delete(atoms.positions, index, axis=0), defective.positions)


def test_different_seeds_reach_every_atom():
    atoms = make_supercell(build_primitive(metal("Cu")), np.diag([2, 2, 2]))
    assert {remove_random_atom(atoms, seed)[1] for seed in range(200)} == set(range(8))


def test_a_single_atom_is_not_removed_and_seeds_are_not_negative():
    with pytest.raises(InputError, match="none to spare"):
        remove_random_atom(build_primitive(metal("Cu")), 0)
    with pytest.raises(InputError, match="negative"):
        remove_random_atom(build_primitive(metal("Os")), -1)


def test_640_sites_of_osmium_come_out_of_8_by_8_by_5_conventional_cells():
    unit = build_conventional(metal("Os"))
    repeats = repetitions_for(unit.cell, len(unit), 640)
    assert repeats == (8, 8, 5)
    distance = min_image_distance(unit.cell.array * np.array(repeats)[:, None])
    assert distance > 2 * 10.0  # no environment of the article's largest cutoff holds copies
    # The other way to 640, orthogonal cells of four atoms, is narrower.
    a, b, c = unit.cell.lengths()[0], np.sqrt(3) * unit.cell.lengths()[0], unit.cell.lengths()[2]
    other = repetitions_for(np.diag([a, b, c]), 4, 640)
    assert min_image_distance(np.diag([a, b, c]) * np.array(other)[:, None]) < 2 * 10.0 < distance


@given(skewed_cells(), st.integers(1, 4), st.integers(1, 24))
@settings(max_examples=30)
def test_of_all_repetitions_that_of_a_wanted_size_has_its_images_furthest_away(cell, in_cell, n):
    repeats = repetitions_for(cell, in_cell, n * in_cell)
    assert prod(repeats) == n
    best = brute_force_distance(np.diag(repeats) @ cell)
    every = [one for one in product(range(1, n + 1), repeat=3) if prod(one) == n]
    reach = max(brute_force_distance(np.diag(one) @ cell) for one in every)
    assert best == pytest.approx(reach, abs=2e-6)


@pytest.mark.parametrize("n_sites", [641, 639, 1, 0])
def test_a_number_of_sites_that_no_multiple_has(n_sites):
    unit = build_conventional(metal("Os"))
    with pytest.raises(InputError, match=r"take (640 or 642|638 or 640|2 or 4)"):
        repetitions_for(unit.cell, len(unit), n_sites)


def test_the_width_of_a_skewed_cell_is_less_than_its_vectors():
    assert smallest_width(np.diag([3.0, 4.0, 5.0])) == pytest.approx(3.0)
    hexagonal = [[2.0, 0, 0], [-1.0, np.sqrt(3), 0], [0, 0, 9.0]]
    assert smallest_width(hexagonal) == pytest.approx(np.sqrt(3))
