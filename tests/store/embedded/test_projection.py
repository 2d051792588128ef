import datetime as dt

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mongomock_ng import MongoClient

from tm23flows.store.embedded.projection import read_projection

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.just(2**40), st.floats(allow_nan=False),
    st.text(max_size=2), st.binary(max_size=3), st.builds(bson.ObjectId),
    st.just(dt.datetime.fromisoformat("2026-02-03T04:05:06")), st.just(bson.Timestamp(3, 4)),
)  # fmt: skip
NESTED = st.dictionaries(st.sampled_from("ab"), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)))
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(SCALARS, NESTED))
NAMES = st.lists(st.sampled_from(["a", "b", "c", "a.a", "b.b", "a.b"]), max_size=3, unique=True)


@given(DOCUMENTS, NAMES, st.booleans(), st.sampled_from([None, True, False]))
def test_a_cut_is_what_the_engine_shows(document, names, takes, with_id):
    document = {"_id": "x", **document}
    fields = dict.fromkeys(names, int(takes)) | ({} if with_id is None else {"_id": int(with_id)})
    projection = read_projection(fields) if fields else None
    left = projection.cut(bson.encode(document)) if projection else None
    if left is None:
        return  # the engine does it itself
    collection = MongoClient()["test"]["c"]
    collection.insert_one(document)
    assert bson.decode(left) == collection.find_one({}, dict(fields))


def cut(fields, document):
    return bson.decode(read_projection(fields).cut(bson.encode(document)))


def test_what_is_left_out_keeps_the_rest_and_its_order():
    whole = {"_id": 1, "z": [1, {"y": 2}], "big": b"x" * 99, "a": {"b": 1, "c": [3]}}
    left = cut({"big": 0, "a.b": 0}, whole)
    assert list(left.items()) == [("_id", 1), ("z", [1, {"y": 2}]), ("a", {"c": [3]})]
    assert cut({"_id": 1}, whole) == {"_id": 1}
    assert cut({"a.c": 1, "_id": 0}, whole) == {"a": {"c": [3]}}


@pytest.mark.parametrize(
    "fields",
    [{"a": 1, "b": 0}, {"a": {"$slice": 1}}, {"a.$": 1}, {"a": 1, "a.b": 1}, {"a.b": 1, "a": 1},
     {"a": "$b"}, {"_id": 0}, {"a..b": 1}, {"_id.a": 0}],
)  # fmt: skip
def test_other_projections_are_the_engines(fields):
    assert read_projection(fields) is None


def test_a_list_on_the_way_is_the_engines():
    assert read_projection({"a.b": 1}).cut(bson.encode({"_id": 1, "a": [{"b": 1}]})) is None


def test_only_ids_need_no_document():
    assert read_projection({"_id": 1}).is_id
    assert not read_projection({"_id": 1, "a": 1}).is_id
    assert not read_projection({"a": 0}).is_id


def test_kinds_that_are_rare_are_the_engines():
    raw = bson.encode({"_id": 1, "pattern": bson.Regex("x"), "a": 1})
    assert read_projection({"a": 1}).cut(raw) is None


def test_an_id_below_the_top_is_a_field_like_others():
    assert cut({"a._id": 1, "_id": 0}, {"_id": 1, "a": {"_id": 2, "b": 3}}) == {"a": {"_id": 2}}
    assert cut({"a._id": 0}, {"_id": 1, "a": {"_id": 2, "b": 3}}) == {"_id": 1, "a": {"b": 3}}
