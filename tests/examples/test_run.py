"""run.sh says that the benchmark is complete only when all its jobs are done."""

import os
import subprocess
from types import SimpleNamespace

import pytest

COMMANDS = {
    "tm23": 'echo "tm23 $*" >>"$CALLS"; [ "$1" != worker ] || exit "$WORKER"',
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
    done = {"WORKER": "0", "FAILED": "0", "LEFT": "0"}

    def run(**environment):
        return subprocess.run(
            ["bash", str(mini.folder / "run.sh"), str(tmp_path / "a place")],
            env=plain | done | environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return SimpleNamespace(run=run, calls=calls)


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
    done = script.run(WORKER=str(worker), FAILED=str(failed), LEFT=str(left))
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
