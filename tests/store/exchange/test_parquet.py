"""Parquet: float64, bit by bit, found by other programs."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange import parquet


@settings(max_examples=30)
@given(data=st.data())
def test_any_numbers_and_words_come_back(
    tmp_path_factory, any_records, through_file, assert_same, data
):
    pairs = data.draw(any_records)
    assert_same(through_file("parquet", tmp_path_factory.mktemp("pq"), pairs), pairs)


def test_row_groups_join_without_a_seam(tmp_path, pairs, through_file, assert_same, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 3)
    assert_same(through_file("parquet", tmp_path, pairs), pairs)


def test_other_programs_find_the_numbers(tmp_path, pairs, write_file):
    path = write_file("parquet", tmp_path, pairs, energy="sigma0", dataset_id="d" * 64)
    rows = pq.read_table(path).to_pylist()
    frame, label = pairs[-1]
    row = rows[-1]
    xx, yy, zz, yz, xz, xy = label.stress
    assert row["energy"] == label.energies.sigma0
    assert row["atomic_forces"] == label.forces.tolist()
    assert row["cauchy_stress"] == [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
    assert row["cauchy_stress_volume_normalized"] is True
    assert row["max_force_norm"] == pytest.approx(np.linalg.norm(label.forces, axis=1).max())
    assert row["atomic_numbers"] == [29, 47]
    assert (row["elements"], row["elements_ratios"]) == (["Ag", "Cu"], [0.5, 0.5])
    assert row["chemical_formula_hill"] == "AgCu"
    assert row["chemical_formula_anonymous"] == "AB"
    assert row["configuration_id"] == "CO_" + frame.id[:25]
    assert row["dataset_id"] == "d" * 64
    assert rows[0]["chemical_formula_reduced"] == "Cu"
    assert rows[2]["cauchy_stress"] is None


def test_files_that_are_none_of_ours_are_refused(tmp_path, pairs, write_file):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no Parquet")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(parquet.read(path))
    pq.write_table(pa.table({"energy": [1.0]}), path)
    with pytest.raises(InputError, match="not written by 'tm23 export'"):
        list(parquet.read(path))
    with pytest.raises(InputError, match="no file"):
        list(parquet.read(tmp_path / "none.parquet"))


def test_a_number_that_was_edited_is_found(tmp_path, pairs, write_file):
    path = write_file("parquet", tmp_path, pairs)
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[1]["atomic_forces"][0][0] += 1e-12
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    with pytest.raises(InputError, match=r"Frame 2 .* label was changed"):
        list(parquet.read(path))
    rows[1]["property_metadata"] = None
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    with pytest.raises(InputError, match=r"Frame 2 .* not written by"):
        list(parquet.read(path))


def test_without_pyarrow_it_says_so(tmp_path, pairs, write_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"tm23flows\[exchange\]"):
        write_file("parquet", tmp_path, pairs)
