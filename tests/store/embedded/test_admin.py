import pytest


def names(reply, key="name"):
    return [dict(entry)[key] for entry in reply["cursor"]["firstBatch"]]


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


@pytest.mark.parametrize(
    "command",
    [
        {"create": "v", "viewOn": "c"},
        {"create": "v", "capped": True},
        {"renameCollection": "test.a", "to": "other.a"},
    ],
)
def test_what_is_not_offered_is_said(run, command):
    assert run(**command)["code"] == 238


def test_statistics(run):
    run(insert="c", documents=[{"_id": 1, "x": "y" * 1000}])
    assert run(collStats="c")["size"] > 1000
    assert run(dbStats=1)["objects"] == 1
