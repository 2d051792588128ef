import datetime as dt

import bson
import pytest
from pymongo.errors import DuplicateKeyError, WriteError

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.wire import MAX_DOCUMENT_BYTES


@pytest.fixture
def catalog():
    return Catalog()


@pytest.fixture
def table(catalog):
    return catalog["db"]["things"]


def put(table, **document):
    table[document["_id"]] = document


def test_a_duplicate_changes_nothing(catalog, table):
    table.create_index("n_1", {"key": [("n", 1)], "unique": True})
    put(table, _id=1, n=1)
    put(table, _id=2, n=2)
    catalog.changes.take()
    with pytest.raises(DuplicateKeyError, match=r"E11000.*db\.things index: n_1 dup key") as caught:
        put(table, _id=2, n=1)
    assert caught.value.details["keyValue"] == {"n": 1}
    assert table[2] == {"_id": 2, "n": 2}
    assert catalog.changes.take() == []


def test_an_index_that_documents_contradict_is_not_made(table):
    put(table, _id=1, n=1)
    put(table, _id=2, n=1)
    with pytest.raises(DuplicateKeyError):
        table.create_index("n_1", {"key": [("n", 1)], "unique": True})
    assert table.indexes == {}


def test_a_document_over_16_mb_is_refused(catalog, table):
    room = MAX_DOCUMENT_BYTES - len(bson.encode({"_id": 1, "b": b""}))
    with pytest.raises(WriteError) as caught:
        put(table, _id=1, b=b"x" * (room + 1))
    assert caught.value.code == 10334
    put(table, _id=1, b=b"x" * room)
    assert table.live_bytes == MAX_DOCUMENT_BYTES
    assert len(table) == 1


def test_changes_are_post_images(catalog, table):
    put(table, _id=1, n=1)
    put(table, _id=1, n=2)
    del table[1]
    operations = catalog.changes.take()
    assert [operation["op"] for operation in operations] == ["put", "put", "delete"]
    assert dict(operations[1]["doc"]) == {"_id": 1, "n": 2}
    assert operations[2]["id"] == 1


def test_live_bytes_follow_the_documents(table):
    put(table, _id=1, n="x" * 100)
    large = table.live_bytes
    put(table, _id=1, n="x")
    assert table.live_bytes == large - 99
    del table[1]
    assert table.live_bytes == 0


def test_identifiers_may_be_documents(table):
    put(table, _id={"a": 1, "b": [2]}, n=1)
    assert {"a": 1, "b": [2]} in table
    assert {"b": [2], "a": 1} not in table


def test_offers_use_identifiers_and_indexes(table):
    table.create_index("state_1", {"key": [("state", 1)]})
    table.create_index("kind_1", {"key": [("kind", 1)]})
    for n in range(10):
        put(table, _id=n, state="READY", kind=n % 5)
    by_id = table.offer([("state", "READY"), ("_id", {"$in": [3, 99, 1]})])
    assert (by_id.slots, by_id.in_order, by_id.settled) == ([3, 1], True, 1)
    by_kind = table.offer([("state", "READY"), ("kind", 2)])
    assert sorted(by_kind.slots) == [2, 7]
    assert table.offer([("state", "READY")]).settled == 0
    assert table.offer([("state", {"$in": ["READY"], "$ne": "x"})]).settled is None
    assert table.offer([("other", 1)]) is None


def test_slots_are_numbered_anew_when_most_documents_are_gone(catalog, table):
    table.create_index("n_1", {"key": [("n", 1)]})
    for n in range(100):
        put(table, _id=n, n=n % 7)
    for n in range(97):
        del table[n]
    assert len(table.slots) == len(table) == 3
    assert max(table.slots) < 50
    assert [d["_id"] for d in table.documents] == [97, 98, 99]
    assert [table.document(s)["_id"] for s in table.offer([("n", 0)]).slots] == [98]
    assert len(catalog.changes.take()) == 1 + 100 + 97


def test_a_large_table_keeps_no_dictionaries(table, monkeypatch):
    monkeypatch.setattr("tm23flows.store.embedded.tables._DECODED_BYTES", 1000)
    put(table, _id=0, n=1)
    assert table[0] is table[0]
    put(table, _id=1, text="x" * 2000)
    assert table[0] == {"_id": 0, "n": 1}
    assert table[0] is not table[0]


def test_expired_documents_disappear(catalog, table):
    table.create_index("t_1", {"key": [("t", 1)], "expireAfterSeconds": 60})
    put(table, _id=1, t=dt.datetime.fromisoformat("2020-01-01"))
    put(table, _id=2, t=dt.datetime.fromisoformat("2220-01-01"))
    catalog.changes.take()
    assert table.offer([]) is None
    assert [document["_id"] for document in table.documents] == [2]
    assert [operation["op"] for operation in catalog.changes.take()] == ["delete"]
