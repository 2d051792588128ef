import numpy as np

from tm23flows.store.embedded.column import Column


def column(path, documents):
    made = Column(path)
    for slot, document in enumerate(documents):
        made.put(slot, document)
    return made


def test_a_condition_is_put_to_distinct_values_only(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "tm23flows.store.embedded.column.filter_applies",
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
