"""One metal of the paper on VASP with 1/200 of the steps, killed and recovered twice.

The workflow is the one that ``tm23 build`` writes: the Makers of the scale ``paper`` with its
cells, meshes and recipes. Steps, frames and the length of a run of VASP are divided, and there are
no models. What comes out is what comes out where nothing is killed.
"""

from dataclasses import replace

import numpy as np
import pytest
from atomate2.vasp.powerups import update_vasp_input_generators
from jobflow import JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from plant import TM23_WORKER, kill_at_work, open_plant, wait_until

from tm23flows.documents.label import Label
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Trajectory
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.trajectory import Sampling
from tm23flows.ops.cost.plan import plan_of
from tm23flows.store.trajectories import read_segments

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

LESS = 200
N_TEMPERATURES = 3
WORKERS = ("left", "right")


@pytest.fixture
def plant(tmp_path, vasp):
    with open_plant(tmp_path / "plant", vasp) as plant:
        yield plant


def scaled_paper():
    """The paper's copper with 1/200 of everything that is counted in steps."""
    maker = make_tm23("Cu", "paper", "vasp")
    run, sampling = maker.trajectory, maker.trajectory.sampling
    fewer = Sampling(sampling.discard // LESS, sampling.stride, sampling.count // LESS)
    less = replace(
        maker,
        trajectory=replace(run, n_steps=run.n_steps // LESS, sampling=fewer, segment_steps=20),
        label=replace(maker.label, batch_size=3),
        split_options={},
        split="fraction",
        models=(),
    )
    quick = {"run_vasp_kwargs->custodian_kwargs": {"polling_time_step": 0.1, "monitor_freq": 5}}
    return update_vasp_input_generators(less.make("Cu"), quick)


def test_one_metal_killed_and_recovered_twice_has_the_numbers_of_an_undisturbed_run(
    plant, archive, tmp_path
):
    flow = scaled_paper()
    plan = plan_of(flow_to_workflow(flow, store=None))
    assert (plan.aimd_steps, plan.frames) == (165, 15)
    plant.add([flow])
    disturbed = plant.archive()

    def is_done(collection, at_least):
        return lambda: disturbed.database[collection].count_documents({}) >= at_least

    runs = {"segments.1": {"$exists": True}}
    for number, condition in enumerate(
        (
            lambda: disturbed.database["trajectories"].count_documents(runs),
            is_done("labels", plan.labels // 3),
        )
    ):
        workers = [plant.worker(f"{one}{number}", program=TM23_WORKER) for one in WORKERS]
        wait_until(condition, explain=plant.last_words)
        kill_at_work(plant, workers)
        said = plant.tm23("recover", "--patience", "1", "--lost-after", "0")
        # put back, or told to its workflow where it was killed just after its last write
        assert "mended" in said
        assert plant.states()["RUNNING"] == 0
        assert "nothing to recover" in plant.tm23("recover", "--patience", "0")
    plant.run_workers(*(f"{one}-late" for one in WORKERS), program=TM23_WORKER)
    assert plant.states() == {"COMPLETED": plan.fireworks}, plant.last_words()

    run_here(scaled_paper(), tmp_path / "calm")
    assert disturbed.database["frames"].count_documents({}) == plan.frames
    # Each frame has the label of its step too; the last of each run had the final mesh before.
    labels = plan.labels + plan.frames - N_TEMPERATURES
    assert disturbed.database["labels"].count_documents({}) == labels
    assert disturbed.database["rejections"].count_documents({}) == 0
    assert_same_numbers(disturbed, archive)


def run_here(flow, folder):
    """Run a flow in this process, where nothing disturbs it."""
    folder.mkdir()
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(
        flow, store=store, create_folders=True, root_dir=folder, raise_immediately=True, log=False
    )


def assert_same_numbers(one, other):
    """Check that two archives hold the same frames, labels, datasets and runs."""
    for name in ("structures", "frames", "labels", "datasets", "convergences", "trajectories"):
        found = [sorted(each.database[name].distinct("_id")) for each in (one, other)]
        assert found[0] == found[1], name
    for mine in one.labels():
        theirs = other.get(Label, mine.id)
        np.testing.assert_array_equal(mine.forces, theirs.forces)
        assert mine.energies == theirs.energies
    for stored in one.database["trajectories"].find({}, {"_id": 1}):
        mine, theirs = (whole_run(each, stored["_id"]) for each in (one, other))
        for name in SEGMENT_ARRAYS:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def whole_run(archive, trajectory_id):
    pieces = list(read_segments(archive, archive.get(Trajectory, trajectory_id)))
    return {name: np.concatenate([one[name] for one in pieces]) for name in SEGMENT_ARRAYS}
