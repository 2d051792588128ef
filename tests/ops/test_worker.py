"""A worker takes what is there and stops for a reason, with real FireWorks."""

import os
import signal
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from fireworks import Firework, FWorker, PyTask, ScriptTask, Workflow
from pymongo.errors import AutoReconnect

from tm23flows import disk, stopping
from tm23flows.errors import DatabaseError, InputError
from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.ops.worker import Ended, Rules, check_outputs, work

RULES = Rules(n_jobs=None, sleep_s=0.1, spare_s=10.0, wait=False, patience_s=0.0)


@pytest.fixture
def launchpad(database):
    return open_launchpad(database.uri, f"pad-{uuid.uuid4().hex[:8]}")


@pytest.fixture(autouse=True)
def _named_in_full(monkeypatch):
    """Else FireWorks looks for its tasks in all of its modules, its own tests among them."""
    for task in (PyTask, ScriptTask):
        monkeypatch.setattr(task, "_fw_name", f"{{{{{task.__module__}.{task.__name__}}}}}")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    stopping.forget_request()


def go(launchpad, category="", **rules):
    return work(launchpad, FWorker("one", category), Path.cwd(), replace(RULES, **rules))


def add(launchpad, count=1, func="os.getcwd", args=(), **spec):
    works = [Firework(PyTask(func=func, args=list(args)), spec=spec) for _ in range(count)]
    for one in works:
        launchpad.add_wf(Workflow([one]))


def states(launchpad):
    return [one.state for one in job_states(launchpad)]


def test_all_there_is_is_done_and_each_job_has_a_folder(launchpad, tmp_path):
    first = Firework(ScriptTask.from_str("pwd > where.txt"), name="first")
    second = Firework(ScriptTask.from_str("pwd > where.txt"), name="second")
    launchpad.add_wf(Workflow([first, second], {first: [second]}))
    ended = go(launchpad)
    assert (ended.reason, ended.n_jobs) == ("nothing left", 2)
    assert states(launchpad) == ["COMPLETED"] * 2
    places = {path.read_text().strip() for path in tmp_path.glob("launcher_*/where.txt")}
    assert len(places) == 2
    assert str(Path.cwd()) == str(tmp_path)


def test_a_failed_job_does_not_end_it(launchpad):
    add(launchpad, func="os.no_such_function")
    add(launchpad)
    assert go(launchpad).n_jobs == 2
    assert sorted(states(launchpad)) == ["COMPLETED", "FIZZLED"]


def test_no_more_than_asked_for_and_only_its_category(launchpad):
    add(launchpad, 3, _category="label")
    add(launchpad, _category="aimd")
    assert go(launchpad, "label", n_jobs=2) == Ended("enough", 2)
    assert sorted(states(launchpad)) == ["COMPLETED"] * 2 + ["READY"] * 2
    assert go(launchpad, "label").n_jobs == 1
    assert states(launchpad).count("READY") == 1


def test_it_does_not_wait_longer_than_it_may(launchpad):
    # another worker is at a job that one of ours waits for
    parent, child = (Firework(PyTask(func="os.getcwd")) for _ in "ab")
    launchpad.add_wf(Workflow([parent, child], {parent: [child]}))
    launchpad.checkout_fw(FWorker("other"), str(Path.cwd()))
    assert go(launchpad, idle_s=0.3) == Ended("nothing ready", 0)
    assert go(launchpad, idle_s=0.3, wait=True) == Ended("nothing ready", 0)
    add(launchpad)
    assert go(launchpad, idle_s=0.3) == Ended("nothing ready", 1)


def test_a_signal_lets_the_job_end_and_takes_no_other(launchpad):
    add(launchpad, 2, func="os.kill", args=[os.getpid(), int(signal.SIGUSR1)])
    with stopping.stopping_on_signals():
        ended = go(launchpad)
    assert (ended.reason, ended.n_jobs) == ("told to stop", 1)
    assert sorted(states(launchpad)) == ["COMPLETED", "READY"]
    assert stopping.stop_requested() == "SIGUSR1"


def test_no_job_is_begun_without_time_for_it(launchpad, monkeypatch):
    add(launchpad)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 500))
    assert go(launchpad, spare_s=1000.0).reason == "walltime"
    assert states(launchpad) == ["READY"]
    assert go(launchpad, spare_s=1.0).n_jobs == 1


def test_a_full_disk_takes_no_job(launchpad, monkeypatch):
    add(launchpad)
    monkeypatch.setattr("tm23flows.ops.worker.has_space", lambda _folder: False)
    assert go(launchpad).reason == "disk full"
    assert states(launchpad) == ["READY"]


def test_a_database_that_is_away_costs_no_job(launchpad, monkeypatch):
    add(launchpad)
    genuine, calls = launchpad.run_exists, []

    def away(worker):
        calls.append(worker)
        if len(calls) < 3:
            raise AutoReconnect("gone")
        return genuine(worker)

    monkeypatch.setattr(launchpad, "run_exists", away)
    with pytest.raises(DatabaseError, match="took no job"):
        go(launchpad)
    assert states(launchpad) == ["READY"]
    monkeypatch.setattr("tm23flows.store.patience.FIRST_S", 0.01)
    assert go(launchpad, patience_s=30.0).n_jobs == 1


def test_a_worker_whose_outputs_would_be_lost_is_refused(monkeypatch):
    from jobflow import SETTINGS, JobStore
    from maggma.stores import MemoryStore, MongoStore

    monkeypatch.setattr(SETTINGS, "JOB_STORE", JobStore(MemoryStore()))
    with pytest.raises(InputError, match="JOBFLOW_CONFIG_FILE"):
        check_outputs()
    monkeypatch.setattr(SETTINGS, "JOB_STORE", JobStore(MongoStore("jobflow", "outputs")))
    check_outputs()


def test_a_probe_of_the_disk_is_not_left(tmp_path):
    assert disk.has_space(tmp_path)
    assert list(tmp_path.iterdir()) == []
