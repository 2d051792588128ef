"""The launchpad: usable at first, never emptied afterwards, and honest about failures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fireworks import Firework, LaunchPad, PyTask, Workflow

from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import STATES, failure_reason, job_states, open_launchpad
from tm23flows.store.connect import ANSWER_TIMEOUT_MS
from tm23flows.testing.database import local_database


@pytest.fixture
def uri():
    """A database of its own, because a launchpad always has the same name."""
    with local_database() as server:
        yield server.uri


def job(name, function="builtins.print", args=("",)):
    return Firework(PyTask(func=function, args=list(args)), name=name)


def run_one(uri, folder):
    """Run one job as a worker does."""
    variables = write_config(folder, uri)
    command = [str(Path(sys.executable).with_name("rlaunch")), "singleshot"]
    env = {**os.environ, **variables}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


def test_a_database_that_hangs_is_not_asked_for_ever(uri, tmp_path):
    write_config(tmp_path, uri)
    for launchpad in (
        open_launchpad(uri),
        LaunchPad.from_file(str(tmp_path / "my_launchpad.yaml")),
    ):
        limit_s = launchpad.connection.options.pool_options.socket_timeout
        assert limit_s == ANSWER_TIMEOUT_MS / 1000


def test_a_new_launchpad_can_be_used_at_once_and_is_not_emptied(uri):
    launchpad = open_launchpad(uri)
    assert job_states(launchpad) == []
    launchpad.add_wf(Workflow([job("first"), job("second")]))
    again = open_launchpad(uri)
    assert sorted(one.name for one in job_states(again)) == ["first", "second"]
    again.add_wf(job("third"))
    assert len({one.fw_id for one in job_states(launchpad)}) == 3


@pytest.mark.fireworks
def test_states_come_by_number(uri, tmp_path):
    launchpad = open_launchpad(uri)
    first, second = job("first"), job("second")
    launchpad.add_wf(Workflow([first, second], {first: [second]}))
    before = job_states(launchpad)
    assert [one.fw_id for one in before] == sorted(one.fw_id for one in before)
    assert sorted(one.state for one in before) == ["READY", "WAITING"]
    run_one(uri, tmp_path)
    after = {one.name: one.state for one in job_states(launchpad)}
    assert after == {"first": "COMPLETED", "second": "READY"}
    assert {one.state for one in job_states(launchpad)} <= set(STATES)


@pytest.mark.fireworks
def test_a_failure_is_told_by_its_last_line(uri, tmp_path):
    launchpad = open_launchpad(uri)
    launchpad.add_wf(job("broken", "builtins.int", ["seven"]))
    run_one(uri, tmp_path)
    (one,) = job_states(launchpad)
    assert one.state == "FIZZLED"
    assert failure_reason(launchpad, one.fw_id).startswith("ValueError: invalid literal")


def test_a_job_that_said_nothing_was_lost(uri):
    assert "killed" in failure_reason(open_launchpad(uri), 1)
