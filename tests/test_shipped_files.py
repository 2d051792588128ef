"""The files that a user copies to a cluster work as they are."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from fireworks import FWorker, LaunchPad
from fireworks.utilities.fw_serializers import SAVED_FW_MODULES, load_object_from_file

from tm23flows.ops.fireworks_config import write_config
from tm23flows.settings import TM23Settings

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "launchpad").glob("*.yaml"), ROOT / "my_fworker.yaml"])


def test_all_of_them_use_the_embedded_databases_default_port():
    port = TM23Settings.model_fields["db_port"].default
    texts = {path.name: path.read_text() for path in FILES}
    found = {name: re.findall(r"127\.0\.0\.1:(\d+)", text) for name, text in texts.items()}
    assert {p for ports in found.values() for p in ports} == {str(port)}


def test_launchpad_opens_lazily_from_its_file():
    launchpad = LaunchPad.from_file(str(ROOT / "launchpad" / "my_launchpad.yaml"))
    assert launchpad.uri_mode
    assert launchpad.name == "fireworks"


@pytest.mark.parametrize(
    ("name", "categories"),
    [
        ("my_fworker.yaml", None),
        ("launchpad/my_fworker_dft.yaml", ["dft", "data"]),
        ("launchpad/my_fworker_train.yaml", ["train", "data"]),
    ],
)
def test_workers_take_their_categories(name, categories):
    query = FWorker.from_file(str(ROOT / name)).query
    wanted = query.get("spec._category")
    assert wanted == (None if categories is None else {"$in": categories})


def test_slurm_script(monkeypatch):
    # FireWorks would look for the class by importing all of its own tests.
    home = "fireworks.user_objects.queue_adapters.common_adapter"
    monkeypatch.setitem(SAVED_FW_MODULES, "CommonAdapter", home)
    adapter = load_object_from_file(str(ROOT / "launchpad" / "my_qadapter.yaml"))
    script = adapter.get_script_str("/a/folder")
    assert "#SBATCH --ntasks=1" in script
    assert "cd /a/folder" in script
    assert "rlaunch -l $TM23FLOWS_HOME/launchpad/my_launchpad.yaml" in script


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
    done = subprocess.run(["bash", "-n", ROOT / "scripts" / "setup.sh"], check=False)
    assert done.returncode == 0
    names = (ROOT / "scripts" / "debian-packages.txt").read_text().split("\n")
    packages = [name for name in names if name and not name.startswith("#")]
    assert len(set(packages)) == len(packages)
    assert all(re.fullmatch(r"[a-z0-9.+-]+", name) for name in packages)
