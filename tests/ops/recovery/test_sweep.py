"""Only what is old and what nothing names is deleted; whoever wants it again keeps it."""

from datetime import timedelta

import pytest
from bson import ObjectId

from tm23flows.errors import DatabaseError
from tm23flows.ops.audit.invariants import audit
from tm23flows.ops.moments import server_now
from tm23flows.ops.recovery.record import CHANGED, Work
from tm23flows.ops.recovery.sweep import _delete, sweep_blobs, unnamed_blobs
from tm23flows.store.outbox import Recorder, keep


@pytest.fixture(autouse=True)
def _outbox(tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))


def age(archive, days=2, bucket="blobs", **wanted):
    """Make files look old."""
    then = server_now(archive.database) - timedelta(days=days)
    archive.database[bucket].files.update_many(wanted, {"$set": {"uploadDate": then}})


def swept(archive, **more):
    return [one.subject for one in sweep_blobs(Work(archive, None, sweep=True, **more))]


def test_old_blobs_that_nothing_names_are_deleted_once(road):
    archive, _ = road
    old = archive.blobs.put(b"old")
    age(archive)
    young = archive.blobs.put(b"young")
    before = archive.database["blobs"].files.count_documents({})
    assert swept(archive, dry_run=True) == [f"blobs {old}"]
    assert archive.blobs.has(old)
    assert swept(archive) == [f"blobs {old}"]
    assert swept(archive) == []
    assert not archive.blobs.has(old)
    assert archive.blobs.has(young)
    assert archive.database["blobs"].chunks.count_documents({"files_id": old}) == 0
    assert archive.database["blobs"].files.count_documents({}) == before - 1
    assert audit(archive, ["I2"]).ok


def test_a_blob_that_somebody_stores_again_is_young(archive):
    key = archive.blobs.put(b"wanted again")
    age(archive)
    (file,) = unnamed_blobs(archive)
    assert archive.blobs.put(b"wanted again") == key
    assert swept(archive) == []
    # also between the look and the delete
    assert _delete(archive, "blobs", file) == CHANGED
    assert archive.blobs.get(key) == b"wanted again"


def test_what_the_outbox_a_claim_or_a_training_names_is_kept(archive, tmp_path):
    keys = [archive.blobs.put(data) for data in (b"outbox", b"record", b"claim", b"training")]
    age(archive)
    recorder = Recorder()
    recorder.put(b"outbox")
    recorder.records.append({"do": "put", "document": {"blobs": [keys[1]]}})
    path = keep(tmp_path / "outbox", "task", archive.database.name, recorder.records)
    archive.database["claims"].insert_one({"_id": "a", "about": {"blob": keys[2]}})
    archive.database["trainings"].insert_one({"_id": "b", "progress": [f"at {keys[3]}"]})
    assert swept(archive) == []
    path.write_bytes(b"torn")
    with pytest.raises(DatabaseError, match="nothing is deleted"):
        swept(archive)


def test_a_document_that_cannot_be_read_stops_the_sweep(road):
    archive, _ = road
    archive.blobs.put(b"old")
    age(archive)
    archive.database["trajectories"].update_one({}, {"$unset": {"segments": 1}})
    with pytest.raises(DatabaseError, match="cannot be read"):
        swept(archive)
    assert archive.database["blobs"].files.count_documents({}) > 1


def test_checkpoints_of_trainings_that_are_done(archive):
    from gridfs import GridFS

    bucket = GridFS(archive.database, "checkpoints")
    for model in ("done", "stopped", "failed", "running", "unknown"):
        bucket.put(b"x", _id=f"{model}/1", model_id=model)
        if model != "unknown":
            archive.database["trainings"].insert_one({"_id": model, "state": model})
    assert swept(archive) == []
    age(archive, bucket="checkpoints")
    assert swept(archive) == ["checkpoints done/1", "checkpoints unknown/1"]


def test_pieces_of_files_that_were_never_finished(archive):
    now = server_now(archive.database)
    chunks = archive.database["blobs"].chunks
    for name, days in (("old", 2), ("young", 0)):
        piece = ObjectId.from_datetime(now - timedelta(days=days))
        chunks.insert_one({"_id": piece, "files_id": name, "n": 0, "data": b"x"})
    assert swept(archive) == ["blobs old"]
    assert [one["files_id"] for one in chunks.find()] == ["young"]
