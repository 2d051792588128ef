"""A worker is killed in the middle of molecular dynamics; another one finishes the run."""

import json
from datetime import timedelta

import numpy as np
import pytest
from plant import kill, lost_fireworks, wait_until

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics, Trajectory
from tm23flows.engines.emt import EmtEngine
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import TrajectoryJobMaker
from tm23flows.store.trajectories import read_segments

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

N_STEPS, SEGMENT_STEPS = 120, 7
DYNAMICS = Dynamics(temperature_K=1020.0, damping_fs=100.0, seed=11)
RECIPE = Recipe(engine="emt")


def n_segments(archive):
    found = archive.database["trajectories"].find_one({}, {"segments": 1})
    return len(found["segments"]) if found else 0


def uninterrupted_run(structure, recipe):
    """Compute the same steps in one go, past jobs and store."""
    from ase import Atoms

    atoms = Atoms(
        numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=True
    )
    steps = list(EmtEngine(None).run_md(atoms, recipe, DYNAMICS, N_STEPS))
    return {
        "positions": np.array([one.state.positions for one in steps]),
        "momenta": np.array([one.state.momenta for one in steps]),
        "thermostat": np.array([one.state.thermostat for one in steps]),
        "forces": np.array([one.result.forces for one in steps]),
        "stress": np.array([one.result.stress for one in steps]),
        "energy_free": np.array([one.result.energies.free for one in steps]),
        "temperature": np.array([one.temperature_K for one in steps]),
        "conserved": np.array([one.conserved_eV for one in steps]),
    }


def test_run_of_a_killed_worker_is_finished_without_a_seam(plant):
    archive = plant.archive()
    # Large enough for EMT to need some ten milliseconds for a step.
    structure = make_structure("Cu", "primitive", [5, 5, 5], 0.0, "given", 0)
    archive.put(structure)
    job = TrajectoryJobMaker().make(
        structure.id,
        RECIPE.model_dump(mode="json"),
        json.loads(DYNAMICS.model_dump_json()),
        N_STEPS,
        SEGMENT_STEPS,
        "warm",
    )
    plant.add([job])
    victim = plant.worker("victim")
    wait_until(lambda: n_segments(archive) >= 3, explain=plant.last_words)
    kill(victim)
    done_by_victim = n_segments(archive)
    assert done_by_victim * SEGMENT_STEPS < N_STEPS, "the run was over before the kill"

    number = plant.uuids({})[job.uuid]
    wait_until(lambda: plant.ping_age(number) > timedelta(seconds=1))
    found = plant.lpad("detect_lostruns", "--time", "1", "--rerun")
    assert lost_fireworks(found) == [number]
    plant.run_workers("heir")
    assert plant.states() == {"COMPLETED": 1}, plant.last_words()

    (stored,) = archive.database["trajectories"].find()
    trajectory = archive.get(Trajectory, stored["_id"])
    pieces = list(read_segments(archive, trajectory))
    arrays = {name: np.concatenate([one[name] for one in pieces]) for name in SEGMENT_ARRAYS}
    np.testing.assert_array_equal(arrays["step"], np.arange(1, N_STEPS + 1))
    assert len(trajectory.segments) > done_by_victim
    reference = uninterrupted_run(archive.get(Structure, structure.id), trajectory.recipe)
    for name, expected in reference.items():
        np.testing.assert_allclose(arrays[name], expected, rtol=0, atol=1e-10, err_msg=name)
