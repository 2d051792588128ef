import datetime as dt
import math

import pytest

from tm23flows.store.embedded.comparisons import (
    DATE,
    NUMBER,
    OTHER,
    TEXT,
    UnfitError,
    classify,
    holds_for_text,
    plain_comparisons,
)

DAY = dt.datetime.fromisoformat("2026-01-02")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("a", TEXT), (1, NUMBER), (1.5, NUMBER), (DAY, DATE), (math.nan, OTHER), (True, OTHER),
     (2**60, OTHER), (None, OTHER), ([1], OTHER), (DAY.replace(tzinfo=dt.UTC), OTHER)],
)  # fmt: skip
def test_kinds_of_values(value, kind):
    assert classify(value)[0] == kind


def test_plain_conditions():
    assert plain_comparisons(3) == [("$eq", 3)]
    assert plain_comparisons({"$gt": 1, "$in": ["a"]}) == [("$gt", 1), ("$in", ["a"])]
    for condition in ({}, None, {"$ne": 1}, {"a": 1}, {"$in": [None]}, {"$in": "ab"}, {"$gt": []}):
        assert plain_comparisons(condition) is None


def test_text_is_compared_with_text_only():
    holds = holds_for_text({"$gte": "b", "$lt": "d"})
    assert [holds(one) for one in ("a", "b", "c", "d", 3, None)] == [False, True, True] + [
        False
    ] * 3
    for condition in (3, {"$regex": "a"}, {}, {"$in": ["a"]}):
        with pytest.raises(UnfitError):
            holds_for_text(condition)
