"""Errors on atoms of rare events: the oracles of the definition, invariances, guard cases."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from tm23flows.errors import InputError
from tm23flows.science.rare_events import (
    NO_ANGLE,
    NO_ATOM,
    atom_errors,
    error_curves,
    pool_frames,
    rare_event_scores,
    rare_event_scores_of_frames,
)

AXIS = np.array([[1.0, 0.0, 0.0]])
GRID_EFFECT = 0.5 / 49

components = st.floats(-20, 20).map(lambda x: round(x, 6))


@st.composite
def force_pairs(draw, min_atoms=1):
    """Draw predicted and reference forces on the same atoms."""
    n_atoms = draw(st.integers(min_atoms, 8))
    return tuple(draw(arrays(float, (n_atoms, 3), elements=components)) for _ in range(2))


@st.composite
def frame_sets(draw):
    """Draw frames: predicted forces, reference forces and r, of which some are None."""
    frames = []
    for n_atoms in draw(st.lists(st.integers(1, 5), min_size=1, max_size=5)):
        pred, ref = (draw(arrays(float, (n_atoms, 3), elements=components)) for _ in range(2))
        distance = arrays(float, n_atoms, elements=st.sampled_from([0.0, 1e-12, 2.5, 5.5]))
        frames.append((pred, ref, draw(st.none() | distance)))
    return frames


def of_magnitudes(*differences, size=3.0):
    """Forces along one axis whose magnitudes differ by these."""
    reference = np.repeat(size * AXIS, len(differences), axis=0)
    return reference + np.outer(differences, AXIS[0]), reference


def of_angles(*degrees):
    """Forces of the same size with these angles between them, in a plane each of their own."""
    turns = Rotation.random(len(degrees), rng=1)
    angles = np.radians(degrees)
    predicted = np.column_stack([np.cos(angles), np.sin(angles), 0 * angles])
    return turns.apply(predicted), turns.apply(np.repeat(AXIS, len(degrees), axis=0))


def scores(pair, **options):
    return rare_event_scores(*pair, **options)


def same(one, other):
    """Compare all numbers of two results up to rounding."""
    for name in vars(one):
        first, second = getattr(one, name), getattr(other, name)
        is_number = isinstance(first, float) and isinstance(second, float)
        assert first == (pytest.approx(second, rel=1e-9, abs=1e-9) if is_number else second), name
    return True


def definition(errors, largest, n_grid=50):
    """Integrate by the words of the definition, point by point."""
    points = [largest * k / (n_grid - 1) for k in range(n_grid)]
    curve = [sum(e <= p for e in errors) / len(errors) for p in points]
    area = sum((a + b) / 2 * (largest / (n_grid - 1)) for a, b in pairwise(curve))
    return 1 - area / largest


@pytest.mark.parametrize(
    ("differences", "re_m", "re_f"),
    [
        ([0.5] * 4, 0.5, 0.5),
        ([-0.5] * 3, 0.5, 0.5),
        ([0.0] * 4, 0.0, 0.0),
        ([0.01, 0.02, 1e-6], GRID_EFFECT, None),
        ([1.01, 2.0, -1.5], 1.0, None),
        ([0.0, 0.0, 2.0, 2.0], 0.5, math.sqrt(2)),
    ],
)
def test_oracles_of_the_magnitude(differences, re_m, re_f):
    found = scores(of_magnitudes(*differences))
    assert found.re_m_error == pytest.approx(re_m, abs=1e-14)
    if re_f is not None:
        assert found.re_f_error_eV_per_A == pytest.approx(re_f, abs=1e-14)
    assert found.one_minus_re_m == pytest.approx(1 - re_m)
    assert found.undefined is None


def test_the_grid_effect_has_the_value_of_the_definition():
    assert scores(of_magnitudes(0.01)).re_m_error == pytest.approx(0.0102041, abs=5e-8)


@pytest.mark.parametrize(
    ("degrees", "re_a"), [([30.0] * 5, 0.5), ([60.5, 90.0, 180.0], 1.0), ([0.0] * 3, 0.0)]
)
def test_oracles_of_the_angle(degrees, re_a):
    found = scores(of_angles(*degrees))
    assert found.re_a_error == pytest.approx(re_a, abs=1e-14)
    assert found.one_minus_re_a == pytest.approx(1 - re_a)
    assert found.angle_undefined is None


def test_a_perfect_prediction_has_no_error_at_all():
    forces = np.random.default_rng(0).normal(0, 1, (200, 3))
    found = rare_event_scores(forces, forces)
    assert (found.re_m_error, found.re_a_error, found.re_f_error_eV_per_A) == (0, 0, 0)


def test_fractions_are_of_all_atoms_and_limits_are_not_above_themselves():
    found = scores(of_magnitudes(0.5, 0.6, -0.7, 0.1))
    assert found.fraction_above_half_eV_per_A == 0.5
    found = scores(of_angles(15, 16, 29, 30, 31, 120, 1, 2))
    assert (found.fraction_above_15_deg, found.fraction_above_30_deg) == (5 / 8, 2 / 8)


def test_the_error_is_of_magnitudes_not_of_vectors():
    found = rare_event_scores([[0.0, 2.0, 0.0]], [[2.0, 0.0, 0.0]])
    assert found.re_m_error == found.re_f_error_eV_per_A == 0
    assert found.re_a_error == 1


@pytest.mark.parametrize("n_grid", [2, 50, 501])
def test_the_numbers_follow_the_words_of_the_definition(n_grid):
    random = np.random.default_rng(3)
    ref = random.normal(0, 1, (300, 3))
    pred = ref + random.normal(0, 0.4, ref.shape)
    sizes = [np.linalg.norm(forces, axis=1) for forces in (pred, ref)]
    magnitude = np.abs(sizes[0] - sizes[1])
    angle = np.degrees(np.arccos(np.clip((pred * ref).sum(1) / sizes[0] / sizes[1], -1, 1)))
    found = rare_event_scores(pred, ref, n_grid=n_grid)
    assert found.re_m_error == pytest.approx(definition(magnitude, 1.0, n_grid), abs=1e-12)
    assert found.re_a_error == pytest.approx(definition(angle, 60.0, n_grid), abs=1e-12)
    assert found.fraction_above_15_deg == (angle > 15).mean()
    assert found.n_grid == n_grid


def test_the_curves_are_those_of_the_numbers():
    pair = of_magnitudes(0.2, 0.7, 3.0, 0.0)
    magnitude, angle = error_curves(*pair)
    assert (magnitude.limit[[0, -1]] == [0, 1]).all()
    assert (angle.limit[[0, -1]] == [0, 60]).all()
    assert len(magnitude.limit) == len(angle.limit) == 50
    assert (magnitude.share[0], magnitude.share[-1]) == (0.25, 0.75)  # 3 eV/A stays below
    assert 1 - np.trapezoid(magnitude.share, magnitude.limit) == pytest.approx(
        scores(pair).re_m_error
    )


@given(force_pairs(), st.integers(0, 1000))
def test_a_rotation_of_both_changes_nothing(pair, seed):
    turn = Rotation.random(rng=seed)
    assert same(scores(pair), scores([turn.apply(forces) for forces in pair]))


@given(force_pairs(), st.randoms(use_true_random=False))
def test_the_order_of_the_atoms_does_not_matter(pair, random):
    order = random.sample(range(len(pair[0])), len(pair[0]))
    assert same(scores(pair), scores([forces[order] for forces in pair]))


@given(force_pairs(), st.floats(1e-3, 1e3))
def test_a_scaled_force_has_an_error_of_its_magnitude_only(pair, scale):
    _, ref = pair
    errors = atom_errors(scale * ref, ref)
    size = np.linalg.norm(ref, axis=1)
    assert errors.magnitude_eV_per_A == pytest.approx(abs(scale - 1) * size, abs=1e-9)
    assert errors.angle_deg == pytest.approx(0, abs=1e-9)
    assert rare_event_scores(scale * ref, ref).re_a_error in {0, None}


@given(force_pairs())
def test_an_opposite_force_has_an_error_of_its_direction_only(pair):
    _, ref = pair
    errors = atom_errors(-ref, ref)
    assert (errors.magnitude_eV_per_A == 0).all()
    assert (errors.angle_deg == 180).all()
    assert len(errors.angle_deg) == (ref != 0).any(axis=1).sum()


@given(force_pairs())
def test_errors_are_in_their_range(pair):
    found = scores(pair)
    assert 0 <= found.re_m_error <= 1
    assert found.re_a_error is None or 0 <= found.re_a_error <= 1
    assert found.re_f_error_eV_per_A >= 0


@given(frame_sets(), st.randoms(use_true_random=False))
def test_the_order_of_frames_and_of_their_atoms_does_not_matter(frames, random):
    shuffled = []
    for frame in random.sample(frames, len(frames)):
        order = random.sample(range(len(frame[0])), len(frame[0]))
        shuffled.append([None if one is None else one[order] for one in frame])
    one, other = (rare_event_scores_of_frames(*zip(*f, strict=True)) for f in (frames, shuffled))
    assert same(one, other)


@given(frame_sets(), st.floats(-5, 5))
def test_forces_on_other_atoms_change_nothing(frames, change):
    def changed(pred, ref, r):
        others = np.ones(len(pred), bool) if r is None else r != 0
        return pred + change * others[:, None], ref - change * others[:, None], r

    moved = [changed(*frame) for frame in frames]
    one, other = (rare_event_scores_of_frames(*zip(*f, strict=True)) for f in (frames, moved))
    assert one == other


@given(frame_sets())
def test_frames_without_events_add_nothing_but_themselves(frames):
    far = (np.ones((2, 3)), -np.ones((2, 3)), np.array([5.5, 5.5]))
    unknown = (np.ones((3, 3)), -np.ones((3, 3)), None)
    one = rare_event_scores_of_frames(*zip(*frames, strict=True))
    other = rare_event_scores_of_frames(*zip(far, *frames, unknown, strict=True))
    assert other.n_frames == one.n_frames + 2
    assert {**vars(one), "n_frames": None} == {**vars(other), "n_frames": None}


def test_atoms_are_pooled_and_frames_are_counted():
    pred, ref = of_magnitudes(0.0, 0.2, 2.0, 2.0)
    r = [np.array([0.0, 2.0, 0.0, 0.0]), np.array([3.0, 0.0, 1.0, 2.0]), np.full(4, 5.5), None]
    pool = pool_frames([pred] * 4, [ref] * 4, r)
    assert pool.frame.tolist() == [0, 0, 0, 1]
    assert (pool.n_frames, pool.n_frames_with_event, pool.n_frames_without_r) == (4, 2, 1)
    found = rare_event_scores_of_frames([pred] * 4, [ref] * 4, r)
    assert found == scores(of_magnitudes(0.0, 2.0, 2.0, 0.2), n_frames=4, n_frames_with_event=2)
    assert found.n_atoms == 4


def test_only_a_distance_of_exactly_zero_is_a_rare_event():
    pool = pool_frames([np.eye(3)], [np.eye(3)], [[1e-300, 0.0, 5.5]])
    assert pool.forces_pred.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("empty", [[], np.empty((0, 3))])
def test_a_set_without_an_atom_is_undefined_and_says_why(empty):
    found = rare_event_scores(empty, empty)
    assert found.undefined == found.angle_undefined == NO_ATOM
    assert found.n_atoms == 0
    numbers = [value for name, value in vars(found).items() if "error" in name or "frac" in name]
    assert numbers == [None] * 6
    assert found.one_minus_re_m is found.one_minus_re_a is None
    assert [curve.share for curve in error_curves(empty, empty)] == [None, None]


def test_frames_without_any_event_are_undefined():
    found = rare_event_scores_of_frames([np.eye(3)] * 2, [np.eye(3)] * 2, [None, [1.0, 2.0, 3.0]])
    assert (found.undefined, found.n_frames, found.n_frames_with_event) == (NO_ATOM, 2, 0)
    assert rare_event_scores_of_frames([], [], []).undefined == NO_ATOM


def test_a_force_of_zero_has_no_angle_but_a_magnitude():
    pred, ref = (
        np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0.0]]),
        np.array([[2, 0, 0], [0, 0, 0], [1, 0, 0.0]]),
    )
    found = rare_event_scores(pred, ref)
    assert (found.n_atoms, found.n_atoms_without_angle) == (3, 2)
    assert found.re_a_error == found.fraction_above_15_deg == 0
    assert found.re_f_error_eV_per_A == pytest.approx(math.sqrt(5 / 3))
    assert found.fraction_above_half_eV_per_A == 2 / 3


def test_forces_of_zero_only_have_no_error_of_the_angle():
    found = rare_event_scores(np.zeros((2, 3)), np.ones((2, 3)))
    assert found.re_a_error is found.fraction_above_30_deg is None
    assert found.angle_undefined == NO_ANGLE
    assert found.undefined is None
    assert found.re_m_error == 1


def test_a_tiny_force_has_an_angle():
    found = atom_errors([[1e-200, 0, 0], [5e-324, 0, 0]], [[0, 1e-200, 0], [1.0, 0, 0]])
    assert found.angle_deg.tolist() == [90, 0]


@pytest.mark.parametrize(
    ("pred", "ref"),
    [
        (np.ones((2, 3)), np.ones((3, 3))),
        (np.ones((2, 3)), np.ones((2, 2))),
        (np.ones((1, 3)), np.ones(3)),
        (np.ones((2, 3, 1)), np.ones((2, 3, 1))),
        (np.full((2, 3), np.nan), np.ones((2, 3))),
        (np.ones((2, 3)), np.full((2, 3), np.inf)),
        ([[1.0, 2.0, "x"]], np.ones((1, 3))),
        ([], np.ones((1, 3))),
    ],
)
def test_forces_that_do_not_fit_are_refused(pred, ref):
    with pytest.raises(InputError):
        rare_event_scores(pred, ref)


@pytest.mark.parametrize("n_grid", [1, 0, -5, 2.5, True])
def test_a_grid_without_an_interval_is_refused(n_grid):
    with pytest.raises(InputError, match="at least two points"):
        rare_event_scores(AXIS, AXIS, n_grid=n_grid)


@pytest.mark.parametrize(
    ("pred", "ref", "r", "why"),
    [
        ([AXIS, AXIS], [AXIS], [[0.0]], "same frames"),
        ([AXIS], [AXIS], [], "same frames"),
        ([AXIS], [np.ones((2, 3))], [[0.0]], "Frame 0"),
        ([AXIS], [np.ones((2, 3))], [None], "Frame 0"),
        ([AXIS], [AXIS], [[0.0, 1.0]], "Frame 0"),
        ([AXIS, None], [AXIS, AXIS], [[0.0], None], "Frame 1 .* has no forces"),
        ([AXIS], [None], [[0.0]], "Frame 0 .* has no forces"),
        ([np.full((2, 3), np.nan)], [np.ones((2, 3))], [[1.0, 2.0]], "frame 0"),
        ([AXIS], [AXIS], [[None]], "frame 0"),
        ([AXIS], [AXIS], [[-1.0]], "negative"),
    ],
)
def test_frames_that_do_not_fit_are_refused_and_named(pred, ref, r, why):
    with pytest.raises(InputError, match=why):
        pool_frames(pred, ref, r)
