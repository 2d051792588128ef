"""The shipped files on a real SLURM: qlaunch, categories, walltime, signals."""

import time
from datetime import datetime, timedelta

import pytest
from cluster_jobs import see
from engine_kit import MAKERS, quick
from jobflow import Flow

from tm23flows.documents.recipe import Recipe
from tm23flows.flows.naming import tagged
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.trajectory import Sampling, TrajectoryMaker

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

T_K = 1000.0
PATIENCE_S = 400.0


def road(cells, n_steps, sampling):
    """Wire a structure, a run with EMT and its frames: three jobs of two categories."""
    structure = StructureMaker(
        basis="primitive", supercell=(cells,) * 3, min_length_A=0.0, supercell_rule="given"
    ).make("Cu")
    maker = TrajectoryMaker(
        recipe=Recipe(engine="emt"), n_steps=n_steps, sampling=sampling, segment_steps=10
    )
    run = maker.make(structure.output["structure_id"], "Cu", "warm", T_K)
    return Flow([structure, run], name="Cu")


def look(category):
    """Make the job that looks around, for workers of a category."""
    return tagged(see(), f"look as {category}", category, "Cu")


def what_was_seen(site):
    """Read what the jobs that looked around have seen, by their names."""
    outputs = site.launchpad.connection["jobflow"]["outputs"].find({"name": {"$regex": "^look"}})
    return {one["name"]: one["output"] for one in outputs}


def test_qlaunch_runs_a_flow_with_the_shipped_adapter(site, slurm):
    site.add(road(2, 20, Sampling(10, 5, 2)))
    said = site.shell(
        "qlaunch -q launchpad/my_qadapter.yaml -w my_fworker.yaml rapidfire -m 1 --nlaunches 1"
    )
    slurm.wait_until_empty(site.last_words)
    assert site.states() == {"COMPLETED": 3}, said + site.last_words()
    assert site.archive().database["frames"].count_documents({}) == 2


def test_rounds_of_submitting_send_each_category_to_its_workers(site, slurm):
    for category, changes in {"aimd": {"ntasks": 1}, "analyse": {"walltime": "00:30:00"}}.items():
        site.change(f"my_qadapter_{category}.yaml", **changes)
    site.add(road(2, 20, Sampling(10, 5, 2)))
    rounds = []
    while site.states() != {"COMPLETED": 3}:
        assert len(rounds) < 9, "\n".join(rounds) + site.last_words()
        rounds.append(site.shell("launchpad/submit.sh aimd=2 label=1 analyse=3"))
        assert set(slurm.jobs().values()) <= {"tm23-aimd", "tm23-analyse"}
        slurm.wait_until_empty(site.last_words)
    assert site.workers() == {
        "Cu structure": "analyse", "Cu warm trajectory": "aimd", "Cu warm frames": "analyse",
    }  # fmt: skip
    # One ready job, one worker, however many there might be.
    assert "analyse: 1 jobs ready, 0 workers in the queue, 1 more" in rounds[0]
    assert "aimd: 0 jobs ready, 0 workers in the queue, 0 more" in rounds[0]
    assert "label: 0 jobs ready" in rounds[0]


def test_no_more_workers_than_wanted_are_submitted(site, slurm):
    site.add(Flow([look("analyse") for _ in range(4)]))
    slurm.ask("scontrol", "update", "PartitionName=debug", "State=DOWN")
    try:
        said = site.shell("launchpad/submit.sh analyse=2\nlaunchpad/submit.sh analyse=2 aimd=1")
        assert list(slurm.jobs().values()) == ["tm23-analyse"] * 2, said
        assert "analyse: 4 jobs ready, 2 workers in the queue, 0 more" in said
    finally:
        slurm.ask("scontrol", "update", "PartitionName=debug", "State=UP")
    slurm.wait_until_empty(site.last_words)
    assert site.states() == {"COMPLETED": 4}, site.last_words()


def test_words_that_no_round_understands_are_refused(site):
    for words in ("aimd", "aimd=", "aimd=many", "aimd=-1", "dft=1", "../aimd=1", "aimd=1 x=2"):
        said = site.shell(f"launchpad/submit.sh {words}", code=2)
        assert f"'{words.split()[-1]}' is not CATEGORY=NUMBER" in said


def test_a_gpu_and_the_walltime_come_from_the_scheduler(site, slurm):
    site.change("my_qadapter_train-gpu.yaml", walltime="00:40:00")
    site.add(look("train-gpu"))
    site.shell("launchpad/submit.sh train-gpu=1")
    slurm.wait_until_empty(site.last_words)
    assert site.states() == {"COMPLETED": 1}, site.last_words()
    (seen,) = what_was_seen(site).values()
    assert seen["gpus"] == "0"
    start = datetime.fromisoformat(slurm.describe(seen["slurm_job"])["StartTime"])
    assert seen["deadline"] == (start + timedelta(minutes=40)).timestamp()


def test_reservation_mode_gives_each_job_its_own_slurm_job(site, slurm):
    site.change(
        "my_qadapter_analyse.yaml",
        rocket_launch="exec rlaunch -w $TM23FLOWS_HOME/launchpad/my_fworker_analyse.yaml singleshot",
    )
    site.add(Flow([look("analyse"), look("analyse")]))
    site.shell(
        "qlaunch -r -q launchpad/my_qadapter_analyse.yaml -w launchpad/my_fworker_analyse.yaml "
        "rapidfire --nlaunches 2 --timeout 60"
    )
    slurm.wait_until_empty(site.last_words)
    assert site.states() == {"COMPLETED": 2}, site.last_words()
    reserved = {
        one["state_history"][0]["reservation_id"]
        for one in site.launchpad.launches.find({}, {"state_history": 1})
    }
    assert len(reserved) == 2


N_STEPS, COUNT = 400, 10


@pytest.mark.parametrize("signal", [["--batch", "--signal=USR1"], []], ids=["USR1", "scancel"])
def test_a_run_that_slurm_ends_is_handed_back_and_finished(signal, site, slurm):
    submit = "qlaunch -q launchpad/my_qadapter.yaml -w my_fworker.yaml singleshot"
    # Large enough for EMT to need some ten milliseconds for a step.
    site.add(road(6, N_STEPS, Sampling(100, 10, COUNT)))
    site.shell(submit)
    runs = site.archive().database["trajectories"]
    wait_until(lambda: steps_of(runs) >= 20, site.last_words)
    slurm.ask("scancel", *signal, *slurm.jobs())
    slurm.wait_until_empty(site.last_words)
    done = steps_of(runs)
    assert 20 <= done < N_STEPS, "the run was over before the signal"
    # The run so far and the structure; the rest of the run; the frames.
    assert site.states() == {"COMPLETED": 2, "READY": 1, "WAITING": 1}, site.last_words()

    site.shell(submit)
    slurm.wait_until_empty(site.last_words)
    assert site.states() == {"COMPLETED": 4}, site.last_words()
    (run,) = runs.find()
    assert steps_of(runs) == N_STEPS
    assert done in {piece["first_step"] - 1 for piece in run["segments"]}, "the seam"
    assert site.archive().database["frames"].count_documents({}) == COUNT


def steps_of(runs):
    """Count the stored steps of the one run that there is, or none."""
    stored = runs.find_one({}, {"segments": 1}) or {"segments": []}
    return sum(piece["last_step"] - piece["first_step"] + 1 for piece in stored["segments"])


def wait_until(condition, explain):
    """Wait for a condition; fail after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain; {explain()}"
        time.sleep(0.05)


def test_vasp_alone_runs_on_the_nodes_of_a_worker_outside(site, slurm, vasp):
    # docs/howto/remote.md: the worker is where the database is, and srun takes VASP to the nodes.
    commands = {
        name: ["srun", "--nodes=1", "--ntasks=1", "--time=5", vasp[f"TM23_{name.upper()}"]]
        for name in ("vasp_cmd", "vasp_gamma_cmd")
    }
    site.change("my_fworker_aimd.yaml", category=["aimd", "analyse"], env=commands)
    site.set("PMG_VASP_PSP_DIR", vasp["PMG_VASP_PSP_DIR"])
    structure = StructureMaker(
        basis="primitive", supercell=(2, 2, 2), min_length_A=0.0, supercell_rule="given"
    ).make("Cu")
    maker = TrajectoryMaker(
        recipe=Recipe(engine="vasp", cutoff_eV=300.0),
        n_steps=10,
        sampling=Sampling(5, 1, 5),
        segment_steps=5,
        ensemble="nvt-nose-hoover",
        calculation=quick(MAKERS["md"]()),
    )
    run = maker.make(structure.output["structure_id"], "Cu", "warm", T_K)
    site.add(Flow([structure, run], name="Cu"))
    site.shell("tm23 worker -w launchpad/my_fworker_aimd.yaml --sleep 1")
    assert site.states() == {"COMPLETED": 3}, site.last_words()
    steps = slurm.ask("squeue", "-h", "-t", "all", "-o", "%j").split()
    assert steps.count("vasp_std") + steps.count("vasp_gam") >= 2
    assert site.archive().database["frames"].count_documents({}) == 5
