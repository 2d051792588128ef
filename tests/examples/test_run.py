"""run.sh says that the benchmark is complete only when all its jobs are done."""

import os
import subprocess

import pytest

COMMANDS = {
    "tm23": 'echo "tm23 $*" >>"$CALLS"; [ "$1" != worker ] || exit "$WORKER"',
    "python": "exit 0",
    "lpad": 'case "$*" in *add*) ;; *FIZZLED*) echo "$FAILED" ;; *COMPLETED*) echo "$LEFT" ;; esac',
}
"""What the script calls, without any work behind it."""


@pytest.mark.parametrize(
    ("worker", "failed", "left", "code", "words"),
    [
        (0, 0, 0, 0, "TM23-mini is complete"),
        (0, 1, 3, 1, "Some jobs failed"),
        (0, 0, 3, 1, "ended before all jobs were done"),
        (2, 0, 3, 1, "ended before all jobs were done"),
    ],
)
def test_complete_is_what_has_no_job_left(mini, tmp_path, worker, failed, left, code, words):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    script = mini.folder / "run.sh"
    done = subprocess.run(
        ["bash", str(script), str(tmp_path / "a place")],
        env={"PATH": f"{folder}{os.pathsep}{os.defpath}", "CALLS": str(tmp_path / "calls"),
             "WORKER": str(worker), "FAILED": str(failed), "LEFT": str(left)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert ("tm23 report" in (tmp_path / "calls").read_text()) == (code == 0)


def test_other_metals_in_the_same_folder_get_their_models(mini, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in COMMANDS.items():
        words = 'echo "$*" >>"$CALLS"' if name == "python" else body
        (folder / name).write_text(f"#!/bin/sh\n{words}\n")
        (folder / name).chmod(0o755)
    calls = tmp_path / "calls"
    for metals in ("Cu", "Cu", "Cu Ti"):
        subprocess.run(
            ["bash", str(mini.folder / "run.sh"), str(tmp_path / "place")],
            env={"PATH": f"{folder}{os.pathsep}{os.defpath}", "CALLS": str(calls),
                 "WORKER": "0", "FAILED": "0", "LEFT": "0", "MINI_METALS": metals},
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
    asked = [line.partition(" --engine")[0] for line in calls.read_text().splitlines()]
    models = [line.partition("workflow.py ")[2] for line in asked if "workflow.py" in line]
    assert models == ["labels Cu", "models Cu", "labels Ti", "models Cu Ti"]
