"""docs/howto/studies.md says what really works: its Python and its settings. Its commands are run in test_study."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tm23flows.flows.studies.scales import KINDS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "howto" / "studies.md").read_text()


def test_the_python_of_the_page_makes_a_flow():
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/studies.md", "exec"), names)
    jobs = [job.name for job, _ in names["flow"].iterflow()]
    assert "Cu flare model" in jobs
    assert not any("strained" in one for one in jobs)


def test_the_table_has_every_study():
    assert re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("smearing", ("sigmas_eV", "n_noise_frames", "n_dos_frames", "model", "allow_missing")),
        ("electrons", ("electrons_per_atom",)),
        ("dos", ("seed", "count")),
        ("correlations", ("trainer",)),
        ("finite-size", ("n_sites",)),
        ("transfer", ("matrix", "article", "train_on")),
        ("molecular-dynamics", ("n_steps", "stability", "melting")),
        ("crystal", ("volumes", "axial_ratios", "vacancy", "phases")),
        ("phonons", ("image_distance_A", "supercell", "displacement_A")),
    ],
)
def test_settings_that_the_page_names_exist(kind, names):
    known = {one.name for one in fields(KINDS[kind].maker)}
    for name in names:
        assert name in TEXT
        assert name in known
