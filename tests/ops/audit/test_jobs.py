"""The audit of the launchpad: lost workers, labels that nobody accounts for, secrets."""

import uuid
from datetime import UTC, datetime, timedelta

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
    launchpad["fireworks"].insert_one({"fw_id": fw_id, "name": "a job", "state": "RUNNING"})
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
    assert one.fix == f"lpad detect_lostruns --time {int(LEASE.total_seconds())} --rerun"


@pytest.mark.parametrize("state", ["RUNNING", "RESERVED"])
def test_i4_a_job_that_was_taken_and_never_started(archive, launchpad, state):
    launchpad["fireworks"].insert_one({"fw_id": 3, "name": "a job", "state": state})
    (one,) = violations(archive, launchpad, "I4")
    assert "no worker has it" in one.what


def test_i4_a_job_in_the_queue_of_a_cluster_may_wait(archive, launchpad):
    launchpad["fireworks"].insert_one({"fw_id": 3, "name": "a job", "state": "RESERVED"})
    launchpad["launches"].insert_one({"fw_id": 3, "launch_id": 1, "state": "RESERVED"})
    assert violations(archive, launchpad, "I4") == []


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
