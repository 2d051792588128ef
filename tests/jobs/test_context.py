"""Where a job finds its archive and its folder."""

import time

import pytest

from tm23flows.errors import DatabaseError, OutOfTimeError
from tm23flows.jobs.context import deadline, open_archive, run_folder, wait_for_deadline


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


def test_the_deadline_is_the_users_then_that_of_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    assert deadline() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "2000000000")
    assert deadline() == 2e9
    monkeypatch.setenv("TM23_DEADLINE", "1999999999.5")
    assert deadline() == 1999999999.5


def test_a_worker_without_time_waits_for_its_end_unless_it_has_done_something(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 1000))
    wait_for_deadline(progress=3)
    assert slept == []
    wait_for_deadline(progress=0)
    assert 990 < slept[0] <= 1000
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() - 1))
    with pytest.raises(OutOfTimeError, match="--timeout"):
        wait_for_deadline(progress=0)
