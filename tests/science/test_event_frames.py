"""Distances and vacant sites of frames in which an atom hops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.event_frames import event_frames, event_steps
from tm23flows.science.hops import HopRule, Lattice, find_hops
from tm23flows.science.rare_events import pool_frames

N, A = 4, 3.0
GRID = np.array(list(np.ndindex(N, N, N)))
LATTICE = Lattice(A * GRID, N * A * np.eye(3))
EMPTY, LEAVES = 0, 1  # the atom on site 1 goes to site 0
RULE = HopRule(persistence_steps=12)
BEFORE, MIDDLE, AFTER = 10, 45, 80


def hopping(drift=(0.0, 0.0, 0.0)):
    """Positions of 63 atoms, of which atom 0 goes from site 1 to site 0 in steps 40 to 50."""
    positions = np.tile(LATTICE.sites_A[1:], (100, 1, 1))
    share = np.clip((np.arange(100) - 40) / 10, 0, 1)[:, None]
    positions[:, 0] += share * (LATTICE.sites_A[EMPTY] - LATTICE.sites_A[LEAVES])
    return positions + np.arange(100)[:, None, None] * np.array(drift)


def described(positions, steps=(BEFORE, MIDDLE, AFTER), **options):
    return event_frames(find_hops(positions, LATTICE, RULE), positions, steps, **options)


def brute(points, others):
    vectors = points[:, None] - others
    return np.linalg.norm(vectors - N * A * np.round(vectors / (N * A)), axis=-1)


@settings(max_examples=10)
@given(st.tuples(*[st.floats(-0.2, 0.2)] * 3), st.booleans())
def test_distances_of_the_frame_in_the_middle(drift, wrapped):
    positions = hopping(drift)
    if wrapped:
        positions %= N * A
    before, middle, after = described(positions)
    assert (middle.step, middle.migrating, middle.hops) == (MIDDLE, (0,), (0,))
    assert middle.r_A[0] == 0
    assert (middle.r_A == 0).sum() == 1
    assert middle.r_A == pytest.approx(brute(positions[MIDDLE], positions[MIDDLE, :1])[:, 0])
    moved = LATTICE.sites_A + MIDDLE * np.array(drift)
    # the hop of one of 63 atoms moves the centre of mass by 3 A / 63
    assert middle.r_v_A == pytest.approx(brute(positions[MIDDLE], moved).min(axis=1), abs=0.05)
    assert middle.r_v_A[0] == pytest.approx(A / 2, abs=0.05)
    for quiet in (before, after):
        assert (quiet.migrating, quiet.hops, quiet.r_A, quiet.r_v_A) == ((), (), None, None)


def test_the_vacancy_and_the_atom_exchange_their_sites():
    drift = (0.1, 0.0, -0.05)
    before, middle, after = described(hopping(drift))
    assert [f.vacant_sites for f in (before, middle, after)] == [
        (EMPTY,),
        (EMPTY, LEAVES),
        (LEAVES,),
    ]
    expected = LATTICE.sites_A[LEAVES] + AFTER * np.array(drift)
    assert after.vacant_sites_A == pytest.approx(expected[None], abs=0.05)


def test_the_cutoff_says_what_is_vacant():
    positions = hopping()
    assert described(positions, [MIDDLE], vacancy_cutoff_A=1.6)[0].vacant_sites == ()
    assert len(described(positions, [BEFORE], vacancy_cutoff_A=1e-3)[0].vacant_sites) >= 1


def test_steps_of_events_are_those_with_an_atom_of_distance_zero():
    positions = hopping()
    search = find_hops(positions, LATTICE, RULE)
    frames = event_frames(search, positions, range(100))
    steps = event_steps(search)
    assert steps == tuple(search.hops[0].steps)
    assert [f.step for f in frames if f.r_A is not None] == list(steps)
    forces = np.zeros((100, 63, 3))
    pool = pool_frames(forces, forces, [frame.r_A for frame in frames])
    assert pool.frame.tolist() == list(steps)
    assert pool.n_frames_without_r == 100 - len(steps)


def test_a_melt_has_no_frames_of_events():
    random = np.random.default_rng(0)
    positions = random.uniform(0, N * A, (50, 63, 3))
    with pytest.raises(InputError, match="no lattice sites"):
        described(positions, [1])


@pytest.mark.parametrize("steps", [[100], [-1]])
def test_a_step_outside_is_refused(steps):
    with pytest.raises(InputError, match="not among"):
        described(hopping(), steps)


@pytest.mark.parametrize("cutoff", [0, -1.0, np.nan])
def test_a_cutoff_that_is_no_distance_is_refused(cutoff):
    with pytest.raises(InputError, match="cutoff"):
        described(hopping(), vacancy_cutoff_A=cutoff)


def test_another_trajectory_is_refused():
    search = find_hops(hopping(), LATTICE, RULE)
    with pytest.raises(InputError, match="give the same"):
        event_frames(search, hopping()[:50], [BEFORE])
