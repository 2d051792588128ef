"""Datasets of any size: no document over 1 MB, and nobody above the store notices."""

import bson
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.ids import content_id
from tm23flows.errors import NotFoundError
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.datasets.large import INLINE_BYTES, fold, folded_blobs, unfold
from tm23flows.store.datasets.names import name_dataset
from tm23flows.store.past.descendants import descendants


def dataset_of(ids, **fields):
    cut = len(ids) * 9 // 10
    given = {"element": "Cu", "rule": "full", "query": {}, "provenance": Provenance.now()}
    return Dataset(parts={"train": ids[:cut], "test": ids[cut:]}, **{**given, **fields})


@pytest.fixture(scope="module")
def tm23_sized():
    """All 81,000 labels of TM23."""
    return dataset_of([content_id("x", n=n) for n in range(81_000)])


@pytest.fixture
def small_limit(monkeypatch):
    """Eight ids are a large dataset."""
    monkeypatch.setattr("tm23flows.store.datasets.large.INLINE_BYTES", 7 * 32)


@pytest.fixture
def stored(archive, small_limit, make_frame, make_label):
    frames = [make_frame(seed=n, trajectory_id=None) for n in range(10)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    return name_dataset(archive, "large", dataset_of([label.id for label in labels])).dataset


def test_all_of_tm23_is_a_small_document_and_comes_back(archive, tm23_sized):
    archive.put(tm23_sized)
    archive.put(tm23_sized)
    (document,) = archive.database["datasets"].find()
    assert len(bson.encode(document)) < 1_000_000
    assert document["parts"]["train"]["n"] == 72_900
    assert archive.get(Dataset, tm23_sized.id) == tm23_sized
    assert archive.find(tm23_sized.id[:12]) == tm23_sized


def test_the_largest_that_stays_in_its_document_is_below_1_mb(archive):
    dataset = dataset_of([content_id("x", n=n) for n in range(INLINE_BYTES // 32)])
    document = dataset.model_dump()
    assert fold(archive.blobs, "datasets", document) is document
    assert len(bson.encode(document)) < 1_000_000


def test_other_nouns_are_left_alone(archive):
    frame = {"parts": {"train": b"1" * (INLINE_BYTES + 1)}}
    assert fold(archive.blobs, "frames", frame) is frame
    assert unfold(archive.blobs, "frames", frame) is frame
    assert folded_blobs("datasets", {"parts": None}) == []


def test_trace_descendants_queries_and_audit_know_its_labels(archive, stored):
    assert folded_blobs("datasets", archive.database["datasets"].find_one())
    traced = archive.trace(stored.id)
    assert {level.collection: level.count for level in traced.levels}["labels"] == 10
    below = descendants(archive, stored.label_ids[3])
    assert stored.id in [one.id for level in below.levels for one in level.shown]
    assert archive.labels(dataset="large", part="test").count() == 1
    assert not [one for one in audit(archive).violations if one.where == "datasets"]


def test_a_blob_that_is_gone_is_named(archive, stored):
    blob = folded_blobs("datasets", archive.database["datasets"].find_one())[0]
    archive.database["blobs.files"].delete_one({"_id": blob})
    with pytest.raises(NotFoundError, match=blob[:12]):
        archive.dataset("large")
    found = [one for one in audit(archive).violations if one.invariant == "I2"]
    assert any(blob in one.what for one in found)
    with pytest.raises(NotFoundError, match=blob[:12]):
        archive.trace(stored.id)
