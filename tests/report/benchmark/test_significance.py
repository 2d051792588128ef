"""Models are compared on the frames that both predict, and what is not resolved is said."""

import json
from dataclasses import replace

import pytest

from tm23flows.report.benchmark.significance import (
    TOO_FEW,
    compare_evaluations,
    significance_rows,
    significance_table,
)
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.model_comparison import judge_all

QUICK = Bootstrap(resamples=200)


@pytest.fixture(scope="module")
def pairs(evaluated):
    return compare_evaluations(evaluated, QUICK)


def test_every_two_models_on_the_same_data_are_compared(pairs):
    found = [
        (one.first.measured.dataset.element, one.first.measured.model.trainer,
         one.second.measured.model.trainer, one.judged.difference.quantity)
        for one in pairs
    ]  # fmt: skip
    assert [one[1:3] for one in found if one[0] == "Ti"] == [("flare", "nequip")] * 3
    assert len([one for one in found if one[0] == "Cu"]) == 2 + 2 + 3
    assert {one.n_family for one in pairs if one.first.measured.dataset.element == "Cu"} == {7}


def test_frames_that_one_of_them_failed_on_are_left_out_of_both(pairs):
    mixed = [one for one in pairs if one.first.measured.model.trainer == "calculator"]
    assert {one.n_left_out for one in mixed} == {2}
    assert {one.judged.difference.n_frames for one in mixed} == {38}
    clean = [one for one in pairs if one.first.measured.model.trainer == "flare"]
    assert {one.n_left_out for one in clean} == {0}


def test_the_difference_is_that_of_the_errors(pairs):
    (pair,) = [
        one
        for one in pairs
        if one.first.measured.dataset.element == "Ti" and one.judged.difference.quantity == "force"
    ]
    maes = [one.errors["all"].errors["force"].mae.value for one in (pair.first, pair.second)]
    assert pair.judged.difference.mae.value == pytest.approx(maes[0] - maes[1])
    assert pair.judged.adjusted_p >= pair.judged.difference.p_value
    # the frames are few: however small p is, nothing is named
    assert not pair.judged.difference.is_trusted
    assert pair.better is None
    trusted = replace(pair.judged.difference, is_trusted=True)
    (judged,) = judge_all([trusted], 0.95)
    assert replace(pair, judged=judged).better == pair.second.title


def test_rows_are_plain_and_in_milli_units(pairs):
    rows = significance_rows(pairs)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row, pair in zip(rows, pairs, strict=True):
        assert row["mae_difference"] == pytest.approx(1000 * pair.judged.difference.mae.value)
        assert row["mae_difference_low"] < row["mae_difference"] < row["mae_difference_high"]
        assert row["verdict"] == pair.judged.verdict
        assert row["energy_reference"] == "mean-per-atom"


def test_the_table_names_the_winner_and_the_rule(pairs):
    table = significance_table(pairs)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert {row[-1] for row in table.rows} <= {
        TOO_FEW,
        "not resolved",
        *(one.better for one in pairs),
    }
    assert "Holm" in table.note
    assert len(table.documents) == len(table.rows)
    assert any("(2 left out)" in row[3] for row in table.rows)


def test_one_model_is_compared_with_nothing(evaluated):
    assert compare_evaluations(evaluated[:1], QUICK) == []
    assert significance_table([]).rows == ()
