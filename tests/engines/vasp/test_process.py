"""Processes: the whole group ends, and an attempt finds nothing of the one before."""

import os
import signal
import time
from pathlib import Path

import pytest

from tm23flows.engines.vasp.process import STALE, GroupVaspJob

# Starts a child that does not care about SIGTERM, and ends at it itself.
STUBBORN = """#!/bin/sh
sh -c 'trap "" TERM; echo $$ > child; while true; do sleep 0.1; done' &
trap 'exit 0' TERM
while true; do sleep 0.05; done
"""
# Leaves a child behind and ends.
LEAVING = "#!/bin/sh\nsleep 60 & echo $! > child\nexit 3\n"


@pytest.fixture
def start(tmp_path, vasp):
    """A function that starts a script as VASP; whatever is left of it is killed."""
    started = []

    def run(script):
        program = tmp_path / "program"
        program.write_text(script)
        program.chmod(0o755)
        folder = tmp_path / "run"
        folder.mkdir()
        job = GroupVaspJob([str(program)], auto_gamma=False, terminate_timeout=1.0)
        started.append(job.run(str(folder)))
        return job, folder

    yield run
    for process in started:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def is_alive(pid):
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def child_of(folder):
    while not (folder / "child").is_file() or not (folder / "child").read_text().strip():
        time.sleep(0.01)
    return int((folder / "child").read_text())


def test_a_child_that_ignores_the_signal_is_killed_before_the_next_attempt(start):
    job, folder = start(STUBBORN)
    child = child_of(folder)
    job.terminate(str(folder))
    assert not is_alive(child)
    assert job.exit_code is not None


def test_a_child_that_outlives_its_parent_is_killed(start):
    job, folder = start(LEAVING)
    child = child_of(folder)
    job._vasp_process.wait()
    assert is_alive(child)
    job.end_group()
    assert not is_alive(child)
    assert job.exit_code == 3


def test_ending_what_has_ended_or_never_began_is_fine(start):
    job, _ = start("#!/bin/sh\n")
    job._vasp_process.wait()
    job.end_group()
    job.end_group()
    never = GroupVaspJob(["true"])
    never.end_group()
    assert (never.exit_code, never.launched) == (None, ())


def test_an_attempt_finds_no_output_of_the_one_before(start, tmp_path):
    job, folder = start("#!/bin/sh\n")
    job._vasp_process.wait()
    for name in (*STALE, "WAVECAR"):
        (folder / name).write_text("old")
    job.run(str(folder)).wait()
    assert not [name for name in STALE if (folder / name).exists()]
    assert (folder / "WAVECAR").exists()
    assert job.launched == (str(tmp_path / "program"),)
