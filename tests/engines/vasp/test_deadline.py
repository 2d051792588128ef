"""VASP is stopped in time, after a step or at once, and a deadline can come forward."""

import os
import time
from types import SimpleNamespace

import pytest

from tm23flows.engines.base import no_deadline
from tm23flows.engines.vasp import deadline
from tm23flows.engines.vasp.deadline import DeadlineHandler

OUTCAR = "     LOOP+:  cpu time    3.0000: real time  {:.4f}\n"
INCARS = {"md": "NSW = 10\nIBRION = 0\n", "static": "NSW = 0\n"}


@pytest.fixture
def folder(tmp_path):
    def make(kind, outcar=""):
        (tmp_path / "INCAR").write_text(INCARS[kind])
        (tmp_path / "OUTCAR").write_text(outcar)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("left", "step_s", "stop"),
    [(301, 1, False), (299, 1, True), (500, 200, True), (700, 200, False)],
)
def test_dynamics_stop_when_three_steps_would_not_fit(left, step_s, stop, folder, monkeypatch):
    monkeypatch.setattr(deadline, "time", SimpleNamespace(time=lambda: 1000.0))
    place = folder("md", OUTCAR.format(step_s) * 3 + "     LOOP+:  cpu time  1: real time ****\n")
    assert DeadlineHandler(lambda: 1000.0 + left).check(str(place)) is stop


@pytest.mark.parametrize(("kind", "word"), [("md", "LSTOP"), ("static", "LABORT")])
def test_the_stop_is_after_a_step_or_at_once(kind, word, folder, monkeypatch):
    monkeypatch.delenv("CUSTODIAN_WALLTIME_START", raising=False)
    place, handler = folder(kind), DeadlineHandler(time.time)
    assert handler.check(str(place))
    assert not handler.correct(str(place))["actions"]
    assert (place / "STOPCAR").read_text().startswith(word)
    assert not handler.is_terminating
    assert not handler.raises_runtime_error
    assert "CUSTODIAN_WALLTIME_START" not in os.environ


def test_a_deadline_that_comes_forward_is_seen_at_the_next_look(folder):
    ends = iter([None, time.time() + 1e6, time.time()])
    place, handler = folder("md"), DeadlineHandler(lambda: next(ends))
    assert [handler.check(str(place)) for _ in range(3)] == [False, False, True]


def test_records_hold_nothing_of_who_says_when():
    said = DeadlineHandler(time.time, 7.0).as_dict()
    assert set(said) == {"@module", "@class", "buffer_s"}
    again = DeadlineHandler.from_dict(said)
    assert (again.buffer_s, again.deadline) == (7.0, no_deadline)
