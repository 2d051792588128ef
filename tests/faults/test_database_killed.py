"""The database is killed in the middle of a run and started again.

What FireWorks does then, as seen here. The command that was on its way fails with
AutoReconnect; later ones wait up to 30 s for a server and go on when it is back. Each
client has its own connections, and a worker has four clients (FireWorks' launchpad,
jobflow's two stores, our archive), so up to four of its jobs in a row can be hit.
- A job that is hit inside its task becomes FIZZLED.
- A worker that is hit between tasks ends with a traceback and leaves its Firework
  RUNNING, RUNNING with a finished launch, or RESERVED without a launch, which no command of
  FireWorks looks for.
- If the command that was on its way is the one that unlocks a workflow, it stays
  locked for ever, and every command on it waits for five minutes and gives up.
`tm23 recover` mends all of it. No worker runs when it is called here, and it is told so.

Jobs that were COMPLETED are never touched. One that was in flight may run twice, and
as its results are addressed by content the second time adds nothing.
"""

import random

import numpy as np
import pytest
from ase.build import bulk
from fault_jobs import note_labels
from plant import wait_until

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.recipe import Recipe

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

SEED, N_JOBS, FRAMES_PER_JOB = 2, 30, 4
WORKERS = ("left", "right")
CLIENTS_PER_WORKER = 4


def rattled_frames(count, seed):
    rng = np.random.default_rng(seed)
    perfect = bulk("Cu", "fcc", a=3.61) * (2, 2, 2)
    for _ in range(count):
        yield Frame(
            provenance=Provenance.now(),
            element="Cu",
            regime=None,
            temperature_K=None,
            trajectory_id=None,
            origin="a test",
            step=None,
            time_fs=None,
            numbers=perfect.numbers,
            cell=perfect.cell.array,
            positions=perfect.positions + rng.normal(scale=0.05, size=(8, 3)),
        )


def test_killed_database_loses_and_repeats_nothing(plant):
    plant.lock_patience_s = 3
    archive = plant.archive()
    frames = list(rattled_frames(N_JOBS * FRAMES_PER_JOB, SEED))
    archive.put(*frames)
    ids = [frame.id for frame in frames]
    recipe = Recipe(engine="emt").model_dump(mode="json")
    batches = [ids[i : i + FRAMES_PER_JOB] for i in range(0, len(ids), FRAMES_PER_JOB)]
    jobs = [note_labels(str(plant.log), batch, recipe, 0.1) for batch in batches]
    plant.add(jobs)

    kill_after = random.Random(SEED).randint(5, N_JOBS // 2)
    print(f"seed {SEED}: the database is killed after {kill_after} jobs")  # noqa: T201
    workers = [plant.worker(name) for name in WORKERS]
    wait_until(lambda: len(plant.events("done")) >= kill_after, explain=plant.last_words)
    completed = plant.uuids({"state": "COMPLETED"})
    acknowledged = {label.id for label in archive.labels()}
    assert completed
    assert acknowledged
    plant.kill_database()
    logged = {uuid for uuid, _ in plant.events("done")}
    plant.restart_database()

    labelled = {label.frame_id for label in plant.archive().labels()}
    for job, batch in zip(jobs, batches, strict=True):
        if job.uuid in logged:
            assert set(batch) <= labelled, "a job was told that its labels are stored"
    assert completed.items() <= plant.uuids({"state": "COMPLETED"}).items()

    for worker in workers:
        worker.wait(400.0)  # it may well have ended with an error
    finished = plant.uuids({"state": "COMPLETED"})
    assert {plant.executions()[uuid] for uuid in finished} == {1}
    plant.tm23("recover", "--lost-after", "0", "--patience", "0.2")
    states, content = plant.states(), launchpad_content(plant)
    assert set(states) <= {"COMPLETED", "READY", "WAITING"}
    assert "nothing to recover" in plant.tm23("recover", "--lost-after", "0", "--patience", "0.2")
    assert launchpad_content(plant) == content
    plant.run_workers("late")
    assert plant.states() == {"COMPLETED": N_JOBS}, plant.last_words()
    labels = list(plant.archive().labels())
    assert acknowledged <= {label.id for label in labels}
    assert sorted(label.frame_id for label in labels) == sorted(ids)
    check_executions(plant, jobs, set(finished))


def launchpad_content(plant):
    database = plant.launchpad.db
    return {
        name: list(database[name].find().sort("_id", 1))
        for name in ("fireworks", "launches", "workflows")
    }


def check_executions(plant, jobs, finished):
    executions = plant.executions()
    assert set(executions) == {job.uuid for job in jobs}
    assert {executions[uuid] for uuid in finished} == {1}, "something finished ran again"
    twice = [uuid for uuid, count in executions.items() if count > 1]
    assert all(executions[uuid] == 2 for uuid in twice)
    assert len(twice) <= CLIENTS_PER_WORKER * len(WORKERS)
    for uuid in twice:
        accepted = [int(words[3]) for words in plant.lines("done") if words[0] == uuid]
        assert sum(accepted) <= FRAMES_PER_JOB, "a label was computed and stored twice"
