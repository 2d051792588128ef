"""docs/howto/training.md says what really works: its commands, its Python, and its tables."""

import gzip
import re
import shlex
from pathlib import Path

import pytest

from tm23flows.trainers.flare import FlareHyperparameters
from tm23flows.trainers.nequip import NequipHyperparameters

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "howto" / "training.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)
ON_REAL_DATA = re.search(r"```text\n(.+?)```", TEXT, re.DOTALL).group(1).splitlines()
NIOBIUM = ROOT.parent / "shared" / "data" / "snap_NbMoTaW" / "Nb_AIMD.json.gz"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_every_command_of_the_page_works(tm23, emt_copy):
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command


def test_the_python_of_the_page_makes_a_flow():
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/training.md", "exec"), names)
    jobs = [job.name for job, _ in names["flow"].iterflow()]
    assert "Cu flare grid search" in jobs
    assert sum(name.startswith("Cu flare model") for name in jobs) == 5  # four points, one model


def test_hyperparameters_that_the_page_names_exist():
    known = {*FlareHyperparameters.model_fields, *NequipHyperparameters.model_fields}
    for name in ("environments_per_frame", "noise_force", "starts", "optimise_every", "network",
                 "max_epochs", "max_wall_s"):  # fmt: skip
        assert f"`{name}" in TEXT
        assert name in known


def test_the_differences_of_the_weight_counts_add_up():
    rows = re.findall(r"^\| (?:Cu, Ti|Au, Os) \| \d \| (.+) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 10
    for row in rows:
        paper, current, difference, *terms = (int(word) for word in row.split(" | "))
        assert current - paper == difference == sum(terms)


@pytest.mark.slow
def test_the_transfer_of_the_page_on_real_data(tm23, archive):
    if not NIOBIUM.is_file():
        pytest.skip(f"shared test data not found: {NIOBIUM.name}")
    Path("Nb_AIMD.json").write_bytes(gzip.decompress(NIOBIUM.read_bytes()))
    model = ""
    for command in ON_REAL_DATA:
        words = shlex.split(command)[1:]
        if "nequip" in words:
            continue  # twenty minutes
        words = [model if word == "ID" else word for word in words]
        as_json = ["--json"] if words[0] in ("train", "evaluate") else []
        ran = tm23(*words, *as_json)
        assert ran.code == 0, f"{command}: {ran.err}"
        if as_json:
            model = ran.json["model_id"]
    errors = {one["part"]: one["errors"]["all"]["force"] for one in ran.json["evaluations"]}
    # the mean absolute force components that the data are known to have
    assert errors["warm"]["mav"] == pytest.approx(0.706, abs=0.01)
    assert errors["hot"]["mav"] == pytest.approx(1.266, abs=0.01)
    assert errors["warm"]["percent"] < errors["hot"]["percent"] < 100
