import pytest


@pytest.fixture
def filled(run):
    documents = [{"_id": n, "k": n % 3, "tags": ["a", n], "deep": {"v": n}} for n in range(10)]
    assert run(insert="c", documents=documents)["n"] == 10
    return run


def batch(reply):
    assert reply["ok"] == 1.0, reply
    return [dict(document) for document in reply["cursor"]["firstBatch"]]


def test_find_with_projection_sort_skip_and_limit(filled):
    reply = filled(
        find="c",
        filter={"k": 0},
        sort={"_id": -1},
        skip=1,
        limit=2,
        projection={"_id": 1, "deep.v": 1},
    )
    assert [d["_id"] for d in batch(reply)] == [6, 3]
    assert batch(reply)[0]["deep"]["v"] == 6
    assert "tags" not in batch(reply)[0]


def test_find_in_batches(filled):
    cursor = filled(find="c", batchSize=4)["cursor"]
    rest = filled(getMore=cursor["id"], collection="c")["cursor"]
    assert len(cursor["firstBatch"]) + len(rest["nextBatch"]) == 10
    assert rest["id"] == 0


def test_a_negative_limit_is_one_batch(filled):
    cursor = filled(find="c", limit=-3)["cursor"]
    assert (len(cursor["firstBatch"]), cursor["id"]) == (3, 0)


def test_count_and_distinct(filled):
    assert filled(count="c")["n"] == 10
    assert filled(count="c", query={"k": 1}, limit=2)["n"] == 2
    assert sorted(filled(distinct="c", key="k")["values"]) == [0, 1, 2]
    assert set(filled(distinct="c", key="tags", query={"_id": {"$lt": 2}})["values"]) == {"a", 0, 1}


def test_distinct_objects_are_compared_by_value(run):
    run(insert="c", documents=[{"o": {"a": 1}}, {"o": {"a": 1}}, {"o": {"a": 2}}, {}])
    assert run(distinct="c", key="o")["values"] == [{"a": 1}, {"a": 2}]


COUNTING = {"$group": {"_id": 1, "n": {"$sum": 1}}}


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"$match": {"k": 1}}, COUNTING], 3),
        ([{"$match": {}}, {"$skip": 4}, COUNTING], 6),
        ([{"$skip": 4}, {"$limit": 3}, COUNTING], 3),
        ([{"$limit": 5}, {"$skip": 4}, COUNTING], 1),
        ([{"$match": {"k": 1}}, {"$match": {"_id": 4}}, COUNTING], 1),
    ],
)
def test_the_pipeline_by_which_drivers_count(filled, stages, expected):
    assert batch(filled(aggregate="c", pipeline=stages, cursor={})) == [{"_id": 1, "n": expected}]


def test_counting_nothing_gives_no_group(filled):
    stages = [{"$match": {"k": 99}}, COUNTING]
    assert batch(filled(aggregate="c", pipeline=stages, cursor={})) == []


def test_group_and_out(filled):
    stages = [
        {"$match": {"_id": {"$lt": 9}}},
        {"$group": {"_id": "$k", "sum": {"$sum": "$deep.v"}}},
        {"$out": "sums"},
    ]
    for _ in range(2):
        assert filled(aggregate="c", pipeline=stages, cursor={})["ok"] == 1.0
    found = {d["_id"]: d["sum"] for d in batch(filled(find="sums"))}
    assert found == {0: 9, 1: 12, 2: 15}
    written = [o["op"] for o in filled.host.catalog.changes.take() if o["coll"] == "sums"]
    assert written == [*["put"] * 3, "drop", *["put"] * 3]


def test_a_pipeline_does_not_change_what_is_stored(filled):
    filled(aggregate="c", pipeline=[{"$set": {"deep.v": -1}}, {"$unwind": "$tags"}], cursor={})
    assert batch(filled(find="c", filter={"_id": 3}))[0]["deep"] == {"v": 3}


def test_expressions_know_the_time(filled):
    filled(insert="t", documents=[{"_id": 1}])
    filled(update="t", updates=[{"q": {}, "u": {"$currentDate": {"at": True}}}])
    query = {"$expr": {"$lte": ["$at", "$$NOW"]}}
    assert len(batch(filled(find="t", filter=query))) == 1
    query = {"$expr": {"$gt": ["$at", {"$add": ["$$NOW", 1000]}]}}
    assert batch(filled(find="t", filter=query)) == []


@pytest.mark.parametrize(
    "command",
    [
        {"find": "c", "filter": {"a": {"$nonsense": 1}}},
        {"find": "nothing", "filter": {"a": {"$nonsense": 1}}},
        {"find": "c", "filter": {"$where": "1"}},
        {"find": "c", "collation": {"locale": "de"}},
        {"aggregate": "c", "pipeline": [{"$nonsense": 1}], "cursor": {}},
        {"aggregate": 1, "pipeline": [], "cursor": {}},
        {"getMore": 12345, "collection": "c"},
        {"find": "c", "sort": {"a": "up"}},
    ],
)
def test_what_cannot_be_answered_is_an_error(filled, command):
    reply = filled(**command)
    assert reply["ok"] == 0.0
    assert reply["errmsg"]
    assert reply["code"]
