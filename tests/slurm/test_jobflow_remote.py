"""The shipped project of jobflow-remote, where it is installed: read by itself, and run on SLURM.

It wants an older pymongo than the one pinned here, so it may be in an environment of its own, whose
interpreter the variable JOBFLOW_REMOTE_PYTHON names.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from cluster_site import ROOT

from tm23flows.store.archive import Archive

PROJECT = ROOT / "launchpad" / "jobflow_remote.yaml"
PAGE = (ROOT / "docs" / "howto" / "remote.md").read_text()
PATIENCE_S = 200.0

READ = """
import sys, warnings, yaml
warnings.simplefilter("ignore")
from jobflow_remote.config.base import Project
project = Project.model_validate(yaml.safe_load(open(sys.argv[1])))
project.get_jobstore(), project.get_queue_store()
for name, worker in project.workers.items():
    # keys that SLURM's template does not have are an error
    script = worker.get_scheduler_io().get_submission_script("run", worker.resources)
    print(name, *[line for line in script.splitlines() if line.startswith("#SBATCH")], sep="|")
"""
COUNT = """
from jobflow_remote.jobs.jobcontroller import JobController
print(*sorted(job.state.value for job in JobController.from_project_name("tm23").get_jobs_info()))
"""
ROAD = """
from tm23flows.documents.recipe import Recipe
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.trajectory import Sampling, TrajectoryMaker
from jobflow import Flow
cell = dict(supercell=(2, 2, 2), min_length_A=0.0, supercell_rule="given")
structure = StructureMaker(basis="primitive", **cell).make("Cu")
run = TrajectoryMaker(recipe=Recipe(engine="emt"), n_steps=20, sampling=Sampling(10, 5, 2))
flow = Flow([structure, run.make(structure.output["structure_id"], "Cu", "warm", 1000.0)])
"""
QUICK = dict.fromkeys(
    ("delay_checkout", "delay_check_run_status", "delay_advance_status", "delay_refresh_limited"), 1
)


@pytest.fixture(scope="module")
def python():
    """An interpreter that has jobflow-remote."""
    named = os.environ.get("JOBFLOW_REMOTE_PYTHON")
    if named is None and find_spec("jobflow_remote") is None:
        pytest.skip("jobflow-remote is not installed: name a Python by JOBFLOW_REMOTE_PYTHON")
    return Path(named or sys.executable).absolute()


@pytest.fixture
def call(python, tmp_path, database, slurm):
    """A function that runs Python, or a command of that environment, at the home of a user."""
    environment = {
        **os.environ,
        **slurm.environment,
        "HOME": str(tmp_path),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TM23_MONGO_URI": database.uri,
    }

    def run(*command, said=None, wait=True):
        options = {"cwd": tmp_path, "env": environment, "text": True, "stderr": subprocess.STDOUT}
        if not wait:
            return subprocess.Popen(
                command, stdout=subprocess.DEVNULL, start_new_session=True, **options
            )
        done = subprocess.run(
            command, input=said, stdout=subprocess.PIPE, timeout=PATIENCE_S, check=False, **options
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_the_project_is_one(python):
    done = subprocess.run(
        [python, "-c", READ, PROJECT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = dict(line.split("|", 1) for line in done.stdout.splitlines())
    assert list(found) == ["aimd", "label", "train-gpu", "analyse"]
    assert "--gres=gpu:1" in found["train-gpu"]
    assert "--ntasks=32" in found["aimd"]
    assert "--time=24:00:00" in found["aimd"]


@pytest.mark.slow
def test_the_page_on_slurm(python, call, database, slurm, tmp_path):
    commands = re.findall(r"^    (jf .+)$", PAGE, re.MULTILINE)
    assert [one.split()[1] for one in commands] == ["project", "admin", "runner"]
    _set_up(python, database, tmp_path)
    for command in commands[:2]:
        call(*command.split(), said="y\n")
    (program,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    program, n = re.subn(
        r"^flow = .+$", ROAD.strip().replace("\\", r"\\"), program, flags=re.MULTILINE
    )
    assert n == 1
    call(python, "-c", program)
    runner = call("jf", "runner", "run", wait=False)  # as `start`, but as a child of this test
    try:
        deadline, states = time.monotonic() + PATIENCE_S, ""
        while states.split() != ["COMPLETED"] * 3:
            assert time.monotonic() < deadline, states
            assert "ERROR" not in states
            time.sleep(0.5)
            states = call(python, "-W", "ignore", "-c", COUNT).splitlines()[-1]
    finally:
        os.killpg(runner.pid, signal.SIGKILL)
        runner.wait()
        slurm.clear()
    assert Archive.open().database["frames"].count_documents({}) == 2


def _set_up(python, database, home):
    """Copy the project and change what is in capitals, and what this node does not have."""
    (home / ".jfremote").mkdir()
    path = home / ".jfremote" / "tm23.yaml"
    shutil.copy(PROJECT, path)
    text = path.read_text().replace("mongodb://DATABASE:27017", database.uri)
    text = text.replace("/SCRATCH/ME/tm23", str(home)).replace(", account: ACCOUNT", "")
    text = re.sub(r"\. /PATH/TO/\S+", f"export PATH={python.parent}:$PATH", text)
    assert not re.search(r"^[^#]*\b[A-Z]{2,}/", text, re.MULTILINE)
    content = yaml.safe_load(text.replace("ntasks: 32", "ntasks: 1"))
    path.write_text(yaml.safe_dump({**content, "runner": QUICK}))
