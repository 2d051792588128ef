"""Where each noun lives."""

import pymongo
import pytest

from tm23flows.documents.base import Document
from tm23flows.documents.label import Rejection
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES, collection_of, ensure_indexes


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
    before = {name: set(archive.database[name].index_information()) for name in COLLECTIONS}
    ensure_indexes(archive.database)
    after = {name: set(archive.database[name].index_information()) for name in COLLECTIONS}
    assert after == before
    assert any("frame_id" in name for name in after["labels"])
