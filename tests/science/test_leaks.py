"""The leak check: identity and time, loud, and silent where nothing leaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.leaks import check_leaks
from tm23flows.science.moments import Moment


def run_of(times, run="r", tag=""):
    return [Moment(f"{tag}{run}{t}", f"frame {run} {t}", "cold", run, float(t)) for t in times]


def test_the_papers_neighbours_are_one_stride_apart_and_that_is_reported():
    times = range(5045, 55000, 50)
    frames = run_of(times)
    report = check_leaks({"train": frames[:900], "test": frames[-100:]})
    assert (report.required_gap_fs, report.smallest_gap_fs, report.n_without_time) == (50, 50, 0)


def test_one_frame_under_two_recipes_in_two_parts_is_a_leak():
    one, other = run_of([0]), run_of([0], tag="other recipe ")
    assert one[0].id != other[0].id
    with pytest.raises(InputError, match="in the parts 'train' and 'test'"):
        check_leaks({"train": one, "test": other})
    with pytest.raises(InputError, match="twice in the part 'train'"):
        check_leaks({"train": [*one, *other]})


def test_frames_closer_than_the_stride_are_a_leak_with_a_way_out():
    train, test = run_of([0, 50, 100, 150]), run_of([155, 205, 255])
    with pytest.raises(InputError, match=r"5 fs apart.*50 fs are required.*min_gap_fs=5"):
        check_leaks({"train": train, "test": test})
    assert check_leaks({"train": train, "test": test}, 5.0).smallest_gap_fs == 5
    with pytest.raises(InputError, match="60 fs are required"):
        check_leaks({"train": train, "test": run_of([200])}, 60.0)


def test_parts_of_different_runs_are_never_too_close():
    report = check_leaks({"train": run_of([0, 50], "a"), "test": run_of([1, 51], "b")}, 1000.0)
    assert (report.required_gap_fs, report.smallest_gap_fs) == (None, None)


def test_frames_without_a_time_are_counted():
    lost = [Moment("x", "x", "cold"), Moment("y", "y", "cold", "r")]
    report = check_leaks({"train": run_of([0]), "test": lost})
    assert report.n_without_time == 2


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.sampled_from(["x", "y", "z"])),
        unique_by=lambda one: one[:2],
    ),
    st.integers(0, 10),
)
def test_the_check_finds_what_comparing_all_pairs_finds(drawn, gap):
    parts = {}
    for run, time, part in drawn:
        parts.setdefault(part, []).extend(run_of([time], run))
    across = [
        abs(t - u)
        for r, t, p in drawn
        for s, u, q in drawn
        if r == s and p != q
    ]  # fmt: skip
    if across and min(across) < gap:
        with pytest.raises(InputError, match="fs apart"):
            check_leaks(parts, float(gap))
    else:
        smallest = check_leaks(parts, float(gap)).smallest_gap_fs
        assert smallest == (min(across) if across else None)
