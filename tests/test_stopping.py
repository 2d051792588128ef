"""When a process has to stop: a signal, a setting, or what a scheduler says."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from tm23flows import stopping
from tm23flows.errors import InputError
from tm23flows.stopping import (
    SCHEDULERS,
    SIGNALS,
    deadline,
    forget_request,
    request_stop,
    stop_requested,
    stopping_on_signals,
)

JOB = "4711"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No scheduler, and a folder for a stub of one that is found before all others."""
    for name in (*SCHEDULERS, "SLURM_JOB_END_TIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    stopping._answers.clear()
    yield tmp_path
    stopping._answers.clear()
    forget_request()


@pytest.fixture
def squeue(nowhere, monkeypatch):
    """A function that says what squeue does; returns the log of its calls."""
    monkeypatch.setenv("SLURM_JOB_ID", JOB)

    def says(*lines):
        program, log = nowhere / "squeue", nowhere / "calls"
        program.write_text("\n".join(["#!/bin/sh", f'echo "$@" >> {log}', *lines]))
        program.chmod(0o755)
        return log

    return says


def test_without_a_scheduler_there_is_no_end():
    assert deadline() is None
    assert stop_requested() is None


def test_the_setting_comes_before_the_scheduler(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", "2000")
    assert deadline() == 2000.0
    monkeypatch.setenv("TM23_DEADLINE", "1000.5")
    assert deadline() == 1000.5


def test_a_request_comes_before_everything_and_the_first_counts(monkeypatch):
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 1000))
    before = time.time()
    request_stop("SIGTERM")
    at = deadline()
    request_stop("SIGUSR1")
    assert before <= at <= time.time()
    assert deadline() == at
    assert stop_requested() == "SIGTERM"
    forget_request()
    assert deadline() > time.time()


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_are_requests_while_the_block_lasts(number):
    handlers = [signal.getsignal(one) for one in SIGNALS]
    with stopping_on_signals():
        with stopping_on_signals():
            pass
        os.kill(os.getpid(), number)
        assert stop_requested() == signal.Signals(number).name
        assert deadline() <= time.time()
    assert [signal.getsignal(one) for one in SIGNALS] == handlers


def test_handlers_come_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), stopping_on_signals():
        raise KeyError
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_take_no_signals():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def block():
        with stopping_on_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_second_interrupt_interrupts():
    with stopping_on_signals(signal.SIGINT):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop_requested() == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_outside_of_the_block_a_signal_ends_the_process():
    code = "import time, tm23flows.stopping\nprint(1, flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def test_slurm_says_when(squeue):
    end = datetime(2031, 5, 6, 7, 8, 9)  # noqa: DTZ001 - the local time of SLURM
    log = squeue(f"echo {end.isoformat()}")
    assert [deadline(), deadline()] == [end.timestamp()] * 2
    assert log.read_text().split()[:3] == ["--noheader", "--jobs", JOB]
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize("word", ["NONE", "UNLIMITED", "N/A"])
def test_a_job_without_a_limit_has_no_end(squeue, word):
    squeue(f"echo {word}")
    assert deadline() is None


UNKNOWN = {
    "fails": ["exit 1"], "nothing": ["exit 0"], "words": ["echo tomorrow"],
}  # fmt: skip


@pytest.mark.parametrize("how", UNKNOWN)
def test_f1_3_a_job_whose_end_nobody_knows_begins_nothing(squeue, monkeypatch, how):
    squeue(*UNKNOWN[how])
    with pytest.raises(InputError, match="TM23_DEADLINE"):
        deadline()
    monkeypatch.setenv("TM23_ALLOW_NO_DEADLINE", "true")
    assert deadline() is None


@pytest.mark.parametrize("name", sorted(set(SCHEDULERS) - {"SLURM_JOB_ID"}))
def test_f1_3_nor_does_one_of_another_scheduler(monkeypatch, name):
    monkeypatch.setenv(name, JOB)
    with pytest.raises(InputError, match="TM23_ALLOW_NO_DEADLINE"):
        deadline()
    monkeypatch.setenv("TM23_DEADLINE", "1000")
    assert deadline() == 1000.0


def test_a_scheduler_that_did_not_answer_is_asked_again_but_not_at_once(squeue, monkeypatch):
    monkeypatch.setenv("TM23_ALLOW_NO_DEADLINE", "true")
    log = squeue("exit 1")
    assert [deadline() for _ in range(5)] == [None] * 5
    assert len(log.read_text().splitlines()) == 1
    squeue("echo 2031-05-06T07:08:09")
    monkeypatch.setattr(stopping, "ASK_AGAIN_S", 0.0)
    assert deadline() is not None
    squeue("exit 1")
    assert deadline() is not None  # what was known stays known


def test_a_scheduler_that_hangs_is_not_waited_for(squeue, monkeypatch):
    squeue("exec sleep 60")
    monkeypatch.setattr(stopping, "ASK_S", 0.2)
    with pytest.raises(InputError):
        deadline()
