import numpy as np
import pytest

from tm23flows.store.embedded.columns import Column, Columns, UnfitError, holds_for_text


def column(path, documents):
    made = Column(path)
    for slot, document in enumerate(documents):
        made.put(slot, document)
    return made


def test_a_condition_is_put_to_distinct_values_only(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "tm23flows.store.embedded.columns.filter_applies",
        lambda _, document: asked.append(document) or True,
    )
    made = column("a.b", [{"a": {"b": n % 3, "big": "x" * 99}} for n in range(300)])
    assert made.mask({"$ne": 1}, None).all()
    assert asked == [{"a": {"b": 0}}, {"a": {"b": 1}}, {"a": {"b": 2}}]


def test_numbers_are_compared_whatever_their_type():
    made = column("n", [{"n": one} for one in (1, 1.0, 2, 1.5, "1", None, 3.0)])
    assert made.mask(1, None).tolist() == [True, True] + [False] * 5
    assert made.mask({"$in": [1.0, 3]}, None).tolist() == [True] * 2 + [False] * 4 + [True]
    assert made.mask({"$gt": 1, "$lte": 2}, None).tolist() == [False] * 2 + [True] * 2 + [False] * 3
    assert made.mask({"$in": [float("inf")]}, None).tolist() == [False] * 7


def test_a_document_that_is_gone_meets_nothing():
    made = column("n", [{"n": 1}, {}, {"n": 2}])
    made.remove(0)
    made.remove(1)
    assert made.mask({"$exists": False}, None).tolist() == [False] * 3
    assert made.mask({"$gte": 0}, np.array([2, 0])).tolist() == [True, False]


def test_ranks_follow_the_order_of_types_and_ties():
    made = column("n", [{"n": one} for one in ("b", 2, 1, 1.0, None, "a")] + [{}])
    assert made.ranks(np.arange(7)).tolist() == [4, 2, 1, 1, 0, 3, 0]


@pytest.mark.parametrize(
    "document", [{"a": [{"b": 1}]}, {"a": {"b": "x" * 3000, "c": [b"y" * 3000]}}]
)
def test_lists_on_the_way_make_no_column(document):
    columns = Columns(lambda: [(0, {"a": {"b": 1, "c": 2}}), (1, document)])
    found = columns.get(["a.b", "a.c", "", "a..b", "$a"])
    assert set(found) == (set() if isinstance(document["a"], list) else {"a.b"})


def test_a_column_that_became_unfit_is_given_up():
    columns = Columns(lambda: [(0, {"a": 1, "b": 1})])
    assert set(columns.get(["a", "b"])) == {"a", "b"}
    columns.put(1, {"a": {"long": "x" * 3000}, "b": 2})
    found = columns.get(["a", "b"])
    assert set(found) == {"b"}
    assert found["b"].stand_ins(None) == [{"b": 1}, {"b": 2}]


def test_text_is_compared_with_text_only():
    holds = holds_for_text({"$gte": "b", "$lt": "d"})
    assert [holds(one) for one in ("a", "b", "c", "d", 3, None)] == [False, True, True] + [
        False
    ] * 3
    for condition in (3, {"$regex": "a"}, {}, {"$in": ["a"]}):
        with pytest.raises(UnfitError):
            holds_for_text(condition)
