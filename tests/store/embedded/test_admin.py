import pytest


def names(reply, key="name"):
    return [dict(entry)[key] for entry in reply["cursor"]["firstBatch"]]


def test_hello_promises_no_sessions(run):
    reply = run(hello=1)
    assert "logicalSessionTimeoutMinutes" not in reply
    assert reply["localTime"].tzinfo is None
    assert reply["maxBsonObjectSize"] == 16 * 1024 * 1024
    assert reply["maxWireVersion"] >= 17


def test_collections_come_and_go(run):
    run(insert="a", documents=[{"_id": 1}])
    run(create="b")
    assert names(run(listCollections=1)) == ["a", "b"]
    assert names(run(listCollections=1, filter={"name": {"$regex": "^a"}})) == ["a"]
    assert run(create="b")["code"] == 48
    assert run(drop="a")["ok"] == 1.0
    assert run(drop="a")["code"] == 26
    assert run(listDatabases=1)["databases"][0]["name"] == "test"
    run(dropDatabase=1)
    assert run(listDatabases=1)["databases"] == []


def test_rename(run):
    run(insert="a", documents=[{"_id": 1}])
    run(insert="c", documents=[{"_id": 2}])
    command = {"renameCollection": "test.a", "to": "test.c"}
    assert run(**command)["ok"] == 0.0
    assert run(**command, dropTarget=True)["ok"] == 1.0
    assert run(count="c", query={"_id": 1})["n"] == 1
    assert run(count="a")["n"] == 0


def test_indexes_keep_their_options(run):
    spec = {
        "key": {"t": 1},
        "name": "expiry",
        "expireAfterSeconds": 60,
        "partialFilterExpression": {"live": True},
    }
    run(createIndexes="c", indexes=[spec, {"key": {"a": 1, "b": -1}, "name": "a_b"}])
    listed = [dict(entry) for entry in run(listIndexes="c")["cursor"]["firstBatch"]]
    assert [entry["name"] for entry in listed] == ["_id_", "expiry", "a_b"]
    assert listed[1] == {"v": 2, **spec}
    assert list(listed[2]["key"].items()) == [("a", 1), ("b", -1)]


def test_an_index_is_made_once(run):
    spec = {"key": {"a": 1}, "name": "a_1"}
    run(createIndexes="c", indexes=[spec])
    again = run(createIndexes="c", indexes=[spec, {"key": {"_id": 1}, "name": "_id_"}])
    assert again["numIndexesBefore"] == again["numIndexesAfter"] == 2
    assert run(createIndexes="c", indexes=[{**spec, "unique": True}])["code"] == 86


@pytest.mark.parametrize("which", ["a_1", {"a": 1}, ["a_1"], "*"])
def test_indexes_can_be_dropped(run, which):
    run(createIndexes="c", indexes=[{"key": {"a": 1}, "name": "a_1", "unique": True}])
    assert run(dropIndexes="c", index=which)["ok"] == 1.0
    assert names(run(listIndexes="c")) == ["_id_"]
    assert run(insert="c", documents=[{"a": 1}, {"a": 1}])["n"] == 2


@pytest.mark.parametrize("which", ["b_1", {"b": 1}, "_id_"])
def test_dropping_what_cannot_be_dropped(run, which):
    run(create="c")
    assert run(dropIndexes="c", index=which)["ok"] == 0.0


@pytest.mark.parametrize(
    "command",
    [
        {"create": "v", "viewOn": "c"},
        {"create": "v", "capped": True},
        {"createIndexes": "c", "indexes": [{"key": {"a": "text"}, "name": "t"}]},
        {"renameCollection": "test.a", "to": "other.a"},
    ],
)
def test_what_is_not_offered_is_said(run, command):
    assert run(**command)["code"] == 238


def test_statistics(run):
    run(insert="c", documents=[{"_id": 1, "x": "y" * 1000}])
    assert run(collStats="c")["size"] > 1000
    assert run(dbStats=1)["objects"] == 1
