"""One command for metals and for studies, and the help of both."""

import pytest


@pytest.mark.parametrize("command", ["build", "run", "plan"])
def test_help_is_that_of_the_metals_and_names_studies(tm23, command):
    ran = tm23(command, "--help")
    assert ran.code == 0
    assert f"tm23 {command}" in ran.out
    assert "Chemical symbols" in ran.out
    assert "tm23 " + command + " study" in " ".join(ran.out.split())


def test_the_help_of_a_study(tm23):
    ran = tm23("build", "study", "--help")
    assert ran.code == 0
    for word in ("--metals", "--allow-unconverged", "smearing"):
        assert word in ran.out


def test_options_may_come_first(tm23):
    ran = tm23("plan", "--engine", "emt", "Cu", "--json")
    assert ran.code == 0
    assert ran.json["fireworks"] == 24
