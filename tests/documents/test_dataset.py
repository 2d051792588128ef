"""Datasets: an ordered selection without leaks, small enough for a document."""

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.ids import content_id

ids = st.lists(st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}"), unique=True, min_size=2)


def make(train, test, **fields):
    given_fields = {"element": "Cu", "rule": "full", "query": {}, "provenance": Provenance.now()}
    return Dataset(parts={"train": train, "test": test}, **{**given_fields, **fields})


def some(count, start=0):
    return [content_id("x", n=n) for n in range(start, start + count)]


@given(ids, st.data())
def test_the_ids_come_back_in_their_order(all_ids, data):
    cut = data.draw(st.integers(1, len(all_ids) - 1))
    dataset = make(all_ids[:cut], all_ids[cut:])
    back = Dataset.from_stored(
        bson.decode(bson.encode({"_id": dataset.id, **dataset.model_dump()}))
    )
    assert back.parts == {"train": tuple(all_ids[:cut]), "test": tuple(all_ids[cut:])}
    assert back.label_ids == tuple(all_ids)
    assert back.id == dataset.id


def test_order_parts_and_policy_make_a_dataset():
    a, b, c = some(3)
    datasets = [
        make([a, b], [c]),
        make([b, a], [c]),
        make([a], [b, c]),
        make([a, b], [c], energy="sigma0"),
    ]
    assert len({one.id for one in datasets}) == 4


def test_name_rule_query_and_facts_do_not():
    train, test = some(3), some(2, 3)
    assert make(train, test).id == make(train, test, rule="x", query={"metal": "Cu"}).id
    other = make(train, test, facts={"missing": {"cold": 1}}, pair_of="a" * 64)
    assert other.id == make(train, test, split_options={"train": "cold"}).id


def test_a_dataset_of_the_first_layout_is_read():
    dataset = make(some(3), some(2, 3), split_options={"n_train": 900.0})
    stored = bson.decode(bson.encode({"_id": dataset.id, **dataset.model_dump()}))
    del stored["facts"], stored["pair_of"]
    assert Dataset.from_stored({**stored, "schema_version": 1}) == dataset
    with pytest.raises(ValueError, match="newer tm23flows"):
        Dataset.from_stored({**stored, "schema_version": 3})


def test_a_label_in_two_parts_is_refused():
    with pytest.raises(ValidationError, match="two parts"):
        make(some(3), some(2, start=2))


def test_all_of_tm23_fits_into_one_document():
    dataset = make(some(72_900), some(8_100, 72_900))
    assert len(bson.encode(dataset.model_dump())) < 4_000_000
