"""F3.1 and F4.4 with real workers: a disk that is really full, and a job that always fails."""

import json
import subprocess
from pathlib import Path

import pytest
import vasp_kit
from engine_kit import MAKERS, quick
from plant import open_plant, wait_until
from vasp_kit import DYNAMICS, RECIPE, assert_invariants

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.jobs.trajectory import TrajectoryJobMaker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.fireworks,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),
]

PATIENCE_S = 400.0


@pytest.fixture
def plant(tmp_path, vasp):
    with open_plant(tmp_path, vasp) as plant:
        yield plant


def add_runs(plant, seeds):
    """Add a job of molecular dynamics for each seed; return the structure."""
    archive = plant.archive()
    structure = vasp_kit.put_structure(archive)
    maker = TrajectoryJobMaker(calculation=quick(MAKERS["md"]()))
    recipe = Recipe(**RECIPE).model_dump(mode="json")
    for seed in seeds:
        plant.add([maker.make(structure.id, recipe, {**DYNAMICS, "seed": seed}, 10, 5, "warm")])
    return archive


def n_steps(archive):
    """List how long the trajectories are."""
    found = archive.database["trajectories"].find()
    return sorted(Trajectory.from_stored(one).n_steps for one in found)


# Fills the disk when VASP goes on from the fifth step, once.
FILLING = """#!/bin/sh
case "$PWD" in *steps-000006)
    mkdir "$0.once" 2> /dev/null && head -c 1G /dev/zero > ../../filler 2> /dev/null ;;
esac
exec "{vasp}"
"""

USER_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
# Mounts a small disk at $0 and runs the rest there.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=64m tmpfs "$0" && cp *.yaml "$0" && cd "$0" && exec "$@"
"""


def can_mount(folder):
    """Whether this machine lets its users have a small disk of their own."""
    command = [*USER_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", folder]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_f3_1_a_worker_with_a_full_disk_fails_once_and_takes_nothing_more(plant, tmp_path, vasp):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("no small disk can be made here (unshare and mount of a tmpfs)")
    program = tmp_path / "vasp_gam"
    program.write_text(FILLING.format(vasp=vasp["TM23_VASP_GAMMA_CMD"]))
    program.chmod(0o755)
    plant.variables["TM23_VASP_GAMMA_CMD"] = str(program)
    archive = add_runs(plant, (1, 2, 3))
    worker = plant.worker("small", within=[*USER_NAMESPACE, "sh", "-c", ON_A_SMALL_DISK, disk])
    wait_until(
        lambda: plant.states()["FIZZLED"] and plant.states()["RUNNING"],
        patience_s=PATIENCE_S,
        explain=plant.last_words,
    )
    failed = plant.launchpad.launches.find_one({"state": "FIZZLED"})
    assert "disk_full" in json.dumps(failed["action"], default=str)
    assert n_steps(archive)[-1] >= 5
    assert_invariants(archive)

    # Somebody makes room: the waiting worker goes on by itself, with the jobs that are left.
    Path(f"/proc/{worker.pid}/root{disk}/filler").unlink()
    assert worker.wait(PATIENCE_S) == 0, plant.last_words()
    assert plant.states() == {"COMPLETED": 2, "FIZZLED": 1}, plant.last_words()
    plant.lpad("rerun_fws", "-s", "FIZZLED")
    plant.run_workers("large", patience_s=PATIENCE_S)
    assert plant.states() == {"COMPLETED": 3}, plant.last_words()
    assert n_steps(archive) == [10, 10, 10]
    assert_invariants(archive)


def test_f4_4_a_job_that_always_fails_stays_failed_and_its_siblings_go_on(plant, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([{"do": "exit:1", "at_step": 1, "times": 2}]))
    plant.variables["VASP_SIMULATOR_PLAN"] = str(plan)
    archive = add_runs(plant, (1, 2))
    plant.run_workers("one", patience_s=PATIENCE_S)
    assert plant.states() == {"COMPLETED": 1, "FIZZLED": 1}, plant.last_words()
    (failed,) = plant.launchpad.launches.find({"state": "FIZZLED"})
    assert "exit code 1" in json.dumps(failed["action"], default=str)
    assert n_steps(archive) == [0, 10]
    # No worker takes it up again by itself.
    plant.run_workers("two", patience_s=PATIENCE_S)
    assert plant.launchpad.launches.count_documents({}) == 2
    plant.lpad("rerun_fws", "-s", "FIZZLED")
    plant.run_workers("three", patience_s=PATIENCE_S)
    assert plant.states() == {"COMPLETED": 2}, plant.last_words()
    assert n_steps(archive) == [10, 10]
    assert_invariants(archive)
