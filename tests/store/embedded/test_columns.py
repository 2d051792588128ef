import pytest

from tm23flows.store.embedded.columns import Columns


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
