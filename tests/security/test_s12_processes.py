"""S12: only our own process group is ended, told from others by when it began.

Sibling processes with the same name and the same command as ours have to survive whatever we
stop: VASP, a trainer's worker, the embedded database.
"""

import ast
import json
import os
import signal
import subprocess
import sys

import pytest

from tm23flows.engines.vasp.process import GroupVaspJob
from tm23flows.process_group import birth
from tm23flows.store.embedded.process import start, stop
from tm23flows.store.embedded.state import STATE_FILE
from tm23flows.trainers.worker import Worker, started

BY_NAME = {"killall", "pkill", "pgrep", "pidof", "process_iter"}
SLEEPING = "#!/bin/sh\nexec sleep 600\n"


@pytest.fixture
def program(tmp_path):
    """A program called like VASP, and a sibling that runs it already, in a group of its own."""
    path = tmp_path / "vasp_std"
    path.write_text(SLEEPING)
    path.chmod(0o755)
    sibling = subprocess.Popen([path], start_new_session=True)
    yield path, sibling
    sibling.kill()
    sibling.wait()


@pytest.fixture
def job(program, tmp_path, vasp):
    path, _ = program
    one = GroupVaspJob([str(path)], auto_gamma=False, terminate_timeout=1.0)
    process = one.run(str(tmp_path))
    yield one
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("how", ["terminate", "end_group"])
def test_a_sibling_of_vasp_survives(program, job, how):
    _, sibling = program
    getattr(job, how)()
    assert job.exit_code is not None
    assert sibling.poll() is None


def test_a_group_that_took_over_the_number_of_vasp_survives(program, job):
    """VASP has ended and was collected; its number is that of somebody else's group by now."""
    _, sibling = program
    job.terminate()
    job._vasp_process.pid = sibling.pid
    job._born = birth(sibling.pid) - 1
    job.end_group()
    assert sibling.poll() is None


def test_a_sibling_of_a_trainers_worker_survives(tmp_path):
    script = tmp_path / "sleep_worker.py"
    script.write_text("import time\ntime.sleep(600)\n")
    sibling = subprocess.Popen([sys.executable, script, "x"], start_new_session=True)
    try:
        worker = Worker("A library", str(script), "trainer_python_flare", "install it")
        with started(worker, "train", {}, tmp_path / "work") as running:
            assert running.process.poll() is None
        assert running.process.poll() is not None
        assert sibling.poll() is None
    finally:
        sibling.kill()
        sibling.wait()


def test_a_process_with_the_number_of_the_database_survives(tmp_path):
    """The state file names a process that is no database: a number that was used again."""
    folder = tmp_path / "database"
    info = start(folder, 0)
    state = json.loads((folder / STATE_FILE).read_text())
    sibling = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        (folder / STATE_FILE).write_text(json.dumps({**state, "pid": sibling.pid}))
        assert not stop(folder)
        assert sibling.poll() is None
        (folder / STATE_FILE).write_text(json.dumps(state))
        assert stop(folder)
        assert birth(info.pid) is None
        assert sibling.poll() is None
    finally:
        (folder / STATE_FILE).write_text(json.dumps(state))
        stop(folder)
        sibling.kill()
        sibling.wait()


def words_of(source):
    """All names, attributes and texts of a module but its docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.Call):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield from inner.value.split()


@pytest.mark.parametrize("source", ["run(['killall', 'vasp'])", "f('pkill -f x')", "p.pgrep()"])
def test_ending_by_name_is_seen(source):
    assert BY_NAME & set(words_of(source))


def test_nothing_is_ended_by_its_name(modules_with):
    for path, text in modules_with(*BY_NAME).items():
        assert not BY_NAME & set(words_of(text)), path
