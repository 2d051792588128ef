"""The audit of claims and of the outbox."""

from tm23flows.ops.audit.invariants import audit
from tm23flows.store import claims
from tm23flows.store.outbox import Recorder, keep

ABOUT = {"kind": "labels", "element": "Cu"}


def test_i4_a_task_whose_worker_is_lost(archive):
    claims.acquire(archive, "task", ABOUT, 900.0)
    assert audit(archive, ["I4"]).ok
    dead = {"$set": {"process_start": "0.00"}}
    archive.database["claims"].update_one({"_id": "task"}, dead)
    found = audit(archive, ["I4"])
    (one,) = found.violations
    assert (one.where, one.id, one.fix) == ("claims", "Cu labels task", "tm23 recover")
    assert found.findings["I4"].checked >= 1
    claims.expire_lost(archive)
    assert audit(archive, ["I4"]).ok


def test_i9_results_that_wait_in_files_are_noted(archive, tmp_path, monkeypatch, make_frame):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path))
    recorder = Recorder()
    recorder.put(make_frame(1))
    for name in (archive.database.name, "other"):
        keep(tmp_path, "task", name, recorder.records)
    found = audit(archive, ["I9"])
    assert found.ok
    assert [one for one in found.findings["I9"].notes if "wait in" in one] == [
        f"1 files with results wait in {tmp_path}: 'tm23 recover'"
    ]
