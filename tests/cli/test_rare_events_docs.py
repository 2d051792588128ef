"""docs/howto/rare_events.md says what really works: its commands, its Python, its settings."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.flows.rare_event_selection import RareEventSelectionMaker
from tm23flows.flows.studies.rare_events import RareEventStudyMaker
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.science.enhanced_training import Enhancement
from tm23flows.science.event_rule import EventRule
from tm23flows.science.model_choice import RMSE_FILTER
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "howto" / "rare_events.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)


def test_the_commands_of_the_page_work(tm23, archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    forces = np.random.default_rng(0).normal(0, 1, (4, 3))
    labels = {"DFT_K4": forces, "DFT_K1": forces + 0.1}
    r = [0.0, 1.0, 2.0, 3.0]
    write_rare_events(Path("RE"), [RareFrame(atoms, {"DFT_K4": -1.0}, labels, r, r)], {})
    model = store_calculator(archive, {"calculator": "ase.calculators.emt:EMT"})
    assert len(COMMANDS) == 2
    for command in COMMANDS:
        words = [model.id if w == "ID" else w for w in shlex.split(command, comments=True)[1:]]
        ran = tm23(*words)
        assert ran.code == 0, f"{command}: {ran.err}"
        assert "atoms in the middle" in ran.out or ran.json["n_atoms"] == 1


def test_the_python_of_the_page_makes_a_flow():
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/rare_events.md", "exec"), names)
    jobs = [job.name for job, _ in names["flow"].iterflow()]
    assert sum(name.startswith("Cu flare") and name.endswith("model") for name in jobs) == 6


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (EventRule, ("r_site_A", "persistence_fs", "join_fs", "max_events", "seed",
                     "frames_per_event", "quiet_frames", "vacancy_cutoff_A")),
        (RareEventStudyMaker, ("cheap_kmesh", "gap_fs")),
        (Enhancement, ("share", "gap_fs")),
        (RareEventSelectionMaker, ("rmse_filter",)),
    ],
)  # fmt: skip
def test_settings_that_the_page_names_exist(kind, names):
    known = {one.name for one in fields(kind)}
    for name in names:
        assert f"`{name}`" in TEXT
        assert name in known


def test_the_numbers_of_the_page_are_the_defaults():
    rule = EventRule()
    for name in ("r_site_A", "persistence_fs", "join_fs", "max_events", "frames_per_event"):
        said = re.search(rf"`{name}` \((\d+\.?\d*)", TEXT).group(1)
        assert float(said) == getattr(rule, name)
    assert f"`rmse_filter` ({RMSE_FILTER:g})" in TEXT
    assert f"`share` ({Enhancement().share:g}," in TEXT
