"""Costs in words."""

import pytest
from rich.console import Console

from tm23flows.cli.forecast_view import (
    bytes_words,
    forecast_lines,
    forecast_table,
    interval_words,
)
from tm23flows.ops.cost.book import Row, StageSum
from tm23flows.ops.cost.forecast import Forecast
from tm23flows.science.run_costs import Estimate

HOURS = Estimate(7200.0, 3600.0, 14_400.0)


def example(*, complete=True, core_s=HOURS, workers=1):
    reason = "" if complete else "no emt step was measured yet: run one metal first"
    row = Row("Cu", "aimd", "emt step", 3, 100, core_s, reason)
    total = StageSum("all", "all", 3, core_s, complete, Estimate(3e9, 1e9, 5e9), 4.2e7, None)
    return Forecast((row,), (total,), workers, core_s, core_s)


def table_text(found):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(forecast_table(found))
    return captured.get()


def test_a_row_of_the_table():
    text = table_text(example())
    for words in ("2 (1 to 4)", "3 GB (1 GB to 5 GB)", "42 MB", "unknown", "90% interval"):
        assert words in text
    assert "2 (1 to 4) and more" in table_text(example(complete=False))
    assert "2 (1 to 4)" not in table_text(example(core_s=None, complete=False))


def test_lines():
    first, second = forecast_lines(example(workers=3), None)
    assert first == "wall time with 3 workers: 2 (1 to 4) h, without waiting in queues"
    assert "longest chain" in second
    lines = forecast_lines(example(complete=False), None)
    assert "of what is known" in lines[0]
    assert lines[2] == "times: no emt step was measured yet: run one metal first"
    (line,) = forecast_lines(example(core_s=None, complete=False), "No database.")
    assert line == "times: unknown, because no archive could be read. No database."


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e13, "30 TB")],
)
def test_bytes(number, words):
    assert bytes_words(number) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [((3600, 1800, 7200), "1 (0.5 to 2)"), ((3.6e6, 3.6e5, 3.6e7), "1,000 (100 to 10,000)")],
)
def test_intervals(value, words):
    assert interval_words(Estimate(*value), 3600) == words
