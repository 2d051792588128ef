"""docs/tutorials/your_cluster.md says what really works: its files, its commands, its words."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from cluster_site import ROOT
from typer.main import get_command

from tm23flows.cli.main import app
from tm23flows.settings import get_settings

TEXT = (ROOT / "docs" / "tutorials" / "your_cluster.md").read_text()
COMMANDS = re.findall(r"^    (\S.+)$", TEXT, re.MULTILINE)
PASSWORD = "S3CRET-of-the-cluster"


def starting(*words):
    """List the commands of the page that start with one of these words."""
    return [one for one in COMMANDS if one.startswith(words)]


def test_every_file_of_the_folder_has_its_line():
    (table,) = re.findall(r"^\| file \|(.+?)\n\n", TEXT, re.MULTILINE | re.DOTALL)
    named = set(
        re.findall(r"`([^` ]+)`", " ".join(row.split("|")[1] for row in table.splitlines()))
    )
    there = {path.name + "/" * path.is_dir() for path in (ROOT / "launchpad").iterdir()}
    for category in ("aimd", "label", "train-gpu", "analyse"):
        there = {name.replace(f"_{category}.", "_CATEGORY.") for name in there}
    assert named == there | {"../my_fworker.yaml"}


def test_the_words_of_tm23_are_its_commands():
    named = set(re.findall(r"\btm23 ([a-z]+)", TEXT))
    assert {"status", "rerun", "recover", "plan", "cost"} <= named
    assert named <= set(get_command(app).commands)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_a_clone_has_what_the_set_up_needs(tmp_path):
    (line,) = starting("git clone")
    done = subprocess.run(
        ["bash", "-c", line.replace("URL", ROOT.as_uri())],
        cwd=tmp_path,
        env={**os.environ, "MAKEFLAGS": "n"},  # what set-up does by itself, every run of these tests shows
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    # A make around this one lets it name folders, too.
    (script,) = re.findall(r"^bash (\S+)$", done.stdout, re.MULTILINE)
    assert (tmp_path / "tm23flows" / script).is_file()


def test_the_settings_are_readable_by_their_owner_alone(tmp_path, monkeypatch):
    (line,) = starting("(umask")
    subprocess.run(["bash", "-c", line], env={**os.environ, "HOME": str(tmp_path)}, check=True)
    path = tmp_path / ".tm23flows.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    assert "DATABASE" in get_settings().mongo_uri.get_secret_value()


def test_the_environment_names_files_and_no_password(tmp_path):
    (tmp_path / ".tm23flows.yaml").write_text(f"mongo_uri: mongodb://me:{PASSWORD}@127.0.0.1:1\n")
    (tmp_path / ".tm23flows.yaml").chmod(0o600)
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("TM23", "FW_", "JOBFLOW"))
    }
    done = subprocess.run(
        ["bash", "-c", ". launchpad/environment.sh && env"],
        cwd=ROOT,
        env={**inherited, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert PASSWORD not in done.stdout + done.stderr
    found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert found["TM23FLOWS_HOME"] == str(ROOT)
    files = [Path(found["FW_CONFIG_FILE"]), Path(found["JOBFLOW_CONFIG_FILE"])]
    files.append(files[0].with_name("my_launchpad.yaml"))
    assert [PASSWORD in path.read_text() for path in files] == [False, True, True]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.fireworks
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_commands_of_the_page_on_slurm(site, slurm):
    slurm.ask("scontrol", "update", "PartitionName=debug", "State=DOWN")
    try:
        _run_commands(site, slurm)
    finally:
        slurm.ask("scontrol", "update", "PartitionName=debug", "State=UP")


def _run_commands(site, slurm):
    said = site.shell(next(one for one in starting("launchpad/submit.sh") if "=0" in one))
    assert said.count(": 0 jobs ready") == 4
    for command in starting("tm23 build", "lpad add"):
        assert site.shell(command), command
    n_jobs = len(yaml.safe_load((site.folder / "cu.yaml").read_text())["fws"])
    assert sum(site.states().values()) == n_jobs
    ready = re.search(r"`(lpad add launchpad/workflows/\S+)`", TEXT).group(1)
    site.shell(ready)
    # The structures of both; nothing else is ready.
    assert site.states()["READY"] == 2

    said = site.shell(next(one for one in starting("launchpad/submit.sh") if "=0" not in one))
    assert "analyse: 2 jobs ready, 0 workers in the queue, 1 more" in said
    assert "aimd: 0 jobs ready" in said
    (cron,) = starting("*/10")
    assert "analyse: 2 jobs ready, 1 workers in the queue, 0 more" in site.cron(cron)
    (loop,) = starting("while")
    said = site.shell(f"sleep() {{ echo sleep $*; exit; }}\n{loop}")
    assert "analyse: 2 jobs ready, 1 workers in the queue, 0 more" in said
    assert said.endswith("sleep 600\n"), "as often as cron"
    plain, reserving = starting("qlaunch")
    site.shell(plain)
    assert sorted(slurm.jobs().values()) == ["tm23-analyse"] * 2

    # There is no label yet, so the page's words are tried on what is ready.
    (launch,) = starting("rocket_launch:")
    name, _, value = launch.replace("label", "analyse").partition(": ")
    site.change("my_qadapter_analyse.yaml", **{name: value})
    site.shell(reserving.replace("label", "analyse").replace("20", "2"))
    assert site.states()["RESERVED"] == 2
    assert sorted(slurm.jobs().values()) == ["Cu_structure"] * 2 + ["tm23-analyse"] * 2
    # Jobs that wait in the queue are nobody's fault; those that are gone from it are given back.
    site.shell("tm23 recover --patience 0")
    assert site.states()["RESERVED"] == 2
    slurm.clear()
    (cron,) = starting("17 ")
    assert "2 of 2 mended" in site.cron(cron)
    assert site.states()["READY"] == 2
