import os
import signal
import time

import pytest

from tm23flows.errors import TM23Error
from tm23flows.ops.demo import Demo, program
from tm23flows.ops.launchpad import job_states, open_launchpad

TIMEOUT_S = 300


@pytest.fixture
def demo(database, tmp_path):
    here = Demo(tmp_path / "work", database.uri)
    here.new_launchpad()
    yield here
    here.close()


def test_add_puts_the_workflow_on_the_demos_own_launchpad(demo, database):
    file = demo.add("Cu", "demo", "emt")
    assert file.name == "cu.yaml"
    names = [job.name for job in job_states(open_launchpad(database.uri, demo.launchpad_name))]
    assert "Cu structure" in names
    assert job_states(open_launchpad(database.uri)) == []


def test_a_command_that_fails_is_one_sentence(demo):
    with pytest.raises(TM23Error, match=r"'tm23' failed: .*Xx"):
        demo.add("Xx", "demo", "emt")


def is_there(group):
    """Whether a group of processes has members."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.fireworks
def test_workers_work_and_stop(demo, database):
    demo.add("Cu", "demo", "emt")
    launchpad = open_launchpad(database.uri, demo.launchpad_name)
    demo.start_workers(1)
    (worker,) = demo.workers
    deadline = time.monotonic() + TIMEOUT_S
    while not any(job.state == "COMPLETED" for job in job_states(launchpad)):
        assert time.monotonic() < deadline, (demo.work / "worker-1.log").read_text()
        assert demo.dead_workers() == []
        time.sleep(0.2)
    demo.stop_workers()
    assert demo.workers == []
    while is_there(worker.pid):  # what has ended may have to be collected by the system
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_an_earlier_demo_left_is_not_waited_for(demo):
    demo.add("Cu", "demo", "emt")
    assert job_states(demo.new_launchpad()) == []


@pytest.mark.fireworks
def test_one_demo_in_a_folder_and_none_beside_orphans(demo, database):
    with pytest.raises(TM23Error, match="still running"):
        Demo(demo.work, database.uri)
    demo.start_workers(1)
    demo._lock.close()  # as if this process had been killed: its worker goes on
    with pytest.raises(TM23Error, match="still running"):
        Demo(demo.work, database.uri)
    demo.stop_workers()
    Demo(demo.work, database.uri).close()


@pytest.mark.fireworks
def test_a_dead_worker_is_noticed(demo):
    demo.start_workers(1)
    os.killpg(demo.workers[0].pid, signal.SIGKILL)
    demo.workers[0].wait(TIMEOUT_S)
    assert demo.dead_workers() == [-signal.SIGKILL]


def test_programs_beside_the_interpreter_come_first():
    assert program("lpad")[0].endswith("/lpad")
    assert program("a-program-that-is-not-there") == ["a-program-that-is-not-there"]
