"""Rows, tables and figures of errors: every number with its unit, every lost frame by name."""

import json

import numpy as np
import pytest

from tm23flows.report.benchmark.errors import (
    bounded_text,
    error_rows,
    error_tables,
    failure_rows,
)
from tm23flows.science.block_bootstrap import Estimate


def of(rows, **words):
    return [row for row in rows if all(row[key] == value for key, value in words.items())]


def test_rows_have_units_and_intervals_in_milli_units(world, evaluated):
    rows = error_rows(evaluated)
    (row,) = of(
        rows, metal="Cu", trainer="flare", temperature="all", quantity="force",
        force_from_eV_per_A=None,
    )  # fmt: skip
    predicted = np.concatenate(world.predictions["Cu", "flare"].forces)
    labelled = np.concatenate([one.forces for one in world.labels["Cu"]])
    mae = np.abs(predicted - labelled).mean()
    assert (row["unit"], row["mae"]) == ("meV/A", pytest.approx(1000 * mae))
    assert row["percent"] == pytest.approx(100 * mae / np.abs(labelled).mean())
    assert row["mae_low"] < row["mae"] < row["mae_high"]
    assert row["percent_low"] < row["percent"] < row["percent_high"]
    assert (row["n_frames"], row["n_components"], row["n_failed"]) == (40, 240, 0)
    assert row["level"] == 0.95
    assert row["reason"] == ""
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert len({tuple(one) for one in rows}) == 1, "all rows have the same columns"


def test_rows_are_by_temperature_and_by_magnitude(evaluated):
    rows = of(error_rows(evaluated), metal="Ti", trainer="nequip")
    assert list(dict.fromkeys(row["temperature"] for row in rows)) == ["all", "cold", "melt"]
    bins = of(rows, temperature="all", quantity="force")[1:]
    assert [row["force_from_eV_per_A"] for row in bins] == [0.0, 0.25, 0.5, 1.0, 2.0]
    assert [row["force_to_eV_per_A"] for row in bins] == [0.25, 0.5, 1.0, 2.0, None]
    assert sum(row["n_components"] for row in bins) == 240


def test_frames_that_failed_are_counted_and_named(world, evaluated):
    found = failure_rows(evaluated)
    assert [row["label_id"] for row in found] == [world.labels["Cu"][i].id for i in (3, 7)]
    assert {row["trainer"] for row in found} == {"calculator"}
    (row,) = of(error_rows(evaluated), trainer="calculator", temperature="all", quantity="energy")
    assert (row["n_frames"], row["n_failed"]) == (38, 2)
    table = error_tables(evaluated)[-1]
    assert table.title == "Frames that a model could not predict"
    assert [one[3] for one in table.rows] == [
        "RuntimeError: it <b>crashed</b>",
        "the energy is NaN",
    ]


def test_many_failures_are_counted_where_they_are_not_all_named(evaluated, monkeypatch):
    monkeypatch.setattr("tm23flows.report.benchmark.errors.NAMED_FAILURES", 1)
    table = error_tables(evaluated)[-1]
    assert len(table.rows) == len(table.documents) == 2
    assert table.rows[-1][3] == "and 1 more"


def test_tables_have_a_row_for_each_model_and_temperature(evaluated):
    tables = {one.title: one for one in error_tables(evaluated)}
    assert list(tables)[:4] == [
        "Force errors", "Energy errors", "Stress errors",
        "Force errors by the magnitude of the labelled force",
    ]  # fmt: skip
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert len(table.documents) == len(table.rows)
    found = dict.fromkeys(tables["Force errors"].documents)
    assert list(found) == [one.measured.evaluation.id for one in evaluated]
    assert len(tables["Force errors"].rows) == 5 * 3
    assert len(tables["Stress errors"].rows) == 4 * 3  # the calculator has none
    assert "mean-per-atom" in tables["Energy errors"].note
    assert "95 %" in tables["Force errors"].note
    assert error_tables([]) == []


def test_without_failures_there_is_no_such_table(evaluated):
    tables = error_tables([one for one in evaluated if one.measured.dataset.element == "Ti"])
    assert len(tables) == 4


def test_numbers_are_written_with_their_intervals():
    assert bounded_text(Estimate(0.0123, 0.0119, 0.0128), 1000) == "12.3 (11.9 to 12.8)"
    assert bounded_text(Estimate(3.0)) == "3.00"
    assert bounded_text(None) == "undefined"
