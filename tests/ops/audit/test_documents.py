"""The audit of documents: each invariant violated on purpose, and found with its fix."""

import pytest

from tm23flows.documents.label import Rejection
from tm23flows.ops.audit.invariants import audit
from tm23flows.ops.audit.ledger import KEPT


def violations(archive, only):
    return audit(archive, [only]).violations


def one_of(archive, collection):
    return archive.database[collection].find_one(sort=[("_id", 1)])


def change(archive, collection, change, key=None):
    key = key or one_of(archive, collection)["_id"]
    archive.database[collection].update_one({"_id": key}, change)
    return key


def test_i1_a_frame_that_was_moved_is_found(emt_copy):
    key = change(emt_copy, "frames", {"$set": {"positions.data": b"\0" * 144}})
    stored = emt_copy.database["frames"].find_one({"_id": key})
    n = stored["positions"]["shape"][0]
    change(emt_copy, "frames", {"$set": {"positions.data": b"\0" * n * 24}}, key)
    (one,) = violations(emt_copy, "I1")
    assert (one.where, one.id) == ("frames", key)
    assert "changed from outside" in one.what
    assert "backup" in one.fix


def test_i1_another_field_id(emt_copy):
    key = change(emt_copy, "labels", {"$set": {"id": "f" * 64}})
    assert [one.id for one in violations(emt_copy, "I1")] == [key]


def test_i1_a_label_under_the_id_of_another_one(emt_copy):
    stored = one_of(emt_copy, "labels")
    emt_copy.database["labels"].insert_one({**stored, "_id": "0" * 64, "id": "0" * 64})
    assert [one.id for one in violations(emt_copy, "I1")] == ["0" * 64]


@pytest.mark.parametrize(
    ("collection", "damage"),
    [
        ("labels", {"$unset": {"forces": 1}}),
        ("labels", {"$set": {"forces.data": b"123"}}),
        ("frames", {"$set": {"colour": "red"}}),
        ("trajectories", {"$set": {"segments": 3}}),
        ("datasets", {"$unset": {"parts": 1}}),
        ("structures", {"$unset": {"provenance": 1}}),
        ("structures", {"$unset": {"schema_version": 1}}),
    ],
    ids=str,
)
def test_i3_a_document_that_is_not_whole(emt_copy, collection, damage):
    key = change(emt_copy, collection, damage)
    found = audit(emt_copy)  # the other checks pass over what cannot be read
    (one,) = [v for v in found.violations if v.invariant == "I3"]
    assert (one.where, one.id) == (collection, key)
    assert "cannot be read" in one.what


def test_i3_a_newer_layout_says_what_to_install(emt_copy):
    change(emt_copy, "labels", {"$set": {"schema_version": 99}})
    (one,) = violations(emt_copy, "I3")
    assert one.fix == "a newer tm23flows wrote it: install that one"


def test_i3_an_older_layout_is_a_note_with_a_command(emt_copy):
    change(emt_copy, "frames", {"$set": {"schema_version": 1}, "$unset": {"tags": 1}})
    found = audit(emt_copy, ["I3"])
    assert found.ok
    assert "1 documents have an older layout" in found.findings["I3"].notes[0]
    assert "tm23 db upgrade" in found.findings["I3"].notes[0]


def test_i6_a_second_label_of_the_same_frame_and_recipe(emt_copy):
    stored = one_of(emt_copy, "labels")
    emt_copy.database["labels"].insert_one({**stored, "_id": "0" * 64, "id": "0" * 64})
    (one,) = violations(emt_copy, "I6")
    assert one.id == "0" * 64
    assert stored["frame_id"][:12] in one.what


def rejection(label, reason="no"):
    return Rejection(
        provenance=label.provenance, frame_id=label.frame_id, recipe=label.recipe, reason=reason
    )


def test_i9_accepted_and_rejected_at_once(emt_copy):
    label = next(iter(emt_copy.labels()))
    emt_copy.put(rejection(label))  # past record(), which would not let this happen
    (one,) = violations(emt_copy, "I9")
    assert (one.id, one.what) == (label.id, "it is accepted and rejected at once")
    assert "delete the rejection" in one.fix


@pytest.mark.parametrize("reason", ["", "  "])
def test_i9_a_rejection_without_a_reason(archive, make_frame, make_label, reason):
    archive.put(rejection(make_label(make_frame()), reason))
    (one,) = violations(archive, "I9")
    assert "without a reason" in one.what


@pytest.mark.parametrize(
    ("collection", "field"),
    [
        ("labels", "provenance.inputs.uri"),
        ("frames", "tags.source"),
        ("dataset_names", "comment"),
        ("raw_outputs", "path"),
    ],
)
def test_i10_a_secret_is_found_and_not_repeated(emt_copy, collection, field):
    emt_copy.database["raw_outputs"].insert_one({"_id": "1"})
    change(emt_copy, collection, {"$set": {field: "mongodb://user:S3CRET@host"}})
    (one,) = violations(emt_copy, "I10")
    assert (one.where, field in one.what) == (collection, True)
    assert "S3CRET" not in str(one)


def test_i10_the_password_of_the_database_by_itself(emt_copy, monkeypatch):
    change(emt_copy, "models", {"$set": {"x": 1}}, "none")
    change(emt_copy, "trajectories", {"$set": {"run_folder": "host:/data/S3CRET/launch"}})
    assert violations(emt_copy, "I10") == []
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://user:S3CRET@host")
    assert len(violations(emt_copy, "I10")) == 1


def test_more_violations_than_are_kept_are_counted(archive, make_frame):
    archive.put(*(make_frame(seed=seed, origin=None) for seed in range(KEPT + 20)))
    found = audit(archive, ["I7"])
    assert (found.findings["I7"].count, len(found.violations)) == (KEPT + 20, KEPT)


@pytest.mark.parametrize("field", ["energies.free", "magnitudes.max_force", "stress"])
def test_i1_numbers_of_a_label_that_were_changed(emt_copy, field):
    stored = one_of(emt_copy, "labels")
    value = None if field == "stress" else 77.0
    change(emt_copy, "labels", {"$set": {field: value}}, stored["_id"])
    (one,) = violations(emt_copy, "I1")
    assert (one.where, one.id) == ("labels", stored["_id"])
    assert "not what it says" in one.what


def test_i1_magnitudes_that_another_machine_added_up(emt_copy):
    stored = one_of(emt_copy, "labels")
    nearly = stored["magnitudes"]["max_force"] * (1 + 1e-14)
    change(emt_copy, "labels", {"$set": {"magnitudes.max_force": nearly}}, stored["_id"])
    assert violations(emt_copy, "I1") == []
    change(emt_copy, "labels", {"$unset": {"magnitudes": 1}}, stored["_id"])
    assert violations(emt_copy, "I1") == []
