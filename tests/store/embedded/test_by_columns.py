import pytest

from tm23flows.store.embedded.by_columns import decide, sort_many, stand_ins
from tm23flows.store.embedded.catalog import Catalog


@pytest.fixture
def table():
    table = Catalog()["db"]["things"]
    for n in range(12):
        table[f"id {n:02}"] = {
            "_id": f"id {n:02}",
            "n": n % 3,
            "m": [n],
            "s": "a",
            "deep": {"er": [{"x": n}]},
        }
    return table


def test_conditions_are_joined(table):
    wanted = [("n", 1), ("$or", [{"_id": {"$lt": "id 05"}}, {"m": 10}]), ("$nor", [{"m": 4}])]
    assert decide(table, wanted, table.slots) == [1, 10]
    assert decide(table, wanted, [10, 3, 1]) == [10, 1]
    assert decide(table, [("$and", [{"n": 2}])], [2, 3]) == [2]


@pytest.mark.parametrize(
    "condition",
    [("deep.er.x", 3), ("$expr", {"$eq": ["$n", 1]}), ("$or", [3]), ("$or", []), ("$comment", "x"),
     ("_id", {"$regex": "0"}), ("n", {"$bad": 1}), ("s", {"$regex": "("})],
)  # fmt: skip
def test_what_columns_cannot_say_is_left_to_others(table, condition):
    assert decide(table, [("n", 1), condition], table.slots) is None


def test_deleted_documents_match_nothing(table):
    table.columns.get(["n"])
    del table["id 04"]
    assert decide(table, [("n", 1)], table.slots) == [1, 7, 10]
    assert decide(table, [("n", {"$ne": 0})], table.slots) == [1, 2, 5, 7, 8, 10, 11]


def test_ids_tell_equal_ones_apart(table):
    assert sort_many(table, [7, 4, 3, 1], {"n": -1, "_id": 1}) == [1, 4, 7, 3]
    assert sort_many(table, [7, 4, 3, 1], {"n": -1}) == [7, 4, 1, 3]
    assert sort_many(table, [3, 7], {"deep.er.x": 1, "_id": 1}) is None


def test_distinct_values_come_by_first_appearance(table):
    assert stand_ins(table, "n", [5, 3, 2, 1]) == [{"n": 2}, {"n": 0}, {"n": 1}]
    assert stand_ins(table, "deep.er.x", [1]) is None
