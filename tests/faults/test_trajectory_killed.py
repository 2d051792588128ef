"""A worker is killed in the middle of molecular dynamics; another one finishes the run."""

import json

import numpy as np
import pytest
from plant import LONG_AGO_S, lost_fireworks, silence

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics, Trajectory
from tm23flows.engines.emt import EmtEngine
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import TrajectoryJobMaker
from tm23flows.store.trajectories import read_segments
from tm23flows.testing.faults import Fault, command_with_faults

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 400.0
PUSH = "tm23flows.store.archive:Archive.push_segment"
N_STEPS, SEGMENT_STEPS, DONE_BY_VICTIM = 120, 7, 3
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
    fault = Fault(at=PUSH, when="after", call=DONE_BY_VICTIM)
    command, variables = command_with_faults([fault])
    plant.variables.update(variables)
    assert plant.worker("victim", within=command).wait(PATIENCE_S) == -9, plant.last_words()
    assert n_segments(archive) == DONE_BY_VICTIM

    number = plant.uuids({})[job.uuid]
    silence(plant, number)
    found = plant.lpad("detect_lostruns", "--time", LONG_AGO_S, "--rerun")
    assert lost_fireworks(found) == [number]
    plant.run_workers("heir")
    assert plant.states() == {"COMPLETED": 1}, plant.last_words()

    (stored,) = archive.database["trajectories"].find()
    trajectory = archive.get(Trajectory, stored["_id"])
    pieces = list(read_segments(archive, trajectory))
    arrays = {name: np.concatenate([one[name] for one in pieces]) for name in SEGMENT_ARRAYS}
    np.testing.assert_array_equal(arrays["step"], np.arange(1, N_STEPS + 1))
    assert len(trajectory.segments) > DONE_BY_VICTIM
    reference = uninterrupted_run(archive.get(Structure, structure.id), trajectory.recipe)
    for name, expected in reference.items():
        np.testing.assert_allclose(arrays[name], expected, rtol=0, atol=1e-10, err_msg=name)
