import pytest
from hypothesis import given
from hypothesis import strategies as st
from mongomock_ng import MongoClient
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.engine import Engine

VALUES = st.one_of(st.integers(0, 3), st.sampled_from(["x", None]), st.lists(st.integers(0, 2)))
FILTERS = st.sampled_from(
    [
        {},
        {"a": 1},
        {"a": {"$in": [0, 2]}},
        {"a": None},
        {"a": {"$gt": 1}},
        {"$and": [{"a": 1}, {"b": {"$ne": 2}}]},
        {"$or": [{"a": 0}, {"b": 1}]},
        {"_id": {"$in": [1, 3]}},
    ]
)


@pytest.fixture
def collection():
    return Engine(Catalog())["db"]["things"]


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), max_size=6), FILTERS)
def test_selection_agrees_with_a_plain_scan(documents, query):
    collection = Engine(Catalog())["db"]["things"]
    collection.table.create_index("a_1", {"key": [("a", 1)]})
    plain = MongoClient()["db"]["things"]
    for number, document in enumerate(documents):
        collection.table[number] = {"_id": number, **document}
        plain.insert_one({"_id": number, **document})
    expected = sorted(document["_id"] for document in plain.find(query))
    assert sorted(document["_id"] for document in collection.select(query)) == expected


def test_sort_skip_and_limit(collection):
    for number in range(6):
        collection.table[number] = {"_id": number, "k": number % 2}
    found = collection.select({}, {"k": -1, "_id": 1}, skip=1, limit=3)
    assert [document["_id"] for document in found] == [3, 5, 0]
    assert [d["_id"] for d in collection.select({}, {"$natural": -1}, limit=2)] == [5, 4]
    assert len(collection.select({}, limit=2)) == 2


def test_a_failed_update_leaves_no_trace(collection):
    collection.table[1] = {"_id": 1, "n": 1, "text": "x"}
    with pytest.raises(TypeError):
        collection.modify(collection.table[1], {}, {"$inc": {"n": 1, "text": 1}})
    assert collection.table[1] == {"_id": 1, "n": 1, "text": "x"}
    assert collection.select({}) == [{"_id": 1, "n": 1, "text": "x"}]


def test_stored_documents_are_replaced_and_not_changed(collection):
    collection.table[1] = {"_id": 1, "deep": {"list": [1]}}
    before = collection.table[1]
    collection.modify(before, {"_id": 1}, {"$push": {"deep.list": 2}})
    assert before == {"_id": 1, "deep": {"list": [1]}}
    assert collection.table[1] == {"_id": 1, "deep": {"list": [1, 2]}}


def test_the_identifier_cannot_change(collection):
    collection.table[1] = {"_id": 1}
    with pytest.raises(OperationFailure, match="immutable"):
        collection.modify(collection.table[1], {}, {"$set": {"_id": 2}})
    assert 2 not in collection.table


@pytest.mark.parametrize("condition", [{"$in": [1, 2]}, {"$gt": 3}])
def test_an_upsert_does_not_store_conditions(collection, condition):
    result = collection.modify(None, {"_id": condition, "a": 5}, {"$set": {"b": 6}})
    [document] = collection.select({})
    assert document == {"_id": result.upserted_id, "a": 5, "b": 6}
    assert not isinstance(document["_id"], dict)


def test_an_upsert_takes_the_identifier_from_the_filter(collection):
    collection.modify(None, {"_id": {"$eq": 4}}, {"a": 1})
    assert collection.select({}) == [{"_id": 4, "a": 1}]


def test_lookup_into_the_same_collection(collection):
    for number in range(3):
        collection.table[number] = {"_id": number, "next": number + 1}
    stage = {"from": "things", "localField": "next", "foreignField": "_id", "as": "found"}
    found = collection.run_pipeline(collection.select({"_id": 0}), [{"$lookup": stage}])
    assert [item["_id"] for item in found[0]["found"]] == [1]


def test_databases_need_a_name():
    with pytest.raises(OperationFailure):
        Engine(Catalog()).get_database("")
