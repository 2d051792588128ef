"""Several workers at once, and a worker that is killed: every job is done once."""

import pytest
from fault_jobs import note_execution
from plant import LONG_AGO_S, is_silent, kill, lost_fireworks, silence, wait_until

from tm23flows.flows.naming import tagged

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]


def noted_jobs(plant, count, sleep_s=0.0):
    return [note_execution(str(plant.log), sleep_s) for _ in range(count)]


def test_workers_at_once_do_every_job_once(plant):
    jobs = noted_jobs(plant, 100)
    plant.add(jobs)
    names = [f"worker{number}" for number in range(4)]
    holds = [plant.log.with_name(f"{plant.log.name}.hold.{name}") for name in names]
    for hold in holds:  # each has a job before the first goes on
        hold.touch()
    workers = [plant.worker(name) for name in names]
    wait_until(lambda: len(plant.events("held")) == len(names), explain=plant.last_words)
    for hold in holds:
        hold.unlink()
    for worker in workers:
        assert worker.wait(200.0) == 0, plant.last_words()
    assert plant.executions() == {job.uuid: 1 for job in jobs}
    assert plant.states() == {"COMPLETED": 100}
    assert plant.launchpad.launches.count_documents({}) == 100
    assert {worker for _, worker in plant.events("start")} == set(names)


def test_job_of_a_killed_worker_is_found_and_done_once_more(plant):
    jobs = noted_jobs(plant, 30)
    plant.add(jobs)
    for name in ("victim", "survivor"):
        plant.log.with_name(f"{plant.log.name}.hold.{name}").touch()
    victim, survivor = plant.worker("victim"), plant.worker("survivor")
    wait_until(lambda: len(plant.events("held")) == 2, explain=plant.last_words)
    held = {worker: uuid for uuid, worker in plant.events("held")}
    lost = held["victim"]
    kill(victim)
    for path in plant.folder.glob("*.hold.victim"):
        path.unlink()

    number, alive = (plant.uuids({})[one] for one in (lost, held["survivor"]))
    silence(plant, number)
    silence(plant, alive)
    wait_until(lambda: not is_silent(plant, alive))  # in the middle of a job too, but it pings
    found = plant.lpad("detect_lostruns", "--time", LONG_AGO_S, "--rerun")
    assert lost_fireworks(found) == [number]

    for path in plant.folder.glob("*.hold.survivor"):
        path.unlink()
    assert survivor.wait(400.0) == 0, plant.last_words()
    assert plant.executions() == {job.uuid: 1 + (job.uuid == lost) for job in jobs}
    assert sorted(uuid for uuid, _ in plant.events("done")) == sorted(job.uuid for job in jobs)
    assert plant.states() == {"COMPLETED": len(jobs)}


def test_workers_take_only_their_categories(plant):
    jobs = {
        category: tagged(note_execution(str(plant.log), 0.0), f"a {category} job", category, "Cu")
        for category in ("aimd", "label", "train-gpu", "analyse")
    }
    plant.add(jobs.values())
    plant.run_workers("trainer", category="train-gpu")
    assert plant.events("start") == [(jobs["train-gpu"].uuid, "trainer")]
    assert plant.states() == {"COMPLETED": 1, "READY": 3}
    plant.run_workers("engine", category=["aimd", "label", "analyse"])
    assert dict(plant.events("start")) == {
        jobs["train-gpu"].uuid: "trainer",
        jobs["aimd"].uuid: "engine",
        jobs["label"].uuid: "engine",
        jobs["analyse"].uuid: "engine",
    }
    assert plant.states() == {"COMPLETED": 4}
