import datetime as dt
import io
import json
import sys

import pytest

from tm23flows.cli.console import (
    console,
    fail,
    print_json,
    print_json_list,
    table_of,
    with_progress,
)
from tm23flows.report.studies.section import StudyTable


def test_errors_go_to_standard_error(capsys):
    fail("One sentence.")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tm23: One sentence.\n"


def test_json_takes_dates(capsys):
    print_json({"when": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "n": (1, 2)})
    assert json.loads(capsys.readouterr().out) == {"when": "2026-01-02 00:00:00+00:00", "n": [1, 2]}


def test_console_is_plain_when_captured(capsys):
    console().print("[bold]text[/]")
    assert capsys.readouterr().out == "text\n"


def test_a_table_of_the_report_is_shown_as_it_is(capsys):
    table = StudyTable("Title", ("one", "two"), [("[bold]a", "1"), ("b", "2")], note="A [note].")
    console().print(table_of(table))
    said = capsys.readouterr().out
    for words in ("Title", "one", "[bold]a", "A [note]."):
        assert words in said


@pytest.mark.parametrize("values", [[], [1], [{"a": [1, 2]}, {"b": "x\ny"}, None]], ids=str)
def test_a_list_is_printed_value_by_value_as_it_would_be_at_once(capsys, values):
    print_json_list(iter(values))
    assert capsys.readouterr().out == json.dumps(values, indent=2) + "\n"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("watched", "drawn"), [(True, True), (False, False)])
def test_a_person_who_waits_sees_how_far_it_is(monkeypatch, watched, drawn):
    asked = []
    errors = Screen() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    values = with_progress(iter(range(5)), "labels", lambda: asked.append(1) or 5, patience=2)
    assert list(values) == [0, 1, 2, 3, 4]
    assert ("labels" in errors.getvalue()) is drawn
    assert bool(asked) is drawn


def test_few_values_are_not_counted():
    values = with_progress(range(3), "labels", lambda: pytest.fail("counted"), patience=3)
    assert list(values) == [0, 1, 2]
