"""Rows of labels and frames: what a listing shows, in time order, without arrays."""

import json

from tm23flows.store.query.rows import frame_rows, label_rows
from tm23flows.store.query.words import Query


def test_rows_repeat_the_labels(emt_archive):
    query = Query.of(kmesh="3x3x3", sigma_eV=0.2)
    labels = list(emt_archive.labels(**query.words))
    rows = list(label_rows(emt_archive, query))
    assert [row["label_id"] for row in rows] == [label.id for label in labels]
    for row, label in zip(rows, labels, strict=True):
        assert row["frame_id"] == label.frame_id
        assert row["trajectory_id"] == label.trajectory_id
        assert row["energy_free_eV"] == label.energies.free
        assert row["energy_eV_per_atom"] == label.magnitudes.energy_per_atom
        assert row["max_force_eV_per_A"] == label.magnitudes.max_force
        assert row["max_stress_eV_per_A3"] == label.magnitudes.max_stress
        assert row["created"] == label.provenance.created.isoformat()
        assert (row["metal"], row["regime"], row["step"]) == ("Cu", label.regime, label.step)
        assert (row["kmesh"], row["sigma_eV"], row["engine"]) == ("3x3x3", 0.2, "emt")
    assert json.loads(json.dumps(rows)) == rows


def test_rows_repeat_the_frames(emt_archive):
    frames = list(emt_archive.frames(regime="warm"))
    rows = list(frame_rows(emt_archive, Query.of(regime="warm")))
    assert [row["frame_id"] for row in rows] == [frame.id for frame in frames]
    for row, frame in zip(rows, frames, strict=True):
        assert row["n_atoms"] == len(frame.numbers)
        assert (row["time_fs"], row["step"]) == (frame.time_fs, frame.step)
        assert (row["metal"], row["regime"], row["tags"]) == ("Cu", "warm", frame.tags)
    assert json.loads(json.dumps(rows)) == rows


def test_a_query_restricts_the_rows(emt_archive):
    rows = list(label_rows(emt_archive, Query.of(regime="melt", sigma_eV=1.0)))
    assert {(row["regime"], row["sigma_eV"]) for row in rows} == {("melt", 1.0)}
    assert list(label_rows(emt_archive, Query.of(metal="Os"))) == []
    assert list(frame_rows(emt_archive, Query.of(metal="Os"))) == []


def test_labels_of_the_layout_before_have_rows_too(archive, make_frame, make_label):
    archive.put(make_label(make_frame()))
    archive.database["labels"].update_one({}, {"$unset": {"magnitudes": 1}})
    (row,) = label_rows(archive, Query.of())
    assert row["max_force_eV_per_A"] is None
