"""run.sh says that the benchmark is complete only when all its jobs are done."""

import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

COMMANDS = {
    "tm23": 'echo "tm23 $*" >>"$CALLS"; [ "$1" != worker ] || exec sh -c "$WORK"',
    "python": 'echo "$*" >>"$CALLS"',
    "lpad": 'case "$*" in *add*) ;; *FIZZLED*) echo "$FAILED" ;; *COMPLETED*) echo "$LEFT" ;; esac',
}
"""What the script calls, without any work behind it."""


@pytest.fixture
def script(mini, tmp_path):
    """The script as something to run, always in one folder, and what it called so far."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    calls = tmp_path / "calls"
    plain = {"PATH": f"{folder}{os.pathsep}{os.defpath}", "CALLS": str(calls)}
    done = {"WORK": "exit 0", "FAILED": "0", "LEFT": "0"}

    def start(**environment):
        return subprocess.Popen(
            ["bash", str(mini.folder / "run.sh"), str(tmp_path / "a place")],
            env=plain | done | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(**environment):
        process = start(**environment)
        out, err = process.communicate(timeout=60)
        return SimpleNamespace(returncode=process.returncode, stdout=out, stderr=err)

    return SimpleNamespace(start=start, run=run, calls=calls, folder=tmp_path / "a place")


@pytest.mark.parametrize(
    ("worker", "failed", "left", "code", "words"),
    [
        (0, 0, 0, 0, "TM23-mini is complete"),
        (0, 1, 3, 1, "Some jobs failed"),
        (0, 0, 3, 1, "ended before all jobs were done"),
        (2, 0, 3, 1, "ended before all jobs were done"),
    ],
)
def test_complete_is_what_has_no_job_left(script, worker, failed, left, code, words):
    done = script.run(WORK=f"exit {worker}", FAILED=str(failed), LEFT=str(left))
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert ("tm23 report" in script.calls.read_text()) == (code == 0)


def test_other_metals_in_the_same_folder_get_their_models(script):
    for metals in ("Cu", "Cu", "Cu Ti"):
        assert script.run(MINI_METALS=metals).returncode == 0
    asked = [line.partition(" --engine")[0] for line in script.calls.read_text().splitlines()]
    models = [line.partition("workflow.py ")[2] for line in asked if "workflow.py" in line]
    assert models == ["labels Cu", "models Cu", "labels Ti", "models Cu Ti"]


def test_labels_of_two_engines_are_not_mixed(script):
    engines = ({"MINI_ENGINE": "emt"}, {"MINI_ENGINE": "emt"}, {})
    assert [script.run(**one).returncode for one in engines] == [0, 0, 2]
    assert script.calls.read_text().count("db dump") == 2


def test_a_new_database_in_the_same_folder_gets_all_jobs(script):
    script.run()
    shutil.rmtree(script.folder / "db")
    script.run()
    assert script.calls.read_text().count("labels Cu") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_stops_its_workers_and_says_how_to_go_on(script, number):
    process = script.start(WORK="exec sleep 60")
    while "tm23 worker" not in (script.calls.read_text() if script.calls.exists() else ""):
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "start this again to go on" in err
    assert "db dump" not in script.calls.read_text()
