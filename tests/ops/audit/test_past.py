"""The audit of pasts: a gap anywhere on the way is found, with what is missing."""

import pytest

from tm23flows.ops.audit.invariants import audit


def violations(archive, only):
    return audit(archive, [only]).violations


def one_of(archive, collection):
    return archive.database[collection].find_one(sort=[("_id", 1)])


def change(archive, collection, change, key=None):
    key = key or one_of(archive, collection)["_id"]
    archive.database[collection].update_one({"_id": key}, change)
    return key


@pytest.mark.parametrize(
    "gone", ["structures", "trajectories", "frames", "labels", "datasets", "models"]
)
def test_i7_a_parent_that_is_gone(road, gone):
    archive, evaluation = road
    victim = one_of(archive, gone)["_id"]
    if gone == "labels":
        victim = archive.dataset(evaluation.dataset_id).label_ids[3]
    archive.database[gone].delete_one({"_id": victim})
    found = violations(archive, "I7")
    assert found
    assert all(victim in one.what for one in found if one.where != "dataset_names")
    assert all(victim[:12] in one.fix for one in found)


def test_i7_a_frame_from_nowhere(archive, make_frame):
    frame = make_frame(origin=None)
    archive.put(frame, make_frame(seed=1))
    (one,) = violations(archive, "I7")
    assert (one.id, "comes from no run" in one.what) == (frame.id, True)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"$set": {"provenance.inputs": {"kpts": [9, 9, 9]}}}, "checksum"),
        ({"$unset": {"provenance.software.tm23flows": 1}}, "no version"),
    ],
)
def test_i7_a_past_that_does_not_close(emt_copy, damage, words):
    key = change(emt_copy, "labels", damage)
    (one,) = violations(emt_copy, "I7")
    assert one.id == key
    assert words in one.what


def test_i7_a_name_that_points_nowhere(emt_copy):
    emt_copy.database["datasets"].delete_many({})
    (one,) = violations(emt_copy, "I7")
    assert "Cu-demo@1" in one.what
