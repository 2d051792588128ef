import os
import signal
import time

import pytest

from tm23flows.errors import TM23Error
from tm23flows.ops.demo import LAUNCHPAD, Demo, program
from tm23flows.ops.launchpad import job_states, open_launchpad

TIMEOUT_S = 60


@pytest.fixture
def demo(database, tmp_path):
    open_launchpad(database.uri, LAUNCHPAD).reset("", require_password=False)
    here = Demo(tmp_path / "work", database.uri)
    yield here
    here.stop_workers()


def test_add_puts_the_workflow_on_the_demos_own_launchpad(demo, database):
    file = demo.add("Cu", "demo", "emt")
    assert file.name == "cu.yaml"
    names = [job.name for job in job_states(open_launchpad(database.uri, LAUNCHPAD))]
    assert "Cu structure" in names
    assert job_states(open_launchpad(database.uri)) == []


def test_a_command_that_fails_is_one_sentence(demo):
    with pytest.raises(TM23Error, match=r"'tm23' failed: .*Xx"):
        demo.add("Xx", "demo", "emt")


@pytest.mark.fireworks
def test_workers_work_and_stop(demo, database):
    demo.add("Cu", "demo", "emt")
    launchpad = open_launchpad(database.uri, LAUNCHPAD)
    demo.start_workers(1)
    (worker,) = demo.workers
    deadline = time.monotonic() + TIMEOUT_S
    while not any(job.state == "COMPLETED" for job in job_states(launchpad)):
        assert time.monotonic() < deadline, (demo.work / "worker-1.log").read_text()
        assert demo.dead_workers() == []
        time.sleep(0.2)
    demo.stop_workers()
    with pytest.raises(ProcessLookupError):
        os.killpg(worker.pid, 0)
    assert demo.workers == []


@pytest.mark.fireworks
def test_a_dead_worker_is_noticed(demo):
    demo.start_workers(1)
    os.killpg(demo.workers[0].pid, signal.SIGKILL)
    demo.workers[0].wait(TIMEOUT_S)
    assert demo.dead_workers() == [-signal.SIGKILL]


def test_programs_beside_the_interpreter_come_first():
    assert program("lpad")[0].endswith("/lpad")
    assert program("a-program-that-is-not-there") == ["a-program-that-is-not-there"]
