"""docs/howto/benchmark.md says what really works: its commands, its options and its Python."""

import re
import shlex
from pathlib import Path

import pytest

from tm23flows.flows.studies.scales import KINDS
from tm23flows.trainers.ase_calculator import CalculatorHyperparameters

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "benchmark.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_every_command_of_the_page_works(tm23, emt_copy):
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        ran = tm23(*shlex.split(command)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command


def test_studies_that_the_page_names_measure_models():
    section = TEXT.partition("## More than errors")[2]
    named = {"molecular-dynamics", "crystal", "phonons", "rare-events"}
    assert named <= set(re.findall(r"`([a-z-]+)`", section))
    for name in named:
        assert hasattr(KINDS[name].maker, "measure")


def test_options_of_the_page_exist(tm23):
    said = tm23("bench", "--help").out
    options = set(re.findall(r"`(--[a-z-]+)", TEXT))
    assert len(options) >= 10
    for option in options - {"--json"}:
        assert option in said


def test_defaults_of_the_page_are_those_of_the_program():
    fields = CalculatorHyperparameters.model_fields
    assert f"--frame-limit {fields['frame_limit_s'].default:g}" in TEXT
    assert f"--give-up-after {fields['give_up_after'].default}" in TEXT


def test_the_python_of_the_page_makes_a_flow(emt_archive):
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/benchmark.md", "exec"), names)
    assert [job.name for job, _ in names["flow"].iterflow()] == [
        "calculator",
        "Cu benchmark on test",
    ]
