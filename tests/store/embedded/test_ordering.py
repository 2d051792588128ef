import pytest
from pymongo.errors import OperationFailure

from tm23flows.store.embedded import ordering
from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.ordering import is_for_columns, sort_slots


@pytest.fixture
def table():
    table = Catalog()["db"]["things"]
    for n in range(30):
        table[f"id {(7 * n) % 30:02}"] = {"_id": f"id {(7 * n) % 30:02}", "n": n % 3, "m": -n}
    return table


@pytest.mark.parametrize("many", [0, 10**9])
def test_equal_ones_are_ordered_by_the_next_field_and_stay_otherwise(table, monkeypatch, many):
    monkeypatch.setattr(ordering, "MANY", many)
    slots = list(table.slots)
    by_n = sort_slots(table, slots, {"n": -1})
    assert by_n == sorted(slots, key=lambda slot: -table.document(slot)["n"])
    by_id = sort_slots(table, slots, {"n": 1, "_id": -1})
    found = [(table.document(slot)["n"], table.identifier(slot)) for slot in by_id]
    assert found == sorted(sorted(found, reverse=True), key=lambda pair: pair[0])
    assert sort_slots(table, by_id, {"$natural": -1}) == by_id[::-1]


def test_a_direction_must_be_a_number(table):
    with pytest.raises(OperationFailure, match="cannot sort 'n' by 'up'"):
        sort_slots(table, list(table.slots), {"n": "up"})


def test_columns_are_made_for_many_and_used_for_some(table):
    slots = list(table.slots)
    assert not is_for_columns(table, slots, ["n"])
    assert is_for_columns(table, range(ordering.MANY), ["n"])
    table.columns.get(["n"])
    assert is_for_columns(table, slots, ["n", "_id"])
    assert not is_for_columns(table, slots, ["n", "m"])
    assert not is_for_columns(table, slots[:3], ["n"])


def test_columns_are_made_for_a_large_part_of_a_table_and_not_for_a_small_one():
    table = Catalog()["db"]["queue"]
    for n in range(450):
        table[f"id {n:03}"] = {"_id": f"id {n:03}", "n": n}
    assert is_for_columns(table, range(150), ["n"])
    assert not is_for_columns(table, range(110), ["n"])
    assert not is_for_columns(table, range(99), ["n"])
