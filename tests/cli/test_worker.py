"""``tm23 worker`` as its users start it: a program with files, signals and a walltime."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fireworks import Firework, ScriptTask, Workflow

from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import job_states, open_launchpad

pytestmark = [pytest.mark.fireworks, pytest.mark.timeout(900)]

TM23 = Path(sys.executable).parent / "tm23"
PATIENCE_S = 100.0


@pytest.fixture
def place(database, tmp_path):
    """A folder with FireWorks' files for a launchpad of its own, and the environment."""
    name = f"pad-{tmp_path.parent.name}-{tmp_path.name}"[:60].replace(".", "-")
    variables = write_config(tmp_path / "config", database.uri, launchpad=name)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SLURM_")},
        **variables,
        "HOME": str(tmp_path),
    }
    return open_launchpad(database.uri, name), tmp_path, environment


def start(place, *options):
    _, folder, environment = place
    return subprocess.Popen(
        [TM23, "worker", "--sleep", "0.2", *options],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def add(launchpad, script):
    launchpad.add_wf(Workflow([Firework(ScriptTask.from_str(script))]))


def events(folder):
    lines = (folder / "tm23-events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_it_does_what_is_there_and_says_so(place):
    launchpad, folder, _ = place
    add(launchpad, "true")
    add(launchpad, "true")
    process = start(place)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert said.splitlines()[-1] == "local: nothing left after 2 jobs"
    assert [one.state for one in job_states(launchpad)] == ["COMPLETED"] * 2
    told = events(folder)
    assert [one["event"] for one in told] == ["worker.begun", "worker.ended"]
    assert {"timestamp", "level", "host", "pid", "worker"} <= set(told[0])


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_ends_it_after_the_job_and_the_rest_stays_in_the_queue(place, sign):
    launchpad, folder, _ = place
    add(launchpad, "touch begun; while [ ! -e ../go ]; do sleep 0.05; done")
    add(launchpad, "true")
    process = start(place)
    end = time.monotonic() + PATIENCE_S
    while not list(folder.glob("launcher_*/begun")):
        assert time.monotonic() < end
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(sign)
    (folder / "go").touch()
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said.splitlines()[-1]) == (0, "local: told to stop after 1 job")
    assert sorted(one.state for one in job_states(launchpad)) == ["COMPLETED", "READY"]


def test_a_worker_that_waits_hears_a_signal(place):
    process = start(place, "--wait", "--sleep", "1000")
    _, folder, _ = place
    end = time.monotonic() + PATIENCE_S
    while not (folder / "tm23-events.jsonl").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert said.splitlines()[-1] == "local: told to stop after 0 jobs"


def test_it_wants_files_that_are_there_and_outputs_that_stay(place):
    _, _, environment = place
    process = start(place, "-w", "no-such.yaml")
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "There is no file no-such.yaml" in said
    del environment["JOBFLOW_CONFIG_FILE"]
    process = start(place)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "JOBFLOW_CONFIG_FILE" in said


def test_it_waits_for_a_job_no_longer_than_it_is_told(place):
    launchpad, _, _ = place
    parent, child = (Firework(ScriptTask.from_str("true")) for _ in "ab")
    launchpad.add_wf(Workflow([parent, child], {parent: [child]}))
    launchpad.fireworks.update_one({"state": "READY"}, {"$set": {"state": "RUNNING"}})
    said, _ = start(place, "--idle", "0.5").communicate(timeout=PATIENCE_S)
    assert said.splitlines()[-1] == "local: nothing ready after 0 jobs"
