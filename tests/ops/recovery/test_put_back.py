"""Writes look again under the lock: what is not as it was found is left alone."""

import pytest
from failing_jobs import job
from fireworks import FWAction, Workflow
from fireworks.core.launchpad import WFLock

from tm23flows.ops.recovery.put_back import put_back, retire, tell_workflow, unlock
from tm23flows.ops.recovery.record import CHANGED
from tm23flows.ops.recovery.suspects import find_suspects


@pytest.fixture
def running(launchpad, begin):
    """A job that runs; returns its launch."""
    launchpad.add_wf(Workflow([job("first")]))
    return begin()[1]


def test_a_job_that_ended_meanwhile_is_not_put_back(launchpad, running, states):
    launchpad.complete_launch(running, FWAction())
    assert put_back(launchpad, 1, "RUNNING", (running,)) == CHANGED
    assert states() == {"first": "COMPLETED"}


def test_a_job_that_ended_and_did_not_tell_yet_is_not_put_back(launchpad, running, states):
    ended = {"$set": {"state": "COMPLETED"}}
    launchpad.launches.update_one({"launch_id": running}, ended)
    assert put_back(launchpad, 1, "RUNNING", (running,)) == CHANGED
    assert states() == {"first": "RUNNING"}


def test_a_job_that_runs_anew_is_not_put_back(launchpad, running, begin, states):
    assert put_back(launchpad, 1, "RUNNING", (running,)) is None
    begin()
    assert put_back(launchpad, 1, "RUNNING", (running,)) == CHANGED
    assert states() == {"first": "RUNNING"}


def test_a_job_that_ends_at_the_last_moment_keeps_its_end(launchpad, running, states):
    """The worker writes the end of its launch between two of our own looks at it."""
    look = launchpad.get_launch_by_id

    def worker_is_quicker(number):
        ended = {"$set": {"state": "COMPLETED"}}
        launchpad.launches.update_one({"launch_id": running}, ended)
        return look(number)

    launchpad.get_launch_by_id = worker_is_quicker
    assert put_back(launchpad, 1, "RUNNING", (running,)) == CHANGED
    assert launchpad.launches.find_one({"launch_id": running})["state"] == "COMPLETED"


def test_a_job_that_was_marked_failed_while_its_launch_ran(launchpad, running, states):
    """FireWorks does so where a worker loses the database while it tells its workflow."""
    launchpad.fireworks.update_one({}, {"$set": {"state": "FIZZLED"}})
    assert put_back(launchpad, 1, "FIZZLED", (running,)) is None
    assert states() == {"first": "READY"}


def test_a_reservation_is_no_failed_attempt(launchpad, begin, states):
    launchpad.add_wf(Workflow([job("first")]))
    _, launch = begin(state="RESERVED")
    assert put_back(launchpad, 1, "RESERVED", (launch,)) is None
    assert launchpad.launches.find_one({"launch_id": launch})["state"] == "READY"
    assert states() == {"first": "READY"}


def test_a_workflow_that_knows_is_not_told_again(launchpad, running, states):
    launchpad.complete_launch(running, FWAction())
    before = launchpad.workflows.find_one()
    assert tell_workflow(launchpad, 1, "COMPLETED", (running,)) == CHANGED
    assert launchpad.workflows.find_one() == before


def test_a_lock_that_was_given_back_or_used_stays(launchpad, running):
    held = WFLock(launchpad, 1)
    held.__enter__()
    (lock,) = find_suspects(launchpad.db).locks
    launchpad.workflows.update_one({}, {"$set": {"updated_on": "2040-01-01"}})
    assert unlock(launchpad, lock) == CHANGED
    (lock,) = find_suspects(launchpad.db).locks
    assert unlock(launchpad, lock) is None
    assert unlock(launchpad, lock) == CHANGED


def test_only_a_job_of_no_workflow_is_put_away(launchpad, running, states):
    assert retire(launchpad, 1, "RUNNING") == CHANGED
    launchpad.workflows.delete_many({})
    assert "no workflow" in put_back(launchpad, 1, "RUNNING", (running,))
    assert retire(launchpad, 1, "READY") == CHANGED
    assert retire(launchpad, 1, "RUNNING") is None
    assert states() == {"first": "ARCHIVED"}
