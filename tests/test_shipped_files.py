"""The files that a user copies to a cluster work as they are."""

import re
import string
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import yaml
from fireworks import FWorker, LaunchPad, fw_config
from fireworks.utilities.fw_serializers import SAVED_FW_MODULES, load_object_from_file

from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.flows.naming import Category
from tm23flows.ops.fireworks_config import write_config
from tm23flows.settings import TM23Settings

ROOT = Path(__file__).resolve().parents[1]
LAUNCHPAD = ROOT / "launchpad"
FILES = sorted([*LAUNCHPAD.glob("*.yaml"), *LAUNCHPAD.glob("*.sh"), ROOT / "my_fworker.yaml"])
ADAPTERS = sorted(LAUNCHPAD.glob("my_qadapter*.yaml"))
CATEGORIES = get_args(Category)


def test_all_of_them_use_the_embedded_databases_default_port():
    port = TM23Settings.model_fields["db_port"].default
    texts = {path.name: path.read_text() for path in FILES}
    found = {name: re.findall(r"127\.0\.0\.1:(\d+)", text) for name, text in texts.items()}
    assert {p for ports in found.values() for p in ports} == {str(port)}


def test_launchpad_opens_lazily_from_its_file():
    launchpad = LaunchPad.from_file(str(ROOT / "launchpad" / "my_launchpad.yaml"))
    assert launchpad.uri_mode
    assert launchpad.name == "fireworks"


@pytest.mark.parametrize("category", CATEGORIES)
def test_workers_take_their_category(category):
    worker = FWorker.from_file(str(LAUNCHPAD / f"my_fworker_{category}.yaml"))
    assert worker.query["spec._category"] == category
    assert worker.name == category


def test_the_worker_at_the_top_takes_everything():
    assert "spec._category" not in FWorker.from_file(str(ROOT / "my_fworker.yaml")).query


@pytest.mark.parametrize(
    "name", ["my_fworker.yaml", *(f"launchpad/my_fworker_{one}.yaml" for one in ("aimd", "label"))]
)
def test_workers_of_vasp_name_its_commands_as_words(name, tmp_path, monkeypatch):
    for program in ("srun", "vasp_std", "vasp_gam"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(ROOT / name))
    assert vasp_commands() == (("srun", "vasp_std"), ("srun", "vasp_gam"))
    assert all(
        isinstance(one, list) for one in yaml.safe_load((ROOT / name).read_text())["env"].values()
    )


@pytest.fixture
def script(monkeypatch):
    """A function that writes the script of a queue adapter for SLURM."""
    # FireWorks would look for the class by importing all of its own tests.
    home = "fireworks.user_objects.queue_adapters.common_adapter"
    monkeypatch.setitem(SAVED_FW_MODULES, "CommonAdapter", home)
    return lambda path: load_object_from_file(str(path)).get_script_str("/a/folder")


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("error")  # of keys that FireWorks' template does not have
def test_slurm_scripts(path, script):
    category = path.stem.partition("qadapter")[2].removeprefix("_")
    worker = f"launchpad/my_fworker_{category}.yaml" if category else "my_fworker.yaml"
    lines = script(path).splitlines()
    assert lines[0].startswith("#!/bin/bash")
    assert "#SBATCH --signal=B:USR1@600" in lines
    assert any(line.startswith("#SBATCH --ntasks=") for line in lines)
    assert f"#SBATCH --job-name={'-'.join(filter(None, ('tm23', category)))}" in lines
    assert ("#SBATCH --gres=gpu:1" in lines) == (category == "train-gpu")
    commands = [line for line in lines if line and not line.startswith("#")]
    # SLURM signals the shell of the job alone, so the worker has to be in its place.
    assert commands == [
        ". $TM23FLOWS_HOME/launchpad/environment.sh",
        "cd /a/folder",
        f"exec tm23 worker -w $TM23FLOWS_HOME/{worker}",
    ]
    assert (ROOT / worker).is_file()


def test_each_category_has_its_adapter_and_no_other_has():
    names = {f"my_qadapter_{one}" for one in CATEGORIES} | {"my_qadapter"}
    assert {path.stem for path in ADAPTERS} == names


def test_keys_that_the_adapter_names_are_those_of_fireworks(script):
    text = (LAUNCHPAD / "my_qadapter.yaml").read_text()
    named = re.search(r"besides these: (.+?)\.", text.replace("\n# ", " ")).group(1).split(", ")
    template = load_object_from_file(str(LAUNCHPAD / "my_qadapter.yaml")).template_file
    known = {one[1] for one in string.Formatter().parse(Path(template).read_text())}
    assert len(named) > 9
    assert set(named) <= known


def test_they_say_the_same_as_the_ones_that_are_written(tmp_path):
    write_config(tmp_path, "mongodb://127.0.0.1:27923")
    for name in ("my_launchpad.yaml", "jobflow.yaml"):
        shipped = yaml.safe_load((ROOT / "launchpad" / name).read_text())
        assert shipped == yaml.safe_load((tmp_path / name).read_text())
    shipped = yaml.safe_load((ROOT / "launchpad" / "FW_config.yaml").read_text())
    written = yaml.safe_load((tmp_path / "FW_config.yaml").read_text())
    assert {**written, "CONFIG_FILE_DIR": "launchpad"} == shipped


def test_no_secret_and_no_path_of_a_machine():
    for path in FILES:
        text = path.read_text()
        assert not re.search(r"password\s*:", text), path
        assert not re.search(r"(?<![\w$])/(home|root|work|tmp)/", text), path


def test_setup_knows_its_packages_and_the_shell_reads_it():
    for script in (ROOT / "scripts" / "setup.sh", *LAUNCHPAD.glob("*.sh")):
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    names = (ROOT / "scripts" / "debian-packages.txt").read_text().split("\n")
    packages = [name for name in names if name and not name.startswith("#")]
    assert len(set(packages)) == len(packages)
    assert all(re.fullmatch(r"[a-z0-9.+-]+", name) for name in packages)
