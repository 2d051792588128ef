"""What each document comes from: every noun has its entry, and it is the right one."""

import pytest

from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.past.parents import BLOBS_OF, PARENTS, blobs_of, is_rootless, parents_of


def stored(archive, collection):
    return archive.database[collection].find_one()


def test_every_noun_says_where_it_comes_from():
    assert set(PARENTS) == set(COLLECTIONS)
    assert {name for parents in PARENTS.values() for name in parents} <= set(COLLECTIONS)
    assert set(BLOBS_OF) <= set(COLLECTIONS)


def test_parents_are_those_of_the_document(road):
    archive, evaluation = road
    assert parents_of("evaluations", stored(archive, "evaluations")) == {
        "models": [evaluation.model_id], "datasets": [evaluation.dataset_id],
    }  # fmt: skip
    dataset = archive.dataset("Cu-demo")
    assert parents_of("datasets", stored(archive, "datasets")) == {
        "labels": list(dataset.label_ids)
    }
    frame = stored(archive, "frames")
    assert parents_of("frames", frame) == {"trajectories": [frame["trajectory_id"]]}
    assert parents_of("structures", stored(archive, "structures")) == {}


def test_blobs_are_those_of_the_document(road):
    archive, evaluation = road
    assert blobs_of("evaluations", stored(archive, "evaluations")) == [evaluation.predictions]
    run = stored(archive, "trajectories")
    assert blobs_of("trajectories", run) == [one["blob"] for one in run["segments"]]
    assert blobs_of("labels", stored(archive, "labels")) == []


@pytest.mark.parametrize(
    ("collection", "fields", "expected"),
    [
        ("structures", {}, False),
        ("frames", {"trajectory_id": None}, True),
        ("frames", {"trajectory_id": None, "origin": "a file"}, False),
        ("frames", {"trajectory_id": "a" * 64}, False),
    ],
)
def test_only_a_document_without_parent_and_origin_comes_from_nowhere(collection, fields, expected):
    assert is_rootless(collection, fields) is expected
