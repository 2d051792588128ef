"""F6.5: many tasks, some workers, and faults at random for half a minute, or for as long as is asked.

``TM23_SOAK_S`` sets the seconds (30), ``TM23_SOAK_SEED`` the seed, which is printed. The number of
tasks grows with the time. Faults are SIGKILL and SIGTERM of workers, SIGKILL of the database, lines
that are cut, commands whose answer is lost, and workers whose disk takes no large file. What is not
seeded is when the machine does what, so a seed gives the same faults and not the same run.
"""

import os
import random
import signal
import time
from collections import Counter

import pytest
from fault_jobs import note_soaked
from plant import TM23_WORKER, kill, open_plant
from test_database_killed import rattled_frames

from tm23flows.documents.recipe import Recipe
from tm23flows.ops.failures import PASSING, list_failures
from tm23flows.store.outbox import pending
from tm23flows.testing.proxy import database_proxy

SOAK_S = float(os.environ.get("TM23_SOAK_S", "30"))
SEED = int(os.environ.get("TM23_SOAK_SEED", "1"))
pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(5 * SOAK_S + 600)]

TASKS = max(200, round(200 * SOAK_S / 60))
WORKERS, FRAMES_PER_TASK, LATE_WORKERS = 6, 2, 3
PAUSE_S = 2.5
"""Mean time between two faults."""

LARGE_BYTES, DISK_BYTES = 24 << 20, 20 << 20
"""A file that every eighth task leaves, and what a worker with a small disk can write."""


@pytest.fixture
def plant(tmp_path):
    settings = {
        "TM23_OUTBOX": str(tmp_path / "outbox"),
        "TM23_DATABASE_PATIENCE_S": "4",
        "TM23_LEASE_S": "30",
    }
    with (
        open_plant(tmp_path / "plant", settings) as plant,
        database_proxy(plant.database.port) as line,
    ):
        plant.line, plant.lock_patience_s = line.uri, 3
        plant._configure("operator", "")  # it asks over the bad line, too
        yield Soaked(plant, line)


class Soaked:
    """The plant, its line and its crew, and what has been done to them."""

    def __init__(self, plant, line):
        self.plant, self.line = plant, line
        self.random = random.Random(SEED)
        self.crew = {}
        self.done = Counter()

    def archive(self):
        """Open the archive past the bad line, for the check of the invariants."""
        return self.plant.archive()

    def hire(self):
        """Start a worker for each that is gone; two of them have a small disk."""
        for number in range(WORKERS):
            worker = self.crew.get(number)
            if worker is None or worker.poll() is not None:
                limit = ("prlimit", f"--fsize={DISK_BYTES}") if number < 2 else ()
                self.crew[number] = self.plant.worker(
                    f"worker{number}", program=TM23_WORKER, within=limit
                )

    def break_something(self):
        """Do one of the faults."""
        faults = {
            self.kill_worker: 8,
            self.stop_worker: 3,
            self.cut_lines: 4,
            self.lose_answers: 4,
            self.kill_database: 2,
        }
        fault = self.random.choices(list(faults), list(faults.values()))[0]
        self.done[fault.__name__] += 1
        fault()

    def kill_worker(self):
        kill(self.crew[self.random.randrange(WORKERS)])

    def stop_worker(self):
        worker = self.crew[self.random.randrange(WORKERS)]
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGTERM)

    def cut_lines(self):
        self.line.drop()
        time.sleep(self.random.uniform(0.1, 6.0))
        self.line.restore()

    def lose_answers(self):
        fate = self.random.choice(["cut", "lose_answer", "not_primary"])
        dice = random.Random(self.random.random())
        self.line.rule = lambda _command: fate if dice.random() < 0.05 else "pass"
        time.sleep(self.random.uniform(0.2, 1.0))
        self.line.restore()

    def kill_database(self):
        self.plant.kill_database()
        time.sleep(self.random.uniform(0.0, 2.0))
        self.plant.restart_database()

    def end(self):
        """Nothing is broken any more, and nobody works."""
        self.line.restore()
        for worker in self.crew.values():
            kill(worker)


def test_f6_5_after_a_soak_every_task_is_done_or_says_why_not(plant):
    soaked, plant = plant, plant.plant
    print(f"seed {SEED}, {SOAK_S:g} s, {TASKS} tasks")  # noqa: T201
    frames = list(rattled_frames(TASKS * FRAMES_PER_TASK, SEED))
    plant.archive().put(*frames)
    jobs = make_jobs(plant, frames)
    plant.add(jobs.values())

    end = time.monotonic() + SOAK_S
    soaked.hire()
    while time.monotonic() < end:
        time.sleep(soaked.random.expovariate(1 / PAUSE_S))
        soaked.break_something()
        soaked.hire()
    soaked.end()
    before = plant.states()
    print(f"faults {dict(soaked.done)}, then {dict(before)}")  # noqa: T201
    completed = plant.uuids({"state": "COMPLETED"})
    assert completed, plant.last_words()

    recover(plant)
    plant.run_workers(*(f"late{number}" for number in range(LATE_WORKERS)), program=TM23_WORKER)
    failures = list_failures(plant.launchpad.db)
    print(f"failed: {dict(Counter(one.error_class for one in failures))}")  # noqa: T201
    assert plant.states() == Counter(COMPLETED=TASKS - len(failures), FIZZLED=len(failures))
    assert {one.error_class for one in failures} <= PASSING
    assert completed.items() <= plant.uuids({"state": "COMPLETED"}).items()
    check_results(plant, jobs)

    if failures:
        plant.tm23("rerun", "--all")
    plant.run_workers("last", program=TM23_WORKER)
    assert plant.states() == {"COMPLETED": TASKS}, plant.last_words()
    check_results(plant, jobs)


def make_jobs(plant, frames):
    """Make a job for every few frames; return them by the ids of these."""
    recipe = Recipe(engine="emt").model_dump(mode="json")
    ids = [frame.id for frame in frames]
    jobs = {}
    for number in range(TASKS):
        batch = ids[number * FRAMES_PER_TASK : (number + 1) * FRAMES_PER_TASK]
        size = 1 if number % 8 else LARGE_BYTES
        jobs[tuple(batch)] = note_soaked(str(plant.log), batch, recipe, 0.3, size)
    return jobs


def recover(plant):
    """Recover twice: the second time there is nothing left to do."""
    said = plant.tm23("recover", "--patience", "1", "--lost-after", "0")
    again = plant.tm23("recover", "--patience", "0", "--lost-after", "0")
    assert "nothing to recover" in again, f"{said}\n\nthen\n\n{again}"
    assert not pending(plant.folder.parent / "outbox")


def check_results(plant, jobs):
    """A task that is done has all its labels, and no frame has two."""
    labelled = Counter(label.frame_id for label in plant.archive().labels())
    assert set(labelled.values()) == {1}
    done = plant.uuids({"state": "COMPLETED"})
    for batch, job in jobs.items():
        if job.uuid in done:
            assert set(batch) <= set(labelled), "a task is done and its labels are lost"
    launches = plant.launchpad.launches.find({"state": "COMPLETED"}, {"fw_id": 1, "launch_id": 1})
    named = plant.launchpad.fireworks.distinct("launches")
    ends = Counter(one["fw_id"] for one in launches if one["launch_id"] in named)
    assert not ends or max(ends.values()) == 1, "a task was done twice"
