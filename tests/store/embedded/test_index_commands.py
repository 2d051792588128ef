import pytest


def names(reply):
    return [entry["name"] for entry in reply["cursor"]["firstBatch"]]


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


def test_other_kinds_of_index_are_not_offered(run):
    reply = run(createIndexes="c", indexes=[{"key": {"a": "text"}, "name": "t"}])
    assert reply["code"] == 238
