import math

from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st
from mongomock_ng.filtering import filter_applies

from tm23flows.store.embedded.indexes import Index, hashable, pinned_values

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["a", "b", 1.0]))
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
        "b": st.one_of(SCALARS, st.fixed_dictionaries({}, optional={"c": SCALARS})),
    },
)
PINNED = st.sampled_from([1, 2, 1.0, "a", "b"])
CONDITIONS = st.one_of(
    PINNED,
    st.builds(lambda v: {"$eq": v}, PINNED),
    st.builds(lambda v: {"$in": v}, st.lists(PINNED, max_size=3)),
)


def index(*fields, **options):
    return Index({"name": "i", "key": [(field, 1) for field in fields], **options})


@given(st.lists(DOCUMENTS, max_size=8), st.sampled_from(["a", "b", "b.c"]), CONDITIONS)
def test_candidates_include_every_match(documents, field, condition):
    under_test = index(field)
    for key, document in enumerate(documents):
        under_test.put(key, under_test.entries(document))
    query = {field: condition}
    found = under_test.candidates(pinned_values(condition))
    matches = {key for key, document in enumerate(documents) if filter_applies(query, document)}
    # The engine takes true for 1 and the index, like MongoDB, does not.
    matches = {key for key in matches if not holds_bool(documents[key])}
    assert found is not None
    assert matches <= set(found)


def holds_bool(value):
    if isinstance(value, dict | list):
        return any(map(holds_bool, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool)


def test_a_removed_document_is_no_candidate():
    under_test = index("a")
    under_test.put(1, under_test.entries({"a": 5}))
    under_test.put(2, under_test.entries({"a": [5, 6]}))
    under_test.remove(1, under_test.entries({"a": 5}))
    assert list(under_test.candidates([5])) == [2]
    under_test.remove(2, under_test.entries({"a": [5, 6]}))
    assert not under_test.candidates([5, 6])


def test_the_first_field_of_a_compound_index_is_enough():
    under_test = index("files_id", "n", unique=True)
    for n in range(3):
        under_test.put(n, under_test.entries({"files_id": "x", "n": n}))
    assert sorted(under_test.candidates(["x"])) == [0, 1, 2]
    assert under_test.conflict(3, under_test.entries({"files_id": "x", "n": 1}))
    assert not under_test.conflict(3, under_test.entries({"files_id": "x", "n": 3}))
    under_test.remove(1, under_test.entries({"files_id": "x", "n": 1}))
    assert not under_test.conflict(3, under_test.entries({"files_id": "x", "n": 1}))


def test_unique_counts_array_elements_and_missing_values():
    under_test = index("a", unique=True)
    under_test.put(1, under_test.entries({"a": [1, 2]}))
    assert under_test.conflict(2, under_test.entries({"a": 2}))
    assert not under_test.conflict(1, under_test.entries({"a": 2}))
    under_test.put(3, under_test.entries({}))
    assert under_test.conflict(4, under_test.entries({"a": None}))


def test_sparse_and_partial_indexes_leave_documents_out():
    assert index("a", unique=True, sparse=True).entries({"b": 1}) == set()
    partial = index("a", unique=True, partialFilterExpression={"live": True})
    assert partial.entries({"a": 1, "live": False}) == set()
    assert partial.entries({"a": 1, "live": True}) == {(1,)}
    assert partial.candidates([1]) is None


def test_values_that_a_condition_pins():
    oid = ObjectId()
    assert pinned_values(1) == [1]
    assert pinned_values({"$in": ["x", "y"]}) == ["x", "y"]
    assert pinned_values({"$eq": oid, "$gt": 1}) == [oid]
    for condition in (None, {"$gt": 1}, {"$in": [1, None]}, {"$in": "ab"}, {}, math.nan):
        assert pinned_values(condition) is None


def test_hashable_keeps_types_apart_only_where_mongodb_does():
    assert hashable(1) == hashable(1.0)
    assert hashable(True) != hashable(1)
    assert hashable({"a": [1, {"b": 2}]}) == hashable({"a": [1.0, {"b": 2}]})
    assert hashable({"a": 1, "b": 2}) != hashable({"b": 2, "a": 1})
    assert hashable(math.nan) == hashable(float("nan"))
