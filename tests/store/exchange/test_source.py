"""What an export is made of: ids first, documents in batches."""

import pytest

from tm23flows.documents.label import Label
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.exchange import source
from tm23flows.store.exchange.source import find_source, labels_of, stream_pairs


def test_a_dataset_is_all_of_it_or_a_part(emt_archive):
    dataset = emt_archive.dataset("Cu-demo")
    found = find_source(emt_archive, "Cu-demo@1")
    assert found.label_ids == dataset.label_ids
    assert found.n_atoms == sum(one.n_atoms for one in labels_of(emt_archive, "Cu-demo"))
    assert found.described == {
        "dataset": "Cu-demo@1",
        "id": dataset.id,
        "name": "Cu-demo",
        "version": 1,
        "part": "all of train, test",
    }
    part = find_source(emt_archive, dataset.id, "test")
    assert part.label_ids == dataset.parts["test"]
    assert part.described["part"] == "test"
    with pytest.raises(InputError, match="has no part 'x'; it has train, test"):
        find_source(emt_archive, "Cu-demo", "x")
    with pytest.raises(NotFoundError, match="no dataset 'Ag-demo'"):
        find_source(emt_archive, "Ag-demo")


def test_a_query_is_of_one_recipe(emt_archive):
    words = "kmesh=3x3x3,sigma_eV=0.2,regime=melt"
    assert len(find_source(emt_archive, words).label_ids) == 8
    with pytest.raises(InputError, match=r"of [2-9] recipes .* ask for one"):
        find_source(emt_archive, "metal=Cu")
    with pytest.raises(InputError, match="finds no labels"):
        find_source(emt_archive, "metal=Os")
    with pytest.raises(InputError, match="Only datasets have parts"):
        find_source(emt_archive, words, "test")


def test_records_come_in_order_and_in_batches(emt_archive, monkeypatch):
    monkeypatch.setattr(source, "BATCH", 5)
    ids = find_source(emt_archive, "Cu-demo").label_ids
    asked = []
    real = emt_archive.get_many
    monkeypatch.setattr(
        emt_archive, "get_many", lambda noun, some: asked.append(len(some)) or real(noun, some)
    )
    found = [label.id for frame, label in stream_pairs(emt_archive, ids) if label.frame_id]
    assert tuple(found) == ids
    assert max(asked) == 5


def test_a_label_that_is_gone_is_found_before_anything_is_read(emt_copy):
    one = find_source(emt_copy, "Cu-demo").label_ids[3]
    emt_copy.database["labels"].delete_one({"_id": one})
    with pytest.raises(NotFoundError, match=r"1 of 24 labels .* 'tm23 audit'"):
        find_source(emt_copy, "Cu-demo")
    assert emt_copy.existing(Label, [one]) == set()
