"""Frames in time: grouped in order, and how far neighbours usually are apart."""

import pytest

from tm23flows.science.moments import Moment, by_run, by_temperature, strides_fs, time_of


def moment(name, temperature="cold", run="r", time=None):
    return Moment(name, name, temperature, run, time)


def test_groups_keep_the_order_of_the_input_and_runs_that_of_time():
    frames = [moment("b", "warm", time=50.0), moment("a", time=100.0), moment("c", time=0.0)]
    assert {k: [m.id for m in v] for k, v in by_temperature(frames).items()} == {
        "warm": ["b"], "cold": ["a", "c"],
    }  # fmt: skip
    assert [m.id for m in by_run(frames)["r"]] == ["c", "b", "a"]


def test_frames_without_a_place_are_in_no_run():
    lost = [moment("a"), moment("b", run=None, time=1.0)]
    assert not any(one.has_place for one in lost)
    assert by_run(lost) == {}
    with pytest.raises(ValueError, match="no time"):
        time_of(lost[0])


def test_the_stride_is_the_usual_distance():
    times = [0.0, 50.0, 100.0, 170.0, 200.0, 250.0]  # 150 gave its place to 170
    frames = [moment(str(t), time=t) for t in times] + [moment("x", run="alone", time=3.0)]
    assert strides_fs(frames) == {"r": 50.0}
