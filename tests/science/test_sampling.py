"""Frame selection: the paper's numbers, open numbers and short trajectories."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.sampling import select_steps, steps_needed


def test_the_paper_takes_steps_1010_to_11000():
    steps = select_steps(11_000, 1_000, 10, 1_000)
    assert steps == select_steps(11_000)
    assert steps[:2] == (1010, 1020)
    assert steps[-1] == 11_000
    assert len(steps) == 1_000


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 60), st.integers(0, 100))
def test_selection_is_exact_regular_and_inside_the_trajectory(discard, stride, count, spare):
    n_steps = steps_needed(discard, stride, count) + spare
    steps = select_steps(n_steps, discard, stride, count)
    assert len(steps) == count
    assert discard < steps[0]
    assert steps[-1] <= n_steps
    assert {later - earlier for earlier, later in pairwise(steps)} <= {stride}


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 60), st.integers(1, 100))
def test_a_short_trajectory_is_refused_with_both_numbers(discard, stride, count, short):
    needed = steps_needed(discard, stride, count)
    with pytest.raises(InputError) as caught:
        select_steps(needed - short, discard, stride, count)
    assert f"has {needed - short} steps" in str(caught.value)
    assert f"{needed} are needed" in str(caught.value)


@pytest.mark.parametrize(("discard", "stride", "count"), [(-1, 1, 1), (0, 0, 1), (0, 1, 0)])
def test_senseless_numbers_are_refused(discard, stride, count):
    with pytest.raises(InputError, match="stride >= 1"):
        select_steps(100, discard, stride, count)


@given(st.data(), st.integers(2, 12), st.integers(1, 30))
def test_an_unusable_step_gives_its_place_to_its_nearest_neighbour(data, stride, count):
    n_steps = steps_needed(7, stride, count)
    regular = select_steps(n_steps, 7, stride, count)
    bad = data.draw(st.sets(st.sampled_from(regular)))
    steps = select_steps(n_steps, 7, stride, count, bad)
    assert len(set(steps)) == count
    assert list(steps) == sorted(steps)
    for taken, wanted in zip(steps, regular, strict=True):
        assert abs(taken - wanted) == (1 if wanted in bad else 0)


def test_a_stretch_without_a_usable_step_is_named():
    with pytest.raises(InputError, match="steps 1015 to 1024"):
        select_steps(11_000, unusable=range(1015, 1030))
