import datetime as dt

import pytest
from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure

from tm23flows.store.embedded.clock import resolve_times, utc_now

NOW = dt.datetime.fromisoformat("2026-11-21T09:30:00.125")


def resolved(**command):
    resolve_times(command, NOW)
    return command


def test_current_date_becomes_a_set():
    update = {"$currentDate": {"t": True, "s": {"$type": "timestamp"}}, "$set": {"a": 1}}
    found = resolved(updates=[{"q": {}, "u": update}])["updates"][0]["u"]
    seconds = int(NOW.replace(tzinfo=dt.UTC).timestamp())
    assert found == {"$set": {"a": 1, "t": NOW, "s": Timestamp(seconds, 1)}}


def test_setting_a_field_twice_is_refused():
    with pytest.raises(OperationFailure, match="conflict"):
        resolved(update={"$currentDate": {"t": True}, "$set": {"t": 1}})


def test_now_in_pipelines_and_expressions_but_not_in_data():
    found = resolved(
        query={"$and": [{"$expr": {"$lt": ["$expires", "$$NOW"]}}], "name": "$$NOW"},
        update=[{"$set": {"t": "$$NOW", "kept": {"$literal": "$$NOW"}}}],
    )
    assert found["query"] == {"$and": [{"$expr": {"$lt": ["$expires", NOW]}}], "name": "$$NOW"}
    assert found["update"] == [{"$set": {"t": NOW, "kept": {"$literal": "$$NOW"}}}]


def test_a_match_stage_holds_data():
    stages = [{"$match": {"a": "$$NOW"}}, {"$lookup": {"pipeline": [{"$match": {"b": "$$NOW"}}]}}]
    assert resolved(pipeline=stages)["pipeline"] == stages


def test_an_ordinary_update_sets_the_text():
    update = {"$set": {"t": "$$NOW"}}
    assert resolved(update=update)["update"] == update


@pytest.mark.parametrize(
    "command",
    [
        {"filter": {"$where": "1"}},
        {"query": {"$or": [{"a": 1}, {"$where": "1"}]}},
        {"pipeline": [{"$project": {"a": {"$function": {"body": "1"}}}}]},
        {"pipeline": [{"$group": {"_id": 1, "a": {"$accumulator": {}}}}]},
        {"deletes": [{"q": {"$where": "1"}}]},
    ],
)
def test_code_of_the_client_is_refused(command):
    with pytest.raises(OperationFailure, match="not available"):
        resolved(**command)


def test_utc_now_has_the_resolution_of_bson():
    assert utc_now().tzinfo is None
    assert utc_now().microsecond % 1000 == 0
