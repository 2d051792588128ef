"""The audit of the launchpad: lost workers, labels that nobody accounts for, secrets."""

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tm23flows.ops.audit.jobs import LEASE, check_jobs
from tm23flows.ops.audit.ledger import Ledger


@pytest.fixture
def launchpad(archive):
    """FireWorks' database beside the archive, under a name of its own."""
    database = archive.database.client[f"launchpad-{uuid.uuid4().hex[:8]}"]
    yield database
    database.client.drop_database(database.name)


def violations(archive, launchpad, only):
    return check(archive, launchpad, only).violations


def check(archive, launchpad, only):
    ledger = Ledger([only])
    check_jobs(ledger, archive, launchpad.name)
    return ledger


def run(launchpad, age, fw_id=1, **launch):
    """A running job whose worker was heard of some time ago."""
    pinged = datetime.now(UTC).replace(tzinfo=None) - age
    launchpad["fireworks"].insert_one(
        {"fw_id": fw_id, "name": "a job", "state": "RUNNING", "launches": [fw_id]}
    )
    history = {"state": "RUNNING", "created_on": "2020-01-01T00:00:00",
               "updated_on": pinged.isoformat()}  # fmt: skip
    launchpad["launches"].insert_one(
        {
            "fw_id": fw_id,
            "launch_id": fw_id,
            "state": "RUNNING",
            "state_history": [history],
            **launch,
        }
    )


def test_i4_a_worker_that_was_heard_of_is_alive(archive, launchpad):
    run(launchpad, LEASE - timedelta(seconds=60))
    assert violations(archive, launchpad, "I4") == []
    assert check(archive, launchpad, "I4").findings["I4"].checked == 1


@pytest.mark.parametrize("age", [LEASE + timedelta(seconds=60), timedelta(days=3, seconds=5)])
def test_i4_a_worker_that_was_not_is_lost(archive, launchpad, age):
    run(launchpad, age)
    (one,) = violations(archive, launchpad, "I4")
    assert one.id == "1 (a job)"
    assert one.fix == "tm23 recover"


@pytest.mark.parametrize("state", ["RUNNING", "RESERVED"])
def test_i4_a_job_that_was_taken_and_never_started(archive, launchpad, state, monkeypatch):
    monkeypatch.setattr("tm23flows.ops.audit.jobs.LOOK_S", 0.0)
    launchpad["fireworks"].insert_one({"fw_id": 3, "name": "a job", "state": state})
    (one,) = violations(archive, launchpad, "I4")
    assert "no worker has it" in one.what


def test_i4_a_job_that_a_living_worker_has_just_taken(archive, launchpad, monkeypatch):
    launchpad["fireworks"].insert_one({"fw_id": 3, "name": "a job", "state": "RESERVED"})

    def worker_begins(_seconds):
        launchpad["fireworks"].update_one({}, {"$set": {"state": "RUNNING", "launches": [1]}})

    monkeypatch.setattr("tm23flows.ops.audit.jobs.time", SimpleNamespace(sleep=worker_begins))
    assert violations(archive, launchpad, "I4") == []


def test_i4_a_job_in_the_queue_of_a_cluster_may_wait(archive, launchpad):
    launchpad["fireworks"].insert_one(
        {"fw_id": 3, "name": "a job", "state": "RESERVED", "launches": [1]}
    )
    launchpad["launches"].insert_one({"fw_id": 3, "launch_id": 1, "state": "RESERVED"})
    assert violations(archive, launchpad, "I4") == []


def workflow(launchpad, states, **more):
    launchpad["workflows"].insert_one(
        {"nodes": [int(one) for one in states], "fw_states": states, "name": "a flow", **more}
    )


def test_i4_a_lock_whose_holder_does_nothing(archive, launchpad, monkeypatch):
    monkeypatch.setattr("tm23flows.ops.audit.jobs.LOOK_S", 0.0)
    launchpad["fireworks"].insert_one({"fw_id": 1, "name": "a job", "state": "READY"})
    workflow(launchpad, {"1": "READY"}, locked=True)
    (one,) = violations(archive, launchpad, "I4")
    assert (one.where, one.fix, "locked" in one.what) == ("workflows", "tm23 recover", True)


def test_i4_a_lock_of_a_worker_that_lives(archive, launchpad, monkeypatch):
    launchpad["fireworks"].insert_one({"fw_id": 1, "name": "a job", "state": "READY"})
    workflow(launchpad, {"1": "READY"}, locked=True)

    def worker_writes(_seconds):
        launchpad["workflows"].update_one({}, {"$unset": {"locked": True}})

    monkeypatch.setattr("tm23flows.ops.audit.jobs.time", SimpleNamespace(sleep=worker_writes))
    assert violations(archive, launchpad, "I4") == []


def test_i4_a_job_that_is_done_without_its_workflow(archive, launchpad, monkeypatch):
    monkeypatch.setattr("tm23flows.ops.audit.jobs.LOOK_S", 0.0)
    launchpad["fireworks"].insert_one({"fw_id": 1, "name": "a job", "state": "COMPLETED"})
    workflow(launchpad, {"1": "RUNNING"})
    (one,) = violations(archive, launchpad, "I4")
    assert "does not know" in one.what


def test_i4_what_recovery_is_for_is_noted(archive, launchpad):
    stacktraces = {1: "pymongo.errors.AutoReconnect: gone", 2: "x.FWSerializationError: no"}
    for number, text in stacktraces.items():
        launchpad["fireworks"].insert_one(
            {"fw_id": number, "name": "a job", "state": "FIZZLED",
             "spec": {"_exception_details": {"_stacktrace": text}}}
        )  # fmt: skip
    found = check(archive, launchpad, "I4")
    assert found.ok
    orphans, away, unread = found.findings["I4"].notes
    assert orphans.startswith("2 jobs belong to no workflow")
    assert away.startswith("1 jobs failed because the database")
    assert unread.startswith("1 failed jobs cannot be decoded")


def test_without_jobs_there_is_a_note(archive, launchpad):
    found = check(archive, launchpad, "I4")
    assert found.ok
    assert launchpad.name in found.findings["I4"].notes[0]


@pytest.mark.parametrize(
    ("place", "document"),
    [
        ("fireworks", {"spec": {"store": "mongodb://u:S3CRET@host"}}),
        ("launches", {"action": {"stored_data": {"_exception": {"x": ["mongodb://u:S3CRET@h"]}}}}),
    ],
)
def test_i10_a_secret_in_the_launchpad(archive, launchpad, place, document):
    launchpad["fireworks"].insert_one({"fw_id": 1, "name": "a job", "state": "READY"})
    launchpad[place].insert_one(document)
    (one,) = violations(archive, launchpad, "I10")
    assert one.where == f"{launchpad.name}.{place}"
    assert "S3CRET" not in str(one)
