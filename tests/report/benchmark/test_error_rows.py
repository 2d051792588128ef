"""Plain rows of errors: every number with its unit, every lost frame by name."""

import json

import numpy as np
import pytest

from tm23flows.report.benchmark.error_rows import error_rows, failure_rows, groups_of


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


def test_groups_begin_with_all_frames(evaluated):
    assert all(groups_of(one) == ["all", "cold", "melt"] for one in evaluated)
