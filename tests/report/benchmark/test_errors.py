"""Tables of errors: every number with its interval, every lost frame by name."""

from dataclasses import replace

from tm23flows.report.benchmark.errors import bounded_text, error_tables, name_of
from tm23flows.science.block_bootstrap import Estimate


def test_frames_that_failed_are_named(evaluated):
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


def test_rows_of_another_energy_reference_say_so(evaluated):
    first = evaluated[0]
    made = first.measured.evaluation.model_copy(update={"energy_reference": "none"})
    other = replace(first, measured=replace(first.measured, evaluation=made))
    assert name_of(first) == "Cu-set, test"
    assert name_of(other) == "Cu-set, test, energy reference 'none'"
    (table, *_) = error_tables([first, other])
    assert len({row[:3] for row in table.rows}) == len(table.rows)
