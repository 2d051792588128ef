import pytest
from bson import ObjectId, Regex


def stored(run, collection="c"):
    return [dict(d) for d in run(find=collection, batchSize=1000)["cursor"]["firstBatch"]]


def indexed(run, field="n", **options):
    spec = {"key": {field: 1}, "name": f"{field}_1", "unique": True, **options}
    assert run(createIndexes="c", indexes=[spec])["ok"] == 1.0


def test_an_insert_without_id_gets_one(run):
    assert run(insert="c", documents=[{"a": 1}])["n"] == 1
    [document] = stored(run)
    assert isinstance(document["_id"], ObjectId)
    assert next(iter(document)) == "_id"


def test_a_repeated_insert_is_refused_and_not_doubled(run):
    run(insert="c", documents=[{"_id": 1}])
    reply = run(insert="c", documents=[{"_id": 1}])
    assert reply["n"] == 0
    assert reply["writeErrors"][0]["code"] == 11000
    assert "index: _id_" in reply["writeErrors"][0]["errmsg"]
    assert len(stored(run)) == 1


@pytest.mark.parametrize(("ordered", "kept"), [(True, [1]), (False, [1, 2, 4])])
def test_bulk_inserts_report_each_duplicate(run, ordered, kept):
    indexed(run)
    documents = [{"_id": 1, "n": 1}, {"_id": 9, "n": 1}, {"_id": 2, "n": 2}]
    documents += [{"_id": 2, "n": 3}, {"_id": 4, "n": 4}]
    reply = run(insert="c", documents=documents, ordered=ordered)
    assert [document["_id"] for document in stored(run)] == kept
    assert reply["n"] == len(kept)
    indexes = [error["index"] for error in reply["writeErrors"]]
    assert indexes == ([1] if ordered else [1, 3])
    assert reply["writeErrors"][0]["keyValue"] == {"n": 1}


@pytest.mark.parametrize("identifier", [[1], Regex("a")])
def test_impossible_identifiers(run, identifier):
    reply = run(insert="c", documents=[{"_id": identifier}])
    assert reply["writeErrors"][0]["code"] == 53


def test_bulk_upserts_with_set_on_insert(run):
    run(insert="c", documents=[{"_id": 1, "v": "old"}])
    updates = [
        {"q": {"_id": n}, "u": {"$setOnInsert": {"v": "new"}}, "upsert": True} for n in range(3)
    ]
    reply = run(update="c", updates=updates, ordered=False)
    assert (reply["n"], reply["nModified"]) == (3, 0)
    assert reply["upserted"] == [{"index": 0, "_id": 0}, {"index": 2, "_id": 2}]
    assert {d["_id"]: d["v"] for d in stored(run)} == {0: "new", 1: "old", 2: "new"}


def test_update_of_many_counts_what_it_changed(run):
    run(insert="c", documents=[{"_id": n, "v": n // 2} for n in range(4)])
    reply = run(update="c", updates=[{"q": {}, "u": {"$set": {"v": 0}}, "multi": True}])
    assert (reply["n"], reply["nModified"]) == (4, 2)


def test_only_the_first_match_is_updated(run):
    run(insert="c", documents=[{"_id": n} for n in range(3)])
    run(update="c", updates=[{"q": {}, "u": {"$set": {"v": 1}}, "sort": {"_id": -1}}])
    assert [d["_id"] for d in stored(run) if "v" in d] == [2]


@pytest.mark.parametrize("query", [{"_id": {"$in": [1, 5]}}, {"a": 1}, {"_id": {"$eq": 1}}])
def test_replacement(run, query):
    run(insert="c", documents=[{"_id": 1, "a": 1, "b": 1}])
    run(update="c", updates=[{"q": query, "u": {"x": 1}}])
    assert stored(run) == [{"_id": 1, "x": 1}]


def test_positional_updates_and_array_filters(run):
    run(insert="c", documents=[{"_id": 1, "h": [{"s": "A", "u": 1}, {"s": "B", "u": 2}]}])
    run(update="c", updates=[{"q": {"_id": 1, "h.s": "B"}, "u": {"$set": {"h.$.u": 9}}}])
    assert stored(run)[0]["h"][1]["u"] == 9
    statement = {"q": {}, "u": {"$inc": {"h.$[x].u": 1}}, "arrayFilters": [{"x.s": "A"}]}
    run(update="c", updates=[statement])
    assert [item["u"] for item in stored(run)[0]["h"]] == [2, 9]


def test_an_update_into_a_duplicate_is_refused_whole(run):
    indexed(run)
    run(insert="c", documents=[{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])
    reply = run(update="c", updates=[{"q": {"_id": 2}, "u": {"$set": {"n": 1, "x": 1}}}])
    assert reply["writeErrors"][0]["code"] == 11000
    assert stored(run)[1] == {"_id": 2, "n": 2}


def test_a_partial_unique_index_looks_at_its_part_only(run):
    indexed(run, partialFilterExpression={"live": True})
    reply = run(insert="c", documents=[{"n": 1, "live": True}, {"n": 1, "live": False}])
    assert reply["n"] == 2
    assert run(insert="c", documents=[{"n": 1, "live": True}])["n"] == 0


def test_growing_over_16_mb_is_refused(run):
    run(insert="c", documents=[{"_id": 1, "b": [b"x" * 9_000_000]}])
    reply = run(update="c", updates=[{"q": {"_id": 1}, "u": {"$push": {"b": b"x" * 9_000_000}}}])
    assert reply["writeErrors"][0]["code"] == 10334
    assert len(stored(run)[0]["b"]) == 1


def test_an_update_pipeline_with_the_time(run):
    run(insert="c", documents=[{"_id": 1}])
    stage = {"$set": {"t": "$$NOW", "until": {"$add": ["$$NOW", 60_000]}}}
    assert run(update="c", updates=[{"q": {}, "u": [stage]}])["nModified"] == 1
    [document] = stored(run)
    assert (document["until"] - document["t"]).total_seconds() == 60


def test_delete_one_and_many(run):
    run(insert="c", documents=[{"_id": n} for n in range(5)])
    assert run(delete="c", deletes=[{"q": {}, "limit": 1}])["n"] == 1
    assert run(delete="c", deletes=[{"q": {"_id": {"$gt": 2}}, "limit": 0}])["n"] == 2
    assert [d["_id"] for d in stored(run)] == [1, 2]


def test_find_and_modify_before_after_remove(run):
    run(insert="c", documents=[{"_id": n, "p": n} for n in range(3)])
    best = {"sort": {"p": -1}, "query": {"s": {"$exists": False}}}
    reply = run(findAndModify="c", update={"$set": {"s": 1}}, **best)
    assert reply["value"] == {"_id": 2, "p": 2}
    assert reply["lastErrorObject"] == {"n": 1, "updatedExisting": True}
    reply = run(findAndModify="c", update={"$set": {"s": 1}}, new=True, fields={"s": 1}, **best)
    assert reply["value"] == {"_id": 1, "s": 1}
    assert run(findAndModify="c", remove=True, **best)["value"] == {"_id": 0, "p": 0}
    assert run(findAndModify="c", update={"$set": {"s": 1}}, **best)["value"] is None


def test_find_and_modify_can_upsert(run):
    reply = run(findAndModify="c", query={"_id": 7}, update={"$inc": {"n": 2}}, upsert=True)
    assert reply["value"] is None
    assert reply["lastErrorObject"] == {"n": 1, "updatedExisting": False, "upserted": 7}
    reply = run(findAndModify="c", query={"a": 1}, update={"$set": {"b": 2}}, upsert=True, new=True)
    assert reply["value"]["b"] == 2


def test_find_and_modify_needs_something_to_do(run):
    assert run(findAndModify="c", query={})["ok"] == 0.0
