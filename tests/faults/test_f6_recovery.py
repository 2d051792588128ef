"""F6.1 to F6.4 and I8: recoveries that die, that meet each other, and what they may not touch."""

import json
import os
import signal
import subprocess
import sys
import uuid

import pytest
from fault_jobs import note_execution
from jobflow import Flow
from plant import BIN, kill, silence, wait_until
from wrecks import MENDED, everything, make_wreck, states

from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.ops.recovery.record import Work
from tm23flows.ops.recovery.recover import recover
from tm23flows.store.outbox import pending
from tm23flows.testing.faults import Fault, command_with_faults
from tm23flows.testing.invariants import assert_all_invariants

pytestmark = [pytest.mark.fireworks, pytest.mark.timeout(900)]

PATIENCE_S = 400.0

KILLS = [
    ("before", "store.outbox:commit"),
    ("after", "store.outbox:commit"),
    ("after", "ops.recovery.put_back:unlock"),
    ("after", "ops.recovery.put_back:retire"),
    ("before", "ops.recovery.put_back:put_back"),
    ("after", "ops.recovery.put_back:put_back"),
    ("after", "ops.recovery.put_back:tell_workflow"),
    ("after", "store.claims:expire_lost"),
    ("after", "ops.rerun:rerun"),
]
"""Before and after the writes of each step, in their order: before one is after the last."""


@pytest.fixture
def wreck(archive, database, tmp_path, monkeypatch, make_frame):
    """A launchpad of its own with one thing for each step of a recovery."""
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    launchpad = open_launchpad(database.uri, f"f6-{uuid.uuid4().hex[:8]}")
    make_wreck(archive, launchpad, tmp_path, make_frame(1))
    yield launchpad
    launchpad.connection.drop_database(launchpad.name)


@pytest.mark.parametrize(
    ("when", "place"),
    KILLS,
    ids=[f"{when}-{place.rpartition(':')[2]}" for when, place in KILLS],
)
def test_f6_1_a_recovery_that_is_killed_is_finished_by_the_next(
    archive, wreck, tmp_path, monkeypatch, when, place
):
    # the claim that the next recovery makes first is no step of this one
    call = 2 if place.endswith("expire_lost") else 1
    fault = Fault(at=f"tm23flows.{place}", when=when, call=call)
    command, variables = command_with_faults([fault], "tm23", "recover")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    words = ("--launchpad", wreck.name, "--patience", "0", "--lost-after", "0")
    killed = subprocess.run(
        [*command, *words], capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert killed.returncode == -9, killed.stderr.decode()
    work = Work(archive, wreck, silent_s=0.0, sleep=lambda _seconds: None)
    assert recover(work).problems == []
    assert states(wreck) == MENDED
    assert pending(tmp_path / "outbox") == []
    assert wreck.workflows.count_documents({"locked": {"$exists": True}}) == 0
    assert archive.database["claims"].find_one({"_id": "lost"})["lost"] == 1
    once = everything(archive, wreck)
    assert recover(work).mended == []
    assert everything(archive, wreck) == once
    assert_all_invariants(archive, launchpad=wreck.name)


def run_recover(plant, *words):
    """Start `tm23 recover --json` as the operator."""
    return subprocess.Popen(
        [BIN / "tm23", "recover", "--json", *words],
        cwd=plant.folder / "operator",
        env=plant._environment("operator"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process):
    """Wait for a recovery; return its exit code and what it said."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out, err
    return process.returncode, json.loads(out)


def test_f6_2_two_recoveries_and_a_living_worker(plant):
    jobs = [note_execution(str(plant.log), 0.0) for _ in range(4)]
    plant.add(jobs)
    for name in ("victim", "survivor"):
        plant.log.with_name(f"{plant.log.name}.hold.{name}").touch()
    victim, survivor = plant.worker("victim"), plant.worker("survivor")
    wait_until(lambda: len(plant.events("held")) == 2, explain=plant.last_words)
    kill(victim)
    held = {worker: job for job, worker in plant.events("held")}
    numbers = plant.uuids({})
    lost, alive = numbers[held["victim"]], numbers[held["survivor"]]
    silence(plant, lost)
    # something to wait for, so that both are there at once
    taken = plant.launchpad._get_a_fw_to_run()
    (code, first), (other_code, second) = two_recoveries(plant)
    assert (code, other_code, first["other"]) == (0, 0, None)
    assert second["other"]
    assert second["mended"] == []
    mended = {one["subject"].partition(" ")[0] for one in first["mended"]}
    assert mended == {str(lost), str(taken.fw_id)}
    running = {one.fw_id for one in job_states(plant.launchpad) if one.state == "RUNNING"}
    assert running == {alive}
    for path in plant.folder.glob("*.hold.*"):
        path.unlink()
    assert survivor.wait(PATIENCE_S) == 0, plant.last_words()
    assert plant.states() == {"COMPLETED": len(jobs)}
    assert plant.executions() == {job.uuid: 1 + (job.uuid == held["victim"]) for job in jobs}


def two_recoveries(plant):
    """Let two meet: the first stands still until the other is over; return what they said."""
    both = [run_recover(plant, "--patience", "10") for _ in range(2)]
    claims, at_it = plant.archive().database["claims"], {"_id": "recovery", "state": "running"}
    wait_until(lambda: claims.find_one(at_it), explain=plant.last_words)
    first = claims.find_one(at_it)["pid"]
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: any(one.poll() is not None for one in both))
    os.kill(first, signal.SIGCONT)
    return [said(one) for one in sorted(both, key=lambda one: one.pid != first)]


HOLDER = """
import sys, time
from fireworks import LaunchPad
from fireworks.core.launchpad import WFLock

launchpad = LaunchPad(host=sys.argv[1], uri_mode=True, name="fireworks")
WFLock(launchpad, 1).__enter__()
sys.stdout.write("locked\\n")
sys.stdout.flush()
while True:
    launchpad.workflows.update_one({"nodes": 1}, {"$set": {"updated_on": time.time()}})
    time.sleep(0.05)
"""


def test_f6_3_only_the_lock_of_a_dead_holder_is_taken_away(plant):
    plant.add([note_execution(str(plant.log), 0.0)])
    command = [sys.executable, "-c", HOLDER, plant.uri]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        code, found = said(run_recover(plant, "--patience", "8"))
        assert (code, found["mended"]) == (0, [])
        assert plant.launchpad.workflows.count_documents({"locked": True}) == 1
    finally:
        kill(holder)
        holder.stdout.close()
    code, found = said(run_recover(plant, "--patience", "0.2"))
    assert (code, [one["step"] for one in found["mended"]]) == (0, ["locks"])
    plant.run_workers("late")
    assert plant.states() == {"COMPLETED": 1}


def test_f6_4_jobs_that_cannot_be_decoded_fail_and_the_queue_goes_on(plant):
    jobs = [note_execution(str(plant.log), 0.0) for _ in range(3)]
    plant.add([Flow([one]) for one in jobs])
    numbers = plant.uuids({})
    changes = {
        "spec._tasks.0._fw_name": "{{no.such.module.Task}}",
        "spec._tasks.0.job.function.@module": "no_such_module",
    }
    for one, (field, value) in zip(jobs, changes.items(), strict=False):
        query = {"fw_id": numbers[one.uuid]}
        stored = plant.launchpad.fireworks.find_one(query)
        place, *path = stored["spec"]["_tasks"], 0, *field.split(".")[3:]
        for name in path[:-1]:
            place = place[name]
        assert path[-1] in place
        place[path[-1]] = value
        plant.launchpad.fireworks.replace_one(query, stored)
    plant.run_workers("worker")
    assert plant.states() == {"FIZZLED": 2, "COMPLETED": 1}, plant.last_words()
    assert plant.executions() == {jobs[2].uuid: 1}
    code, found = said(run_recover(plant, "--patience", "0"))
    assert code == 1
    assert [one["step"] for one in found["mended"]] == ["decode", "decode"]
    assert all(one["problem"] for one in found["mended"])
    assert plant.states() == {"FIZZLED": 2, "COMPLETED": 1}
