"""docs/howto/cost.md says what really works, and its numbers of laws are those of the program."""

import re
import shlex
from pathlib import Path

import pytest

from tm23flows.science import cost_laws, run_costs

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "cost.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)
LAWS = {
    "time, plane waves": cost_laws.PLANE_WAVES,
    "memory, plane waves": cost_laws.PLANE_WAVES_MEMORY,
    "potentials, models, predictions": cost_laws.ATOMS,
    "an epoch": cost_laws.EPOCHS,
    "a sparse Gaussian process": cost_laws.SPARSE_PROCESS,
}


@pytest.mark.usefixtures("emt_archive")
def test_every_command_of_the_page_works(tm23, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        ran = tm23(*shlex.split(command)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command


@pytest.mark.parametrize("name", LAWS)
def test_laws_are_those_of_the_program(name):
    (row,) = re.findall(rf"^\| {re.escape(name)} \| (.+?) \|", TEXT, re.MULTILINE)
    said = re.findall(r"([a-z -]+?) ([0-9.]+) \(([0-9.]+)\)", row)
    told = {what.strip().replace(" ", "_").replace("-", "_"): (a, b) for what, a, b in said}
    assert {k: (float(a), float(b)) for k, (a, b) in told.items()} == LAWS[name].exponents


def test_the_interval_and_the_scatter():
    assert f"interval of {run_costs.LEVEL:.0%}".replace("%", " %") in TEXT
    assert f"starts at {run_costs.SCATTER:g} of the logarithm" in TEXT
