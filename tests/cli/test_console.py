import datetime as dt
import json

from tm23flows.cli.console import console, fail, print_json


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
