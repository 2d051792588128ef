"""Attempts that did not complete, and how long they were heard of."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fireworks import Firework, ScriptTask, Workflow

from tm23flows.ops.cost.lost_attempts import lost_attempts
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.testing.database import local_database


@pytest.fixture
def own_launchpad(archive, monkeypatch):
    """A launchpad beside an archive, in a server of their own."""
    with local_database() as server:
        monkeypatch.setenv("TM23_DB_PATH", str(server.path))
        launchpad = open_launchpad(server.uri)
        yield launchpad, type(archive).open()


BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def launch(number, state, minutes, *, spoke, ping=None):
    end = (BEGAN + timedelta(minutes=minutes)).isoformat()
    running = {"state": "RUNNING", "created_on": BEGAN.isoformat()}
    if ping is not None:
        running["updated_on"] = (BEGAN + timedelta(minutes=ping)).isoformat()
    action = {"stored_data": {"_exception": {"_failed_task_n": 0}}} if spoke else None
    history = [running, {"state": state, "created_on": end}]
    return {
        "launch_id": number,
        "fw_id": 1,
        "state": state,
        "state_history": history,
        "action": action,
    }


def test_attempts_that_did_not_complete(own_launchpad):
    launchpad, archive = own_launchpad
    spec = {"_category": "label", "tm23": {"element": "Cu"}}
    launchpad.add_wf(Workflow([Firework([ScriptTask.from_str("true")], spec=spec)]))
    launches = archive.database.client[LAUNCHPAD_DATABASE]["launches"]
    launches.insert_many(
        [
            launch(11, "FIZZLED", 10, spoke=True),
            # found lost hours later: it was heard of for an hour
            launch(12, "FIZZLED", 900, spoke=False, ping=60),
            launch(13, "FIZZLED", 900, spoke=False),
            launch(14, "COMPLETED", 30, spoke=False),
        ]
    )
    (lost,) = lost_attempts(archive)
    assert (lost.metal, lost.stage, lost.attempts, lost.wall_s) == ("Cu", "label", 3, 4200.0)
    assert lost_attempts(archive, "Ti") == []


def test_a_job_that_really_failed(own_launchpad, tmp_path):
    launchpad, archive = own_launchpad
    launchpad.to_file(str(tmp_path / "launchpad.yaml"))
    wait = "import sys, time; time.sleep(0.5); sys.exit(3)"
    task = ScriptTask.from_str(f"{sys.executable} -c '{wait}'")
    spec = {"_category": "aimd", "tm23": {"element": "Ti"}}
    launchpad.add_wf(Workflow([Firework([task], spec=spec)]))
    # as processes: in this one, FireWorks would import its own tests to find the task
    for words in (["rlaunch", "singleshot"], ["lpad", "rerun_fws", "-i", "1"]):
        program = Path(sys.executable).with_name(words[0])
        command = [program, "-l", "launchpad.yaml", *words[1:]]
        subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
    assert launchpad.fireworks.find_one({"fw_id": 1})["state"] == "READY"
    (lost,) = lost_attempts(archive)
    assert (lost.metal, lost.stage, lost.attempts) == ("Ti", "aimd", 1)
    assert 0.4 < lost.wall_s < 600
