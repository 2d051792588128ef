"""Every road to documents gives what the engine gives when it looks at each of them."""

import datetime as dt
import operator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mongomock_ng import MongoClient

from tm23flows.store.embedded import ordering
from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.commands import execute
from tm23flows.store.embedded.engine import Engine
from tm23flows.store.embedded.host import Host
from tm23flows.store.embedded.matching import find_slots
from tm23flows.store.embedded.ordering import sort_slots

DATES = st.sampled_from([dt.datetime(2020, 1, day) for day in (1, 2, 3)])  # noqa: DTZ001
# The engine takes true for 1, MongoDB does not, and the indexes follow MongoDB.
SCALARS = st.one_of(
    st.none(), st.integers(-2, 2), st.sampled_from(["a", "b", "", 1.0, 0.5, -0.0]), DATES
)
VALUES = st.one_of(SCALARS, SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(
    st.sampled_from(["c", "d"]), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=2
))  # fmt: skip
DOCUMENTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "e"]), VALUES, max_size=3), min_size=1, max_size=12
)
SIMPLE = st.lists(
    st.fixed_dictionaries({"a": SCALARS}, optional={"b": st.fixed_dictionaries({"c": SCALARS})}),
    min_size=1,
    max_size=12,
)
CONDITIONS = st.one_of(
    SCALARS,
    VALUES,
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"]), SCALARS,
                    min_size=1, max_size=2),
    st.builds(lambda v: {"$in": v}, st.lists(SCALARS, max_size=3)),
    st.builds(lambda v: {"$nin": v}, st.lists(SCALARS, max_size=3)),
    st.builds(lambda v: {"$exists": v}, st.booleans()),
    st.just({"$regex": "^a"}),
    st.builds(lambda v: {"$not": {"$gt": v}}, SCALARS),
)  # fmt: skip
FIELDS = st.sampled_from(["a", "b", "e", "b.c", "b.c.d", "a.0"])
PLAIN = st.dictionaries(FIELDS, CONDITIONS, max_size=2)
QUERIES = st.one_of(
    PLAIN,
    st.builds(lambda one, more: {**one, "$or": more}, PLAIN, st.lists(PLAIN, min_size=1, max_size=2)),
    st.builds(lambda one, more: {"$and": more, **one}, PLAIN, st.lists(PLAIN, min_size=1, max_size=2)),
    st.builds(lambda more: {"$nor": more}, st.lists(PLAIN, min_size=1, max_size=2)),
    st.builds(lambda ids: {"_id": {"$in": ids}, "a": {"$ne": 1}}, st.lists(st.integers(0, 12))),
    st.builds(lambda low: {"_id": {"$gte": low}}, st.sampled_from(["id 03", 3, "z"])),
)  # fmt: skip
SORTS = st.one_of(
    st.none(),
    st.lists(st.tuples(FIELDS, st.sampled_from([1, -1])), max_size=2, unique_by=lambda p: p[0]).map(
        lambda pairs: [*pairs, ("_id", 1)]
    ),
    st.lists(st.tuples(FIELDS, st.sampled_from([1, -1])), min_size=1, max_size=2, unique_by=lambda p: p[0]),
)  # fmt: skip


BY_ID = operator.itemgetter("_id")


def numbered(documents, *, as_text):
    return [{"_id": f"id {n:02}" if as_text else n, **one} for n, one in enumerate(documents)]


def answer(work):
    """Documents, or that it failed."""
    try:
        return list(work())
    except Exception as error:  # noqa: BLE001 (the engine raises what it likes)
        return type(error).__name__.replace("WriteError", "OperationFailure")


def fill(documents, indexed=()):
    host = Host(Engine(Catalog()))
    table = host.collection("test", "c").table
    for name in indexed:
        table.create_index(f"{name}_1", {"key": [(name, 1)]})
    for one in documents:
        table[one["_id"]] = one
    return host, table


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(DOCUMENTS, SIMPLE), QUERIES, SORTS, st.booleans(),
    st.sampled_from([(), ("a",), ("a", "b.c")]),
)  # fmt: skip
def test_every_road_gives_what_the_engine_gives(documents, query, sort, as_text, indexed):
    documents = numbered(documents, as_text=as_text)
    reference = MongoClient()["test"]["c"]
    reference.insert_many(documents)
    cursor = reference.find(query)
    expected = answer(lambda: cursor.sort(sort) if sort else cursor)
    in_order_of_ids = isinstance(query.get("_id"), dict) and "$in" in query["_id"]
    for many in (0, 10**9):
        _, table = fill(documents, indexed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ordering, "MANY", many)

            def look(table=table):
                slots = find_slots(table, query)
                slots = sort_slots(table, slots, dict(sort)) if sort else slots
                return [table.document(slot) for slot in slots]

            found = answer(look)
        if in_order_of_ids and ("_id", 1) not in (sort or ()) and isinstance(found, list):
            assert sorted(found, key=BY_ID) == sorted(expected, key=BY_ID)
        else:
            assert found == expected


@settings(max_examples=60)
@given(
    SIMPLE,
    st.lists(st.integers(0, 11), max_size=6),
    st.dictionaries(FIELDS, CONDITIONS, max_size=2),
)
def test_columns_follow_changes(documents, changed, query):
    documents = numbered(documents, as_text=True)
    _, table = fill(documents, ("a",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "MANY", 0)
        answer(lambda: find_slots(table, query))  # makes the columns
        for place in changed:
            one = documents[place % len(documents)]
            if place % 2 and one["_id"] in table:
                del table[one["_id"]]
            else:
                table[one["_id"]] = {**one, "a": "changed", "b": {"c": place}}
        found = answer(lambda: [table.document(s) for s in find_slots(table, query)])
    reference = MongoClient()["test"]["c"]
    if table.slots:
        reference.insert_many(list(table.documents))
        assert found == answer(lambda: reference.find(query))


def test_many_documents_are_decided_without_reading_them(monkeypatch):
    documents = [
        {"_id": f"{n:04}", "kind": "xyz"[n % 3], "step": n // 3, "tail": {"n": n % 5}}
        for n in range(1200)
    ]
    _, table = fill(documents, ("kind",))
    table.columns.get(["kind", "step", "tail.n"])
    monkeypatch.setattr(type(table), "document", None)
    wanted = {"kind": "y", "step": {"$gte": 100, "$lt": 390}, "tail.n": {"$in": [1, 2]}}
    slots = find_slots(table, wanted)
    expected = [d for d in documents if d["kind"] == "y" and 100 <= d["step"] < 390]
    expected = [d["_id"] for d in expected if d["tail"]["n"] in (1, 2)]
    assert [table.identifier(slot) for slot in slots] == expected
    ordered = sort_slots(table, find_slots(table, {"kind": "x"}), {"tail.n": -1, "_id": 1})
    by_hand = sorted(
        (d for d in documents if d["kind"] == "x"), key=lambda d: (-d["tail"]["n"], d["_id"])
    )
    assert [table.identifier(slot) for slot in ordered] == [d["_id"] for d in by_hand]


@pytest.mark.parametrize(
    "query", [{"a": {"$bad": 1}}, {"$or": []}, {"$or": 3}, {"$strange": 1}, {"s": {"$regex": "("}}]
)
def test_a_wrong_filter_is_an_error_on_every_road(monkeypatch, query):
    host, _ = fill(numbered([{"a": 1, "s": "x"}, {"a": 2}], as_text=True))
    for many in (0, 10**9):
        monkeypatch.setattr(ordering, "MANY", many)
        assert execute(host, {"find": "c", "filter": query, "$db": "test"})["ok"] == 0.0


@given(DOCUMENTS, FIELDS)
def test_distinct_values_are_the_same_by_columns(documents, field):
    host, _ = fill(numbered(documents, as_text=True))
    found = []
    for many in (0, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ordering, "MANY", many)
            found.append(execute(host, {"distinct": "c", "key": field, "$db": "test"}))
    assert found[0] == found[1]
