"""The files that a user copies to a cluster work as they are."""

import re
import string
import subprocess
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import typer.testing
import yaml
from fireworks import FWorker, LaunchPad, Workflow, fw_config
from fireworks.utilities.fw_serializers import SAVED_FW_MODULES, load_object_from_file

from tm23flows.cli.main import app
from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.flows.naming import Category
from tm23flows.ops.fireworks_config import write_config
from tm23flows.settings import TM23Settings

ROOT = Path(__file__).resolve().parents[1]
LAUNCHPAD = ROOT / "launchpad"
FILES = sorted([*LAUNCHPAD.glob("*.yaml"), *LAUNCHPAD.glob("*.sh"), ROOT / "my_fworker.yaml"])
ADAPTERS = sorted(LAUNCHPAD.glob("my_qadapter*.yaml"))
CATEGORIES = get_args(Category)
WORKFLOWS = LAUNCHPAD / "workflows"
WORKFLOW_COMMANDS = re.findall(
    r"^(tm23 build .+)$", (WORKFLOWS / "write.sh").read_text(), re.MULTILINE
)


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
        "umask 077; . $TM23FLOWS_HOME/launchpad/environment.sh",
        "cd /a/folder",
        f"exec tm23 worker --idle 60 -w $TM23FLOWS_HOME/{worker}",
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


@cache
def content(path):
    """What the jobs of a workflow file are, by name: without numbers, versions and dates."""
    workflow = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    names = {one["fw_id"]: one["name"] for one in workflow["fws"]}
    uuids = {one["spec"]["_tasks"][0]["job"]["uuid"]: one["name"] for one in workflow["fws"]}

    def plain(value):
        if isinstance(value, dict):
            passing = {"@version", "fw_id", "created_on", "updated_on", "hosts"}
            return {key: plain(one) for key, one in value.items() if key not in passing}
        if isinstance(value, list):
            return [plain(one) for one in value]
        return uuids.get(value, value) if isinstance(value, str) else value

    links = {
        names[int(one)]: sorted(names[child] for child in children)
        for one, children in workflow["links"].items()
    }
    return {one["name"]: plain(one) for one in workflow["fws"]}, links


@pytest.mark.parametrize("command", WORKFLOW_COMMANDS, ids=lambda command: command.split()[-1])
def test_ready_workflows_are_what_their_lines_write(command, tmp_path):
    *words, name = command.split()
    new = tmp_path / name
    assert typer.testing.CliRunner().invoke(app, [*words[1:], str(new)]).exit_code == 0
    shipped = WORKFLOWS / name
    assert content(shipped) == content(new), "run launchpad/workflows/write.sh"
    assert len(Workflow.from_file(str(shipped)).fws) == len(content(new)[0])
    assert shipped.stat().st_size < 300_000


def test_each_ready_workflow_has_its_line():
    named = {command.split()[-1] for command in WORKFLOW_COMMANDS}
    assert {path.name for path in WORKFLOWS.glob("*.yaml")} == named
    assert named


def test_no_secret_and_no_path_of_a_machine():
    for path in (*FILES, *WORKFLOWS.iterdir()):
        text = path.read_text()
        assert not re.search(r"password\s*:", text), path
        assert not re.search(r"(?<![\w$])/(home|root|work|tmp)/", text), path


def test_setup_knows_its_packages_and_the_shell_reads_it():
    for script in (ROOT / "scripts" / "setup.sh", *LAUNCHPAD.rglob("*.sh")):
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    names = (ROOT / "scripts" / "debian-packages.txt").read_text().split("\n")
    packages = [name for name in names if name and not name.startswith("#")]
    assert len(set(packages)) == len(packages)
    assert all(re.fullmatch(r"[a-z0-9.+-]+", name) for name in packages)
