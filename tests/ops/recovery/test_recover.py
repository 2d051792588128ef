"""Everything at once; twice is once (I8)."""

import pytest
from failing_jobs import job, run_all
from fireworks import FWAction, Workflow
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import WFLock

from tm23flows.ops.recovery.one_at_a_time import TASK, one_recovery
from tm23flows.ops.recovery.record import Work
from tm23flows.ops.recovery.recover import recover
from tm23flows.store import claims
from tm23flows.store.outbox import Recorder, keep, pending


@pytest.fixture
def wreck(archive, launchpad, tmp_path, make_frame, monkeypatch):
    """What is left when everything dies at once."""
    recorder = Recorder()
    recorder.put(make_frame(1))
    keep(tmp_path / "outbox", "task", archive.database.name, recorder.records)
    claims.acquire(archive, "lost", {"kind": "labels"}, 900.0)
    archive.database["claims"].update_one({"_id": "lost"}, {"$set": {"process_start": "0.00"}})
    for name in ("failed", "other"):
        kind = "pymongo.errors.AutoReconnect" if name == "failed" else "ValueError"
        launchpad.add_wf(Workflow([job(name, kind, "gone")]))
    run_all(launchpad, tmp_path)
    for name in ("reserved", "running", "locked", "told"):
        launchpad.add_wf(Workflow([job(name)]))
    number = {one["name"]: one["fw_id"] for one in launchpad.fireworks.find()}
    launchpad._get_a_fw_to_run(fw_id=number["reserved"])
    launchpad.checkout_fw(FWorker(), str(tmp_path), fw_id=number["running"])
    _, launch = launchpad.checkout_fw(FWorker(), str(tmp_path), fw_id=number["told"])
    with monkeypatch.context() as patch:
        patch.setattr(launchpad, "_refresh_wf", lambda _: None)
        launchpad.complete_launch(launch, FWAction())
    WFLock(launchpad, number["locked"]).__enter__()
    return launchpad


def everything(archive, launchpad):
    """Read the whole content of both databases, but the claim by which a recovery is alone."""
    found = {}
    for database in (archive.database, launchpad.db):
        for name in sorted(database.list_collection_names()):
            stored = database[name].find({"_id": {"$ne": TASK}}).sort("_id", 1)
            found[database.name, name] = list(stored)
    return found


def test_everything_is_mended_and_twice_is_once(archive, wreck, work, states, tmp_path):
    done = recover(work)
    assert done.problems == []
    assert [one.step for one in done.mended] == [
        "outbox", "locks", "jobs", "jobs", "jobs", "claims", "failures"
    ]  # fmt: skip
    assert "1 jobs failed of something else" in done.notes[0]
    assert states() == {
        "failed": "READY", "other": "FIZZLED", "reserved": "READY", "running": "READY",
        "locked": "READY", "told": "COMPLETED",
    }  # fmt: skip
    assert pending(tmp_path / "outbox") == []
    once = everything(archive, wreck)
    again = recover(work)
    assert (again.mended, again.notes) == ([], done.notes)
    assert everything(archive, wreck) == once


def test_a_dry_run_finds_the_same_and_changes_nothing(archive, wreck, work):
    before = everything(archive, wreck)
    found = recover(Work(archive, wreck, dry_run=True, silent_s=0.0))
    assert len(found.mended) == 7
    assert everything(archive, wreck) == before
    assert archive.database["claims"].find_one({"_id": TASK}) is None


def test_a_second_recovery_leaves_it_to_the_first(archive, wreck, work):
    before = everything(archive, wreck)
    with one_recovery(archive):
        done = recover(work)
    assert done.other
    assert done.mended == []
    assert everything(archive, wreck) == before


def test_without_a_launchpad_the_archive_is_mended(archive, wreck):
    done = recover(Work(archive, None))
    assert [one.step for one in done.mended] == ["outbox", "claims"]
