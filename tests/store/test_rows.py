"""Rows of labels: what a listing shows, in time order, without arrays."""

import json

from tm23flows.store.query import Query
from tm23flows.store.rows import label_rows


def test_rows_repeat_the_labels(emt_archive):
    query = Query.of(kmesh="3x3x3", sigma_eV=0.2)
    labels = list(emt_archive.labels(**query.words))
    rows = list(label_rows(emt_archive, query))
    assert [row["label_id"] for row in rows] == [label.id for label in labels]
    for row, label in zip(rows, labels, strict=True):
        assert row["frame_id"] == label.frame_id
        assert row["energy_free_eV"] == label.energies.free
        assert (row["metal"], row["regime"], row["step"]) == ("Cu", label.regime, label.step)
        assert (row["kmesh"], row["sigma_eV"], row["engine"]) == ("3x3x3", 0.2, "emt")
    assert json.loads(json.dumps(rows)) == rows


def test_a_query_restricts_the_rows(emt_archive):
    rows = list(label_rows(emt_archive, Query.of(regime="melt", sigma_eV=1.0)))
    assert {(row["regime"], row["sigma_eV"]) for row in rows} == {("melt", 1.0)}
    assert list(label_rows(emt_archive, Query.of(metal="Os"))) == []
