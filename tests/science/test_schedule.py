"""Tasks that wait for each other, and how long they take together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.schedule import makespan

DIAMOND = {1: 1.0, 2: 5.0, 3: 2.0, 4: 1.0}
AFTER = {2: [1], 3: [1], 4: [2, 3]}


@pytest.mark.parametrize(("workers", "end"), [(None, 7.0), (2, 7.0), (1, 9.0)])
def test_a_diamond(workers, end):
    assert makespan(DIAMOND, AFTER, workers) == end


def test_what_is_not_in_the_list_is_done():
    assert makespan({7: 2.0}, {7: [1, 2]}) == 2.0
    assert makespan({}, {}) == 0.0


def test_no_workers_and_circles():
    with pytest.raises(InputError, match="at least one"):
        makespan({1: 1.0}, {}, 0)
    with pytest.raises(InputError, match="circle"):
        makespan({1: 1.0, 2: 1.0}, {1: [2], 2: [1]})


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sets(st.integers(0, 30), max_size=3)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 6),
)
def test_bounds_of_any_schedule(tasks, workers):
    """Graham: no longer than the work shared by all plus the longest chain."""
    durations = {number: float(length) for number, (length, _) in enumerate(tasks)}
    parents = {n: [p for p in some if p < n] for n, (_, some) in enumerate(tasks)}
    chain, work = makespan(durations, parents), sum(durations.values())
    end = makespan(durations, parents, workers)
    assert max(chain, work / workers) - 1e-9 <= end <= work / workers + chain + 1e-9
    assert makespan(durations, parents, 1) == pytest.approx(work)
    assert makespan(durations, parents, len(tasks)) == pytest.approx(chain)
