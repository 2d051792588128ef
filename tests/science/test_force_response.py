"""Radial and angular response: the two definitions, what they leave unchanged, their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.force_response import angular_response, mean_response, radial_response

QUICK = Bootstrap(resamples=300, level=0.9)
vectors = arrays(float, (5, 3), elements=st.floats(-50, 50))


def test_the_two_definitions_on_vectors_that_everyone_can_check():
    forces = [[0, 2, 0], [3, 0, 0], [0, 0, -1]]
    reference = [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert radial_response(forces, reference) == pytest.approx([1, 2, 0])
    assert angular_response(forces, reference) == pytest.approx([np.sqrt(5), 2, 2])


@given(vectors, vectors)
def test_angular_is_never_below_radial(forces, reference):
    radial, angular = radial_response(forces, reference), angular_response(forces, reference)
    assert (angular >= radial - 1e-12).all()
    assert (radial >= 0).all()
    assert angular == pytest.approx(angular_response(reference, forces))
    assert radial == pytest.approx(radial_response(reference, forces))


@given(vectors, vectors, st.integers(0, 1000))
def test_turning_the_crystal_changes_neither(forces, reference, seed):
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    for measure in (radial_response, angular_response):
        turned = measure(forces @ turn.T, reference @ turn.T)
        assert turned == pytest.approx(measure(forces, reference), abs=1e-9)


@given(vectors, st.floats(0, 3))
def test_forces_that_only_grow_have_both_equal_and_turned_ones_no_radial(reference, factor):
    grown = factor * reference
    assert radial_response(grown, reference) == pytest.approx(
        angular_response(grown, reference), abs=1e-9
    )
    assert radial_response(-reference, reference) == pytest.approx(np.zeros(5), abs=1e-9)


def run(n_frames=40, seed=0, turned=0.3):
    """Forces of frames with 2 and 3 atoms by turns, and the same with some noise."""
    random = np.random.default_rng(seed)
    counts = np.array([2, 3] * (n_frames // 2))
    reference = random.normal(size=(counts.sum(), 3))
    return reference + turned * random.normal(size=reference.shape), reference, counts


def test_means_are_over_atoms_not_over_frames():
    forces, reference, counts = run()
    found = mean_response(forces, reference, counts, [0] * 40, QUICK)
    radial, angular = radial_response(forces, reference), angular_response(forces, reference)
    assert found.radial.value == pytest.approx(radial.mean())
    assert found.angular.value == pytest.approx(angular.mean())
    assert found.difference.value == pytest.approx((angular - radial).mean())
    assert (found.n_frames, found.n_atoms) == (40, 100)
    assert found.excess.value == pytest.approx((angular - 2 * radial).mean())
    for one in (found.radial, found.angular, found.difference, found.excess):
        assert one.low < one.value < one.high
    assert found.difference.sign == 1
    assert found.trusted


def test_the_interval_of_the_difference_knows_that_both_are_of_the_same_atoms():
    forces, reference, counts = run(turned=1.0)
    # Frames differ a lot, and in both measures alike.
    scale = np.repeat(np.random.default_rng(1).uniform(0.1, 3, 40), counts)[:, None]
    found = mean_response(forces * scale, reference * scale, counts, [0] * 40, QUICK)
    width = found.difference.high - found.difference.low
    assert width < (found.angular.high - found.angular.low)


def test_equal_forces_have_no_response_and_few_frames_no_interval():
    forces, reference, counts = run()
    same = mean_response(reference, reference, counts, [0] * 40, QUICK)
    assert (same.angular.value, same.difference.low, same.difference.sign) == (0, 0, 0)
    few = mean_response(forces[:5], reference[:5], counts[:2], [0, 0], QUICK)
    assert few.angular.low is None
    assert not few.trusted
    # Two frames of each run, in blocks of two: every draw is the same, which is no interval.
    apart = Bootstrap(300, block_length=2)
    stiff = mean_response(forces[:20], reference[:20], counts[:8], [0, 0, 1, 1, 2, 2, 3, 3], apart)
    assert stiff.angular.low is None


@pytest.mark.parametrize(
    ("forces", "reference", "why"),
    [
        (np.zeros((4, 3)), np.zeros((5, 3)), "same atoms"),
        (np.zeros((4, 2)), np.zeros((4, 2)), "three components"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "three components"),
        (np.full((4, 3), np.nan), np.zeros((4, 3)), "not finite"),
    ],
)
def test_what_are_no_forces_on_the_same_atoms_is_refused(forces, reference, why):
    with pytest.raises(InputError, match=why):
        angular_response(forces, reference)
    with pytest.raises(InputError, match=why):
        radial_response(forces, reference)


@pytest.mark.parametrize(
    ("counts", "runs"), [([2, 3], [0] * 2), ([50, 50], [0]), ([100, 0], [0, 0])]
)
def test_frames_that_do_not_hold_the_atoms_are_refused(counts, runs):
    forces, reference, _ = run()
    with pytest.raises(InputError, match="do not fit"):
        mean_response(forces, reference, counts, runs, QUICK)


def test_small_changes_in_random_directions_are_twice_as_large_in_angle():
    random = np.random.default_rng(0)
    reference = random.normal(0, 1, (20_000, 3))
    changed = reference + random.normal(0, 1e-3, reference.shape)
    radial = radial_response(changed, reference).mean()
    assert angular_response(changed, reference).mean() == pytest.approx(2 * radial, rel=0.02)
    found = mean_response(changed, reference, [10] * 2000, [0] * 2000, QUICK)
    assert found.excess.sign == 0
    assert (
        mean_response(1.01 * reference, reference, [10] * 2000, [0] * 2000, QUICK).excess.sign == -1
    )
    turned = reference + 1e-3 * np.cross(reference, [0.0, 0.0, 1.0])
    assert mean_response(turned, reference, [10] * 2000, [0] * 2000, QUICK).excess.sign == 1
