"""Runs whose time is over: they stop after a whole step, or do not start."""

import time
from functools import partial

import pytest
from engine_kit import TIME_LEFT_S, let_time_run_out, n_written
from run_kit import dynamics, n_steps, static

from tm23flows.engines.vasp.check import drifts
from tm23flows.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")


def test_dynamics_stop_in_time_after_a_whole_step(run, faults, folder, copper, monkeypatch):
    faults({"step_s": 0.2})
    let_time_run_out(monkeypatch, lambda: n_written(folder) >= 3)
    maker = dynamics(200)
    report = run(maker, deadline=partial(float, time.time() + TIME_LEFT_S))
    assert (report.stopped, report.error) == ("walltime", None)
    done = n_steps(folder)
    assert 3 <= done < 100
    assert drifts(folder, maker.input_set_generator, copper) == []
    # the next run of this process has time again
    assert run(dynamics(3), "next", deadline=partial(float, time.time() + 1e5)).stopped is None


def test_a_static_that_must_stop_is_no_good_result(run, faults, folder, monkeypatch):
    faults({"step_s": 20})
    let_time_run_out(monkeypatch, lambda: n_written(folder, "DAV:") >= 1)
    report = run(static(), deadline=partial(float, time.time() + TIME_LEFT_S))
    assert report.stopped == "walltime"
    assert "stopped in the middle" in report.error


def test_without_time_nothing_is_started(run, folder):
    report = run(static(), deadline=partial(float, time.time() + 1))
    assert (report.stopped, report.binary, report.error) == ("walltime", "", None)
    assert not (folder / "vasp.out").exists()


def test_atomate2s_wall_time_is_a_deadline(run, faults, folder, monkeypatch):
    faults({"step_s": 0.2})
    let_time_run_out(monkeypatch, lambda: n_written(folder) >= 1)
    maker = dynamics(200)
    maker.run_vasp_kwargs["wall_time"] = TIME_LEFT_S
    assert run(maker).stopped == "walltime"
    assert 1 <= n_steps(folder) < 100


def test_a_wall_time_in_which_nothing_could_run_is_refused(run, folder):
    """Else each job would hand its work on to the next one for ever."""
    maker = dynamics(2)
    maker.run_vasp_kwargs["wall_time"] = 200
    with pytest.raises(InputError, match="wall_time"):
        run(maker)
    assert not folder.exists()
