"""The job that runs molecular dynamics: whole, in pieces, killed, and raced."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Segment, Trajectory
from tm23flows.engines.base import MDStep, State
from tm23flows.errors import DatabaseError, InputError, PhysicsError, StaleClaimError
from tm23flows.jobs import trajectory as module
from tm23flows.jobs.trajectory import run_trajectory
from tm23flows.store.trajectories import read_segments

RECIPE = {"engine": "emt"}
DYNAMICS = {"temperature_K": 600.0, "damping_fs": 30.0, "seed": 4}


def run(structure, n_steps, segment_steps=5, dynamics=DYNAMICS, recipe=RECIPE):
    return run_trajectory(structure.id, recipe, dynamics, n_steps, segment_steps, "warm")


def read(archive, out):
    trajectory = archive.get(Trajectory, out["trajectory_id"])
    parts = list(read_segments(archive, trajectory))
    return {name: np.concatenate([part[name] for part in parts]) for name in SEGMENT_ARRAYS}


def assert_same(one, other):
    assert one["step"].tolist() == other["step"].tolist()
    for name in SEGMENT_ARRAYS:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-10, err_msg=name)


@pytest.fixture
def reference(structure):
    """Sixty steps in one piece, past jobs and store."""
    from tm23flows.documents.recipe import Recipe
    from tm23flows.documents.trajectory import Dynamics
    from tm23flows.engines.emt import EmtEngine

    engine = EmtEngine(None)
    recipe = engine.complete(Recipe(**RECIPE), ["Cu"])
    atoms = structure.atoms
    return module.segment_arrays(list(engine.run_md(atoms, recipe, Dynamics(**DYNAMICS), 60)))


def first(reference, n_steps):
    return {name: values[:n_steps] for name, values in reference.items()}


def test_a_run_is_stored_in_segments_with_its_past(archive, structure, reference):
    out = run(structure, 23, segment_steps=10)
    assert out["n_steps"] == 23
    trajectory = archive.get(Trajectory, out["trajectory_id"])
    assert [(s.first_step, s.last_step) for s in trajectory.segments] == [
        (1, 10), (11, 20), (21, 23),
    ]  # fmt: skip
    assert_same(read(archive, out), first(reference, 23))
    assert trajectory.structure_id == structure.id
    assert trajectory.regime == "warm"
    assert trajectory.provenance.software["ase"]
    assert trajectory.recipe.xc == "none"


def test_again_does_nothing_and_longer_goes_on(archive, structure, reference):
    out = run(structure, 36)
    before = archive.get(Trajectory, out["trajectory_id"])
    assert run(structure, 36) == {**out, "new_steps": 0}
    assert run(structure, 20) == {**out, "new_steps": 0}  # shorter than what is there already
    assert archive.get(Trajectory, before.id).segments == before.segments
    longer = run(structure, 48)
    assert longer == {**out, "n_steps": 48, "new_steps": 12}
    after = archive.get(Trajectory, before.id)
    assert after.segments[: len(before.segments)] == before.segments
    assert after.provenance == before.provenance
    assert_same(read(archive, longer), first(reference, 48))
    assert archive.database["trajectories"].count_documents({}) == 1


def test_another_temperature_is_another_run(archive, structure):
    run(structure, 3)
    run(structure, 3, dynamics={**DYNAMICS, "temperature_K": 300.0})
    assert archive.database["trajectories"].count_documents({}) == 2


SLOW_RUN = """
import sys, time
from tm23flows.engines.emt import EmtEngine
from tm23flows.jobs.trajectory import run_trajectory

quick, begun = EmtEngine._compute, []

def slow(self, atoms, recipe):
    begun.append(atoms)
    time.sleep(0.02 if len(begun) < 28 else 600)  # until it is killed
    return quick(self, atoms, recipe)

EmtEngine._compute = slow
run_trajectory(sys.argv[1], {recipe}, {dynamics}, 60, 5, "warm")
"""


def wait_until(condition, process):
    while not condition():
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.01)


def test_a_killed_run_goes_on_without_gap_or_repetition(archive, structure, reference):
    code = SLOW_RUN.format(recipe=RECIPE, dynamics=DYNAMICS)
    trajectories = archive.database["trajectories"]
    for segments in (2, 5):  # killed twice
        process = subprocess.Popen([sys.executable, "-c", code, structure.id], env=os.environ)
        wait_until(
            lambda n=segments: trajectories.count_documents({f"segments.{n}": {"$exists": True}}),
            process,
        )
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    (stored,) = trajectories.find()
    done = stored["segments"]
    assert 6 <= len(done) < 12
    out = run(structure, 60)
    after = archive.get(Trajectory, out["trajectory_id"])
    assert after.segments[: len(done)] == tuple(Segment(**one) for one in done)
    assert_same(read(archive, out), reference)


def test_of_two_workers_one_stops_and_nothing_is_there_twice(
    archive, structure, reference, monkeypatch
):
    """The claim is lost between the last look at it and the write; a second worker goes on."""
    quick, raced = module.append_segment, []

    def raced_append(archive, trajectory, arrays, **more):
        if trajectory.n_steps == 10 and not raced:
            raced.append(True)
            archive.database["claims"].update_many({}, {"$set": {"state": "ready"}})
            run(structure, 30)
        return quick(archive, trajectory, arrays, **more)

    monkeypatch.setattr(module, "append_segment", raced_append)
    with pytest.raises(DatabaseError, match="Another worker"):
        run(structure, 30)
    assert_same(read(archive, run(structure, 30)), first(reference, 30))


def test_a_worker_that_lost_its_task_writes_nothing_more(archive, structure, monkeypatch):
    quick, raced = module.append_segment, []

    def lost_after(archive, trajectory, arrays, **more):
        done = quick(archive, trajectory, arrays, **more)
        if not raced:
            raced.append(True)
            archive.database["claims"].update_many({}, {"$inc": {"token": 1}})
        return done

    monkeypatch.setattr(module, "append_segment", lost_after)
    with pytest.raises(StaleClaimError, match="given to another worker"):
        run(structure, 30)
    (stored,) = archive.database["trajectories"].find()
    assert len(stored["segments"]) == 1


def test_a_run_that_explodes_keeps_what_was_sound(archive, structure, monkeypatch):
    from tm23flows.engines.emt import EmtEngine

    quick, calls = EmtEngine._compute, []

    def exploding(self, atoms, recipe):
        calls.append(1)
        if len(calls) == 13:
            raise PhysicsError("forces or stress are not finite numbers")
        return quick(self, atoms, recipe)

    monkeypatch.setattr(EmtEngine, "_compute", exploding)
    with pytest.raises(PhysicsError):
        run(structure, 30)
    (stored,) = archive.database["trajectories"].find()
    assert stored["segments"][-1]["last_step"] == 12


def test_an_element_without_forces_starts_no_run(archive):
    from tm23flows.jobs.structure import make_structure

    osmium = make_structure("Os", "primitive", [2, 2, 1], 7.0, "image-distance", 0)
    archive.put(osmium)
    with pytest.raises(InputError, match="Os"):
        run(osmium, 5)
    assert archive.database["trajectories"].count_documents({}) == 0


def test_steps_without_momenta_are_written_with_their_restart_file_only():
    """A stretch that was taken over may be longer than the segments that are asked for now."""

    def step(number, restart):
        momenta = np.empty((0, 3))
        return MDStep(
            State(number, np.zeros((2, 3)), momenta, np.empty(0), restart), None, 1.0, 0.0
        )

    steps = [step(n, b"CONTCAR" if n in (8, 10) else None) for n in range(1, 11)]
    assert [len(one) for one in module._stretches(steps, 3)] == [8, 2]
