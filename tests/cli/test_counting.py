"""The counting line: drawn for a person, silent for a program."""

import io
import sys

import pytest

from tm23flows.cli.counting import counting


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("kind", "drawn"), [(Screen, True), (io.StringIO, False)])
def test_only_a_person_sees_it(monkeypatch, kind, drawn):
    errors, out = kind(), io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(sys, "stdout", out)
    with counting() as tick:
        tick("frames", 200)
        tick("frames", 7)
        tick("labels", 1)
    assert ("207 frames" in errors.getvalue()) is drawn
    assert bool(errors.getvalue()) is drawn
    assert out.getvalue() == ""
