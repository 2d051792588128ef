"""Where a job finds its archive and its folder."""

import pytest

from tm23flows.errors import DatabaseError
from tm23flows.jobs.context import open_archive, run_folder


def test_a_worker_opens_the_archive_of_its_settings_once(database, monkeypatch):
    archive = open_archive()
    assert open_archive() is archive
    assert archive.database.client.admin.command("ping")["ok"] == 1
    monkeypatch.setenv("TM23_DATABASE", archive.database.name + "-other")
    other = open_archive()
    assert other is not archive
    assert other.database.name == archive.database.name + "-other"


def test_without_a_database_a_job_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_DB_PATH", str(tmp_path / "none"))
    with pytest.raises(DatabaseError, match="tm23 db start"):
        open_archive()


def test_the_run_folder_is_the_one_of_the_launcher(tmp_path):
    assert run_folder() == tmp_path
