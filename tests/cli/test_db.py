import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient

from tm23flows.store.embedded.process import stop


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "db"
    stop(tmp_path / "db")


def test_start_status_uri_stop(tm23, folder):
    assert tm23("db", "status", "--path", folder).code == 1
    assert tm23("db", "start", "--path", folder, "--port", "0").code == 0
    uri = tm23("db", "uri", "--path", folder).out.strip()
    assert MongoClient(uri).admin.command("ping")["ok"] == 1
    assert tm23("db", "status", "--path", folder, "--json").json["uri"] == uri
    assert tm23("db", "start", "--path", folder, "--port", "0").code == 0
    assert tm23("db", "uri", "--path", folder).out.strip() == uri, "starting twice is one server"
    assert tm23("db", "stop", "--path", folder).code == 0
    assert "No database was running" in tm23("db", "stop", "--path", folder).out


def test_env_lets_lpad_find_the_database(tm23, folder, tmp_path):
    tm23("db", "start", "--path", folder, "--port", "0")
    exports = tm23("db", "env", "--path", folder).out
    lpad = Path(sys.executable).with_name("lpad")
    done = subprocess.run(
        ["sh", "-c", f"{exports}\n{shlex.quote(str(lpad))} get_wflows -d count"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("0")


def test_files_with_the_uri_are_private(tm23, folder):
    tm23("db", "start", "--path", folder, "--port", "0")
    for file in (folder / "config").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_uri_without_a_database(tm23, folder):
    ran = tm23("db", "uri", "--path", folder)
    assert ran.code == 2
    assert "tm23 db start" in ran.err


def test_upgrade_counts_first_and_rewrites_then(tm23, emt_copy):
    older = {"$set": {"schema_version": 1}, "$unset": {"tags": ""}}
    count = emt_copy.database["frames"].update_many({}, older).matched_count
    assert count >= 24
    assert tm23("db", "upgrade", "--dry-run").out == f"{count} frames would be rewritten.\n"
    ran = tm23("db", "upgrade", "--json")
    assert (ran.code, ran.json["documents"]) == (0, {"frames": count})
    assert tm23("db", "upgrade").out == "All documents have today's layout.\n"


def test_upgrade_refuses_an_archive_of_a_newer_program(tm23, emt_copy):
    emt_copy.database["labels"].insert_one({"_id": "x", "schema_version": 99})
    ran = tm23("db", "upgrade")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "newer tm23flows" in ran.err


def test_upgrade_names_what_cannot_be_read(tm23, emt_copy):
    emt_copy.database["frames"].update_one({}, {"$set": {"schema_version": 1, "colour": "red"}})
    ran = tm23("db", "upgrade")
    assert ran.code == 1
    assert "1 documents cannot be read" in ran.err
    assert "tm23 audit --only I1,I3" in ran.err
