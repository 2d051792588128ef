"""Batches: everything once, in order, and nothing is read before it is needed."""

from hypothesis import given
from hypothesis import strategies as st

from tm23flows.store.batches import batched


@given(st.lists(st.integers()), st.integers(1, 7))
def test_everything_comes_once_and_in_order(items, size):
    found = list(batched(iter(items), size))
    assert [one for batch in found for one in batch] == items
    assert all(len(batch) == size for batch in found[:-1])
    assert all(found)


def test_nothing_is_read_ahead():
    read = []
    stream = batched((read.append(i) or i for i in range(100)), 3)
    assert next(stream) == [0, 1, 2]
    assert read == [0, 1, 2]
