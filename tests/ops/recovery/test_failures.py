"""Jobs that lost the database run again, a few times; what cannot be decoded is named."""

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow

from tm23flows.ops.failures import list_failures
from tm23flows.ops.recovery.failures import MOST, run_failures_again, times_away

DATABASE = "pymongo.errors.AutoReconnect"


@pytest.mark.parametrize("kind", [DATABASE, "tm23flows.errors.ResultsKeptError"])
def test_a_job_that_lost_the_database_runs_again(launchpad, work, states, tmp_path, kind):
    launchpad.add_wf(Workflow([job("away", kind, "gone")]))
    launchpad.add_wf(Workflow([job("no bands", "tm23flows.errors.PhysicsError", "no bands")]))
    run_all(launchpad, tmp_path)
    (one,) = run_failures_again(work)
    assert (one.step, one.problem) == ("failures", None)
    assert states() == {"away": "READY", "no bands": "FIZZLED"}
    assert list(run_failures_again(work)) == []


def test_but_not_for_ever(launchpad, work, states, tmp_path):
    launchpad.add_wf(Workflow([job("away", DATABASE, "gone")]))
    for _ in range(MOST):
        run_all(launchpad, tmp_path)
        (one,) = run_failures_again(work)
    assert f"{MOST} times" in one.problem
    assert "tm23 rerun" in one.problem
    assert states() == {"away": "FIZZLED"}
    assert times_away(launchpad.db, 1) == MOST


def test_a_job_that_no_worker_can_read_is_named_and_the_queue_goes_on(
    launchpad, work, states, tmp_path
):
    launchpad.add_wf(Workflow([job("renamed")]))
    launchpad.add_wf(Workflow([job("whole")]))
    gone = {"$set": {"spec._tasks.0._fw_name": "{{no.such.module.Task}}"}}
    launchpad.fireworks.update_one({"name": "renamed"}, gone)
    run_all(launchpad, tmp_path)
    assert states() == {"renamed": "FIZZLED", "whole": "COMPLETED"}
    assert [one.error_class for one in list_failures(launchpad.db)] == ["decode"]
    (one,) = run_failures_again(work)
    assert (one.step, "No module named" in one.what) == ("decode", True)
    assert "tm23 rerun" in one.problem
    assert states()["renamed"] == "FIZZLED"
