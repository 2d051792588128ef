"""What a benchmark shows; the whole command is in test_bench."""

from __future__ import annotations

from tm23flows.cli.bench_results import reasons_of


def test_reasons_are_found_in_the_log_of_jobflow():
    log = (
        "2026-01-01 10:00:00,000 INFO one failed with exception:\n"
        "Traceback (most recent call last):\n  File x\n"
        "tm23flows.errors.InputError: There is no model.\n\n"
        "2026-01-01 10:00:01,000 INFO Starting job - two (b)\n"
        "2026-01-01 10:00:02,000 INFO two failed with exception:\n"
        "Traceback:\nValueError: 3\n"
    )
    assert reasons_of(log) == {"one": "There is no model.", "two": "3"}
