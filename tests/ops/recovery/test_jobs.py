"""Every hole of FireWorks that a dead worker leaves is mended, and what lives is left alone."""

import pytest
from dying import Killed
from failing_jobs import job, run_all
from fireworks import FWAction, Workflow
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import WFLock

from tm23flows.ops.recovery.jobs import mend_launchpad
from tm23flows.ops.recovery.record import Work
from tm23flows.store import claims


def mended(work):
    done = list(mend_launchpad(work))
    assert all(one.problem is None for one in done), done
    return [(one.step, one.done) for one in done]


def add_chain(launchpad):
    first = job("first")
    launchpad.add_wf(Workflow([first, job("second", parents=[first])]))


def all_done(launchpad, tmp_path, states):
    """Whether a worker finishes everything that is there."""
    run_all(launchpad, tmp_path)
    return set(states().values()) <= {"COMPLETED", "ARCHIVED"}


def test_killed_between_the_claim_and_the_launch(launchpad, work, states, tmp_path):
    add_chain(launchpad)
    launchpad._get_a_fw_to_run()
    assert states()["first"] == "RESERVED"
    # FireWorks itself does not see it (D6)
    assert launchpad.detect_unreserved(0) == []
    assert launchpad.detect_lostruns(0) == ([], [], [])
    assert mended(work) == [("jobs", "put back")]
    assert mended(work) == []
    assert all_done(launchpad, tmp_path, states)


def test_killed_between_the_launch_and_the_job(launchpad, work, states, begin, dies, tmp_path):
    add_chain(launchpad)
    patch = dies(launchpad, "_upsert_fws")
    with pytest.raises(Killed):
        begin()
    patch.undo()
    assert launchpad.launches.count_documents({"state": "RUNNING"}) == 1
    assert mended(work) == [("jobs", "put back")]
    assert launchpad.launches.count_documents({"state": "RUNNING"}) == 0
    assert all_done(launchpad, tmp_path, states)


def test_killed_while_the_workflow_is_locked(launchpad, work, states, begin, tmp_path):
    add_chain(launchpad)
    WFLock(launchpad, 1).__enter__()
    assert mended(work) == [("locks", "unlocked")]
    assert mended(work) == []
    assert all_done(launchpad, tmp_path, states)


def test_killed_in_the_job(launchpad, work, states, begin, tmp_path):
    add_chain(launchpad)
    _, launch = begin()
    assert states()["first"] == "RUNNING"
    assert mended(work) == [("jobs", "put back")]
    assert states()["first"] == "READY"
    # the worker was not dead after all, and comes back: it changes nothing
    launchpad.complete_launch(launch, FWAction())
    assert states()["first"] == "READY"
    assert mended(work) == []
    assert all_done(launchpad, tmp_path, states)


def test_killed_between_the_end_of_a_job_and_its_workflow(
    launchpad, work, states, begin, dies, tmp_path
):
    add_chain(launchpad)
    _, launch = begin()
    patch = dies(launchpad, "_refresh_wf")
    with pytest.raises(Killed):
        launchpad.complete_launch(launch, FWAction())
    patch.undo()
    assert states() == {"first": "RUNNING", "second": "WAITING"}
    assert mended(work) == [("jobs", "told to its workflow")]
    assert states() == {"first": "COMPLETED", "second": "READY"}
    assert mended(work) == []


@pytest.mark.parametrize("where", ["_upsert_fws", "workflows"])
def test_killed_while_a_job_adds_jobs(launchpad, work, states, begin, dies, tmp_path, where):
    """What a job adds is neither lost nor there twice, and what the dead began is put away."""
    add_chain(launchpad)
    _, launch = begin()
    if where == "workflows":  # all jobs are written, and their workflow is not
        patch = dies(launchpad.workflows, "find_one_and_replace")
    else:  # the first of them is written
        patch = dies(launchpad.fireworks, "find_one_and_replace")
        one_job = launchpad.fireworks.insert_one
        one_job({**job("added").to_db_dict(), "fw_id": launchpad.get_new_fw_id(), "state": "READY"})
    with pytest.raises(Killed):
        launchpad.complete_launch(launch, FWAction(detours=[Workflow([job("added")])]))
    patch.undo()
    launchpad.workflows.update_one({}, {"$set": {"locked": True}})  # nobody killed unlocks
    done = mended(work)
    assert ("locks", "unlocked") in done
    assert ("jobs", "archived") in [(step, what.partition(",")[0]) for step, what in done]
    assert ("jobs", "told to its workflow") in done
    assert mended(work) == []
    found = sorted(
        (one["name"], one["state"]) for one in launchpad.fireworks.find({}, {"name": 1, "state": 1})
    )
    assert found == [
        ("added", "ARCHIVED"), ("added", "READY"), ("first", "COMPLETED"), ("second", "WAITING")
    ]  # fmt: skip
    assert all_done(launchpad, tmp_path, states)


def test_a_living_worker_is_left_alone(archive, launchpad, begin, states):
    add_chain(launchpad)
    begin()
    assert list(mend_launchpad(Work(archive, launchpad, silent_s=60.0))) == []
    assert states()["first"] == "RUNNING"


@pytest.mark.parametrize("alive", [True, False])
def test_the_claim_of_a_job_decides_whatever_its_worker_says(
    archive, launchpad, begin, states, tmp_path, alive
):
    launchpad.add_wf(Workflow([job("first")]))
    launchpad.fireworks.update_one({}, {"$set": {"spec._tasks.0.job": {"uuid": "u"}}})
    begin()
    claims.acquire(archive, "task", {"job": "u"}, 900.0)
    if not alive:  # this process is no more, as far as the claim knows
        archive.database["claims"].update_one({}, {"$set": {"process_start": "0.00"}})
    silent_s = 0.0 if alive else 900.0
    done = list(mend_launchpad(Work(archive, launchpad, silent_s=silent_s)))
    assert states()["first"] == ("RUNNING" if alive else "READY")
    assert [one.what for one in done] == (
        [] if alive else ["the worker that had claimed its task is lost"]
    )


def test_what_changes_between_two_looks_is_left_alone(archive, launchpad, states, begin):
    add_chain(launchpad)
    launchpad.add_wf(Workflow([job("third")]))
    taken = launchpad._get_a_fw_to_run()
    other = launchpad.fireworks.find_one({"name": "second" if taken.name == "third" else "third"})
    lock = WFLock(launchpad, other["fw_id"])
    lock.__enter__()

    def both_live(_seconds):
        launchpad.checkout_fw(FWorker(), "/nowhere", fw_id=taken.fw_id)
        lock.__exit__(None, None, None)

    work = Work(archive, launchpad, sleep=both_live)
    assert list(mend_launchpad(work)) == []
    assert states()[taken.name] == "RUNNING"


def test_a_lock_is_idle_although_workers_take_jobs(archive, launchpad, begin):
    """Jobs are taken without the lock, so that says nothing about who holds it."""
    launchpad.add_wf(Workflow([job("first"), job("second")]))
    WFLock(launchpad, 1).__enter__()
    work = Work(archive, launchpad, sleep=lambda _: launchpad._get_a_fw_to_run())
    assert [(one.step, one.done) for one in mend_launchpad(work)] == [("locks", "unlocked")]


def test_a_workflow_that_stays_locked_is_a_problem_and_not_waited_for(
    archive, launchpad, begin, states
):
    add_chain(launchpad)
    begin()
    lock = WFLock(launchpad, 1)
    lock.__enter__()

    def holder_writes(_seconds):
        launchpad.workflows.update_one({}, {"$set": {"updated_on": "2040-01-01T00:00:00"}})

    (one,) = mend_launchpad(Work(archive, launchpad, silent_s=0.0, sleep=holder_writes))
    assert "locked" in one.problem
    assert states()["first"] == "RUNNING"


def test_a_dry_run_changes_nothing_and_does_not_wait(archive, launchpad, begin):
    add_chain(launchpad)
    begin()
    launchpad.add_wf(Workflow([job("third")]))
    launchpad._get_a_fw_to_run()
    WFLock(launchpad, 3).__enter__()
    before = contents(launchpad)

    def never(_seconds):
        raise AssertionError

    work = Work(archive, launchpad, dry_run=True, silent_s=0.0, sleep=never)
    assert len(list(mend_launchpad(work))) == 3
    assert contents(launchpad) == before


def contents(launchpad):
    return {
        name: list(launchpad.db[name].find().sort("_id", 1))
        for name in ("fireworks", "launches", "workflows")
    }


def test_a_job_that_cannot_be_read_fails_with_the_reason(archive, launchpad, begin, states):
    launchpad.add_wf(Workflow([job("renamed")]))
    launchpad.add_wf(Workflow([job("whole")]))
    begin()
    begin()
    gone = {"$set": {"spec._tasks.0._fw_name": "{{no.such.module.Task}}"}}
    launchpad.fireworks.update_one({"name": "renamed"}, gone)
    done = list(mend_launchpad(Work(archive, launchpad, silent_s=0.0)))
    assert sorted(one.problem is None for one in done) == [False, True]
    assert states() == {"renamed": "FIZZLED", "whole": "READY"}
    assert launchpad.workflows.count_documents({"locked": {"$exists": True}}) == 0
