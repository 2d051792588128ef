"""Where each noun lives, and which indexes it has there."""

import pymongo
import pytest
from pymongo.errors import OperationFailure

from tm23flows.documents.base import Document
from tm23flows.documents.label import Rejection
from tm23flows.errors import DatabaseError
from tm23flows.store.archive import Archive
from tm23flows.store.collections import (
    CLAIMS,
    COLLECTIONS,
    DATASET_NAMES,
    INDEXES,
    by,
    collection_of,
    differing_indexes,
    ensure_indexes,
    indexes_of,
    missing_indexes,
    walking_hint,
)


def leaves(kind):
    """The classes below one that nothing inherits from: the nouns."""
    below = kind.__subclasses__()
    return {leaf for one in below for leaf in leaves(one)} if below else {kind}


def test_every_noun_has_one_collection(make_frame):
    assert collection_of(make_frame()) == "frames"
    assert collection_of(Rejection) == "rejections"
    assert {collection_of(noun) for noun in COLLECTIONS.values()} == set(COLLECTIONS)
    assert set(COLLECTIONS.values()) == leaves(Document)


def test_ids_and_dataset_versions_are_unique_in_the_database(archive):
    archive.database["frames"].insert_one({"_id": 1, "id": "same"})
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        archive.database["frames"].insert_one({"_id": 2, "id": "same"})
    pointer = {"name": "x", "version": 1}
    archive.database[DATASET_NAMES].insert_one({**pointer, "dataset_id": "a"})
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        archive.database[DATASET_NAMES].insert_one({**pointer, "dataset_id": "b"})


def test_making_indexes_again_changes_nothing(archive):
    before = {name: archive.database[name].index_information() for name in COLLECTIONS}
    ensure_indexes(archive.database)
    after = {name: archive.database[name].index_information() for name in COLLECTIONS}
    assert after == before
    assert any("frame_id" in name for name in after["labels"])


@pytest.fixture
def commands():
    class Names(pymongo.monitoring.CommandListener):
        def __init__(self):
            self.seen = []

        def started(self, event):
            self.seen.append(event.command_name)

        def succeeded(self, event):
            pass

        def failed(self, event):
            pass

    return Names()


def test_opening_an_archive_that_has_its_indexes_makes_none(archive, commands):
    client = pymongo.MongoClient(archive._uri, event_listeners=[commands])
    ensure_indexes(client[archive.database.name])
    assert set(commands.seen) == {"listIndexes"}
    assert len(commands.seen) == len(COLLECTIONS) + 2
    client.close()


def test_all_indexes_are_there_after_opening_under_the_names_that_hints_use(archive):
    assert missing_indexes(archive.database) == differing_indexes(archive.database) == {}
    for collection in (*COLLECTIONS, DATASET_NAMES, CLAIMS):
        there = archive.database[collection].index_information()
        assert {one.name for one in indexes_of(collection)} <= set(there)
        for one in indexes_of(collection):
            assert there[one.name]["key"] == [(field, 1) for field in one.fields]


def test_an_index_that_was_dropped_is_seen_and_made_again(archive):
    archive.database["labels"].drop_index("frame_id_1")
    assert missing_indexes(archive.database) == {"labels": [by("frame_id")]}
    Archive.open()
    assert missing_indexes(archive.database) == {}


def test_an_index_with_other_options_is_seen_and_left_alone(archive):
    frames = archive.database["frames"]
    frames.drop_index("tags.event_1")
    frames.create_index("tags.event")
    assert differing_indexes(archive.database) == {"frames": [by("tags.event", sparse=True)]}
    Archive.open()
    assert "sparse" not in frames.index_information()["tags.event_1"]


def test_indexes_that_cannot_be_made_are_one_clear_sentence(archive, monkeypatch):
    def refuse(self, models):
        del self, models
        raise OperationFailure("not authorized", 13, {"errmsg": "not authorized on test"})

    archive.database["models"].drop_index("dataset_id_1")
    monkeypatch.setattr("pymongo.collection.Collection.create_indexes", refuse)
    with pytest.raises(
        DatabaseError, match=r"models lacks indexes .*not authorized on test.*doctor"
    ):
        Archive.open()


def test_no_index_is_the_beginning_of_another():
    """Such an index would answer nothing that the longer one does not."""
    for collection, indexes in INDEXES.items():
        fields = [one.fields for one in indexes if not one.sparse]
        for one in fields:
            longer = [x for x in fields if x != one and x[: len(one)] == one]
            assert not longer, f"{collection}: {one} is in {longer}"


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ({}, "_id_"),
        ({"element": "Cu", "step": 5}, None),
        ({"_id": "x"}, None),
        ({"$and": [{"step": 1}, {"$and": [{"regime": "melt"}]}]}, None),
        ({"step": {"$gte": 5}}, "trajectory_id_1_step_1__id_1"),
        ({"$and": [{"step": 1}, {"step": 2}]}, "trajectory_id_1_step_1__id_1"),
        ({"$nor": [{"element": "Cu"}]}, "trajectory_id_1_step_1__id_1"),
    ],
    ids=str,
)
def test_a_count_walks_an_index(archive, wanted, hint):
    assert walking_hint("labels", wanted) == hint
    assert hint is None or hint in {*archive.database["labels"].index_information(), "_id_"}
