"""The audit of blobs: missing, damaged and foreign arrays are found."""

from datetime import datetime, timedelta

import pytest
from audit_kit import replace_segment, trajectory_of, violations

from tm23flows.ops.audit.invariants import audit


@pytest.mark.parametrize("owner", ["trajectories", "models", "evaluations"])
def test_i2_a_blob_that_is_gone(road, owner):
    archive, _ = road
    stored = archive.database[owner].find_one()
    blob = {
        "trajectories": lambda: stored["segments"][0]["blob"],
        "models": lambda: stored["files"][0]["blob"],
        "evaluations": lambda: stored["predictions"],
    }[owner]()
    archive.database["blobs"].files.delete_one({"_id": blob})
    (one,) = violations(archive, "I2")
    assert (one.where, one.id, blob in one.what) == (owner, stored["_id"], True)
    assert "backup" in one.fix


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_i2_a_blob_that_is_damaged(emt_copy, damage):
    blob = trajectory_of(emt_copy).segments[0].blob
    chunks = emt_copy.database["blobs"].chunks
    chunk = chunks.find_one({"files_id": blob})
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    changed = bytes(data) if damage == "flip" else bytes(data[:100])
    chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": changed}})
    (one,) = violations(emt_copy, "I2")
    assert "damaged" in one.what
    # The run cannot be followed either, which is said and is no second violation.
    found = audit(emt_copy, ["I5"])
    assert found.ok
    assert "could not be followed" in found.findings["I5"].notes[0]


def test_i2_a_blob_that_holds_no_arrays(road):
    archive, evaluation = road
    blob = archive.blobs.put(b"nonsense")
    archive.database["evaluations"].update_one(
        {"_id": evaluation.id}, {"$set": {"predictions": blob}}
    )
    (one,) = violations(archive, "I2")
    assert "holds no arrays" in one.what


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("forces", lambda a: a[:, :-1], "forces has shape"),
        ("forces", lambda a: a[:-1], "forces has shape"),
        ("stress", lambda a: a[:, :3], "stress has shape"),
        ("positions", lambda a: a.astype(int), "positions is int64"),
        ("converged", lambda a: a.astype(float), "converged is float64"),
    ],
)
def test_i2_arrays_of_another_shape_or_type(emt_copy, name, change, words):
    trajectory = trajectory_of(emt_copy)
    arrays = emt_copy.blobs.get_arrays(trajectory.segments[0].blob)
    replace_segment(emt_copy, trajectory, 0, **{name: change(arrays[name])})
    assert any(words in one.what for one in violations(emt_copy, "I2"))


def test_i2_blobs_without_a_document_are_counted_not_blamed(emt_copy):
    new, old = emt_copy.blobs.put(b"new"), emt_copy.blobs.put(b"old")
    files = emt_copy.database["blobs"].files
    long_ago = datetime.now() - timedelta(days=40)  # noqa: DTZ005 - as the driver returns it
    files.update_one({"_id": old}, {"$set": {"uploadDate": long_ago}})
    emt_copy.database["blobs"].chunks.insert_one({"files_id": "f" * 64, "n": 0, "data": b"x"})
    found = audit(emt_copy, ["I2"])
    assert found.ok
    first, second = found.findings["I2"].notes
    assert first.startswith("2 blobs that no document names, 1 of them older")
    assert second.startswith("1 blobs that were begun")
    assert new != old


def test_i2_checkpoints_that_no_training_goes_on_from_are_counted(archive):
    from gridfs import GridFS

    bucket = GridFS(archive.database, "checkpoints")
    for model in ("done", "stopped"):
        bucket.put(b"x", model_id=model)
        archive.database["trainings"].insert_one({"_id": model, "state": model})
    (note,) = audit(archive, ["I2"]).findings["I2"].notes
    assert note.startswith("1 checkpoints that no training")
