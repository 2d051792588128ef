"""FireWorks' and jobflow's files: private, whole, and understood by both."""

import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import open_launchpad

URI = "mongodb://user:secret@127.0.0.1:27017"
FILES = {"FW_config.yaml", "my_launchpad.yaml", "my_fworker.yaml", "jobflow.yaml"}


def read(folder, name):
    return yaml.safe_load((folder / name).read_text())


def test_only_the_owner_can_read_the_files(tmp_path):
    folder = tmp_path / "a" / "config"
    (tmp_path / "a").mkdir()
    folder.mkdir()
    (folder / "my_launchpad.yaml").write_text("old")
    (folder / "my_launchpad.yaml").chmod(0o644)
    write_config(folder, URI)
    assert {path.name for path in folder.iterdir()} == FILES
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_many_shells_may_write_them_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_config(tmp_path, URI), range(100)))
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert read(tmp_path, "my_launchpad.yaml")["host"] == URI


def test_all_files_mean_the_same_database(tmp_path):
    write_config(tmp_path, URI, worker="node 1")
    assert read(tmp_path, "my_launchpad.yaml")["host"] == URI
    assert read(tmp_path, "my_launchpad.yaml")["uri_mode"] is True
    store = read(tmp_path, "jobflow.yaml")["JOB_STORE"]
    assert store["docs_store"]["uri"] == URI
    assert store["additional_stores"]["data"]["uri"] == URI
    assert read(tmp_path, "my_fworker.yaml")["name"] == "node 1"
    assert read(tmp_path, "FW_config.yaml")["CONFIG_FILE_DIR"] == str(tmp_path)
    assert read(tmp_path, "FW_config.yaml")["PRINT_FW_JSON"] is False


CHECK = """
from fireworks import LaunchPad, FWorker
from fireworks.fw_config import LAUNCHPAD_LOC, FWORKER_LOC, PRINT_FW_JSON
from jobflow import SETTINGS
print(LaunchPad.from_file(LAUNCHPAD_LOC).fireworks.count_documents({}))
print(FWorker.from_file(FWORKER_LOC).name, PRINT_FW_JSON)
store = SETTINGS.JOB_STORE
store.connect()
print(store.count(), type(store.additional_stores["data"]).__name__)
"""


@pytest.mark.parametrize("elsewhere", [True, False])
def test_fireworks_and_jobflow_find_the_database_by_the_variables(database, tmp_path, elsewhere):
    variables = write_config(tmp_path / "config", database.uri)
    open_launchpad(database.uri)
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        env={**os.environ, **variables},
        cwd="/" if elsewhere else tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].isdigit()
    assert lines[1] == "local False"
    assert re.fullmatch(r"\d+ GridFSStore", lines[2])


def test_a_full_disk_leaves_the_old_file_and_no_part_of_a_new_one(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path;"
        "from tm23flows.ops.fireworks_config import write_config;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20));"
        f"write_config(Path(sys.argv[1]), {URI!r})"
    )
    (tmp_path / "FW_config.yaml").write_text("old")
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["FW_config.yaml"]
    assert read(tmp_path, "FW_config.yaml") == "old"
