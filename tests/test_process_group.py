"""Signals reach a process that we started, and no later one of its number."""

import os
import signal
import subprocess
import sys

import pytest

from tm23flows import process_group
from tm23flows.process_group import birth, is_same, is_zombie, signal_group

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleeper():
    process = subprocess.Popen(SLEEP, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_is_the_one_that_began_then(sleeper):
    born = birth(sleeper.pid)
    assert born == birth(sleeper.pid)
    assert is_same(sleeper.pid, born)
    assert not is_same(sleeper.pid, born + 1)


def test_later_processes_began_later(sleeper):
    assert birth(1) <= birth(os.getpid()) <= birth(sleeper.pid)


def test_nobody_has_no_birth():
    process = subprocess.Popen(["true"])
    process.wait()
    assert birth(process.pid) is None
    assert not signal_group(process.pid, None, 0)


def test_the_group_gets_the_signal(sleeper):
    born = birth(sleeper.pid)
    assert signal_group(sleeper.pid, born, 0)
    assert signal_group(sleeper.pid, born, signal.SIGTERM)
    assert sleeper.wait(60) == -signal.SIGTERM
    assert not signal_group(sleeper.pid, born, signal.SIGTERM)


def test_a_number_that_was_used_again_gets_nothing(sleeper):
    assert not signal_group(sleeper.pid, birth(sleeper.pid) - 1, signal.SIGKILL)
    assert sleeper.poll() is None


def test_without_proc_the_number_decides(sleeper, monkeypatch):
    monkeypatch.setattr(process_group, "birth", lambda _pid: None)
    assert is_same(sleeper.pid, None)
    assert signal_group(sleeper.pid, None, 0)


def test_who_has_ended_and_was_not_taken_notice_of_is_a_zombie(sleeper):
    assert not is_zombie(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert is_zombie(sleeper.pid)
    assert birth(sleeper.pid) is not None
    sleeper.wait()
    assert not is_zombie(sleeper.pid)
