"""Waiting for a database that is away: how long, in what rhythm, and when not at all."""

import time
from types import SimpleNamespace

import pytest
from pymongo.errors import AutoReconnect, NotPrimaryError, ServerSelectionTimeoutError

from tm23flows import stopping
from tm23flows.store import patience
from tm23flows.store.patience import FIRST_S, LONGEST_S, patiently, rest


@pytest.fixture(autouse=True)
def _no_request():
    yield
    stopping.forget_request()


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def failing(times, error=AutoReconnect):
    calls = []

    def ask():
        calls.append(1)
        if len(calls) <= times:
            raise error("away")
        return len(calls)

    return ask


@pytest.mark.parametrize("error", [AutoReconnect, NotPrimaryError, ServerSelectionTimeoutError])
def test_it_is_done_again_until_it_works(error):
    clock = Clock()
    assert patiently(failing(3, error), 600.0, clock.sleep, clock) == 4
    assert len(clock.slept) == 3


def test_pauses_grow_with_jitter_and_have_a_longest():
    clock = Clock()
    patiently(failing(12), 1e6, clock.sleep, clock)
    for number, slept in enumerate(clock.slept):
        middle = min(LONGEST_S, FIRST_S * 2**number)
        assert 0.5 * middle <= slept <= 1.5 * middle
    other = Clock()
    patiently(failing(12), 1e6, other.sleep, other)
    assert other.slept != clock.slept


@pytest.mark.parametrize("patience_s", [0.0, 5.0, 100.0])
def test_patience_ends_and_there_is_a_last_try_at_its_end(patience_s):
    clock = Clock()
    with pytest.raises(AutoReconnect):
        patiently(failing(10**6), patience_s, clock.sleep, clock)
    assert clock.now == pytest.approx(1000.0 + patience_s)


def test_other_errors_are_not_waited_for():
    clock = Clock()
    with pytest.raises(KeyError):
        patiently(failing(1, KeyError), 600.0, clock.sleep, clock)
    assert clock.slept == []


def test_who_has_to_stop_has_no_patience():
    clock, ask = Clock(), failing(5)

    def sleep(seconds):
        clock.sleep(seconds)
        stopping.request_stop("SIGTERM")
        time.sleep(0.01)

    with pytest.raises(AutoReconnect):
        patiently(ask, 1e6, sleep, clock)
    assert len(clock.slept) == 1


def test_rest_hears_a_request(monkeypatch):
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            monkeypatch.setenv("TM23_DEADLINE", "1")

    # only there: other threads, such as those of database clients, go on sleeping
    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=nap)
    monkeypatch.setattr(patience, "time", clock)
    rest(3600.0)
    assert len(naps) == 2
