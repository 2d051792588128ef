"""ColabFit's columns: their names, order and types, and what goes into them."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from tm23flows.store.exchange.colabfit import COLUMNS, colabfit_row
from tm23flows.store.exchange.records import Wanted

PUBLISHED = """
property_id property_hash last_modified dataset_id multiplicity software method energy
atomic_forces cauchy_stress cauchy_stress_volume_normalized electronic_band_gap
electronic_band_gap_type formation_energy adsorption_energy atomization_energy max_force_norm
mean_force_norm energy_above_hull configuration_id configuration_hash structure_hash cell positions
pbc chemical_formula_hill chemical_formula_reduced chemical_formula_anonymous elements
elements_ratios atomic_numbers nsites nelements nperiodic_dimensions dimension_types names labels
"""
"""Columns of ColabFit's published table, in its order."""


def test_the_columns_are_colabfits(tmp_path, pairs, write_file):
    schema = pq.read_schema(write_file("parquet", tmp_path, pairs))
    assert schema.names[: len(PUBLISHED.split())] == PUBLISHED.split()
    table = pa.list_(pa.list_(pa.float64()))
    for name in ("atomic_forces", "cauchy_stress", "cell", "positions"):
        assert schema.field(name).type == table
    assert schema.field("energy").type == pa.float64()
    assert schema.field("multiplicity").type == pa.int32()
    assert schema.field("elements_ratios").type == pa.list_(pa.float64())


def test_what_goes_into_a_row(make_frame, make_label):
    frame = make_frame(numbers=[29, 29, 47], positions=np.eye(3))
    label = make_label(frame, forces=[[3.0, 4.0, 0.0], [0, 0, 1], [0, 0, 0]], stress=None)
    row = colabfit_row(frame, label, Wanted(1, 3, "sigma0"))
    assert set(row) <= set(COLUMNS)
    assert row["energy"] == label.energies.sigma0
    assert (row["max_force_norm"], row["mean_force_norm"]) == (5.0, 2.0)
    assert row["chemical_formula_hill"] == "AgCu2"
    assert row["chemical_formula_anonymous"] == "A2B"
    assert row["elements_ratios"] == pytest.approx([1 / 3, 2 / 3])
    assert row["cauchy_stress_volume_normalized"] is None
    assert (row["nsites"], row["nelements"], row["dataset_id"]) == (3, 2, None)
    assert row["method"] == "EMT"
