"""Where a job finds its archive and its folder."""

import errno
import os
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from tm23flows import disk, stopping
from tm23flows.errors import DatabaseError, DiskFullError, OutOfTimeError
from tm23flows.jobs import context
from tm23flows.jobs.context import (
    RLAUNCH,
    SPACE_PATIENCE_S,
    STOPPED_PATIENCE_S,
    begin_job,
    open_archive,
    run_folder,
    wait_for_deadline,
    wait_for_space,
)


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


def test_a_worker_without_time_waits_for_its_end_unless_it_has_done_something(archive, monkeypatch):
    slept = []
    monkeypatch.setattr(context, "rest", slept.append)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 1000))
    wait_for_deadline("a task", progress=3)
    assert slept == []
    wait_for_deadline("a task", progress=0)
    assert 0 < slept[0] <= 1000
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() - 1))
    with pytest.raises(OutOfTimeError, match="tm23 worker"):
        wait_for_deadline("a task", progress=0)


def test_a_signal_ends_the_wait_for_the_end(archive, monkeypatch):
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 1000))
    threading.Timer(0.2, stopping.request_stop, ["SIGUSR1"]).start()
    begun = time.monotonic()
    wait_for_deadline("a task", progress=0)
    assert stopping.stop_requested()
    assert time.monotonic() - begun < 500


def test_a_job_that_fits_into_no_workers_time_fails_and_then_counts_anew(archive, monkeypatch):
    monkeypatch.setattr(context, "rest", lambda _: pytest.fail("it waited"))
    for _ in range(2):  # a limit of the Maker, no deadline
        wait_for_deadline("a task", progress=0)
    wait_for_deadline("another task", progress=0)
    with pytest.raises(OutOfTimeError, match="3 workers in a row"):
        wait_for_deadline("a task", progress=0)
    for _ in range(2):
        wait_for_deadline("a task", progress=0)


def test_a_worker_that_was_told_to_stop_gives_its_job_back_and_begins_no_other(
    archive, monkeypatch
):
    slept = []
    monkeypatch.setattr(context, "time", SimpleNamespace(time=time.time, sleep=slept.append))
    stopping.request_stop("SIGUSR1")
    for _ in range(5):
        wait_for_deadline("a task", progress=0)  # that is not the job's fault
    with pytest.raises(OutOfTimeError, match="told to stop"):
        begin_job()
    assert slept == []
    monkeypatch.setitem(sys.modules, RLAUNCH, None)  # which would go on and on
    with pytest.raises(OutOfTimeError, match="told to stop"):
        begin_job()
    assert slept == [STOPPED_PATIENCE_S]
    with stopping.stopping_on_signals():
        begin_job()  # 'tm23 worker' has taken the job, and it goes back by itself
    stopping.forget_request()
    begin_job()


@pytest.fixture(autouse=True)
def _no_request():
    yield
    stopping.forget_request()


@pytest.fixture
def full_disk(monkeypatch):
    """A disk that is full for so many looks, and the naps that were taken."""
    state, naps, genuine = {"looks": 0, "why": errno.ENOSPC}, [], os.fsync

    def fsync(descriptor):
        if state["looks"]:
            state["looks"] -= 1
            raise OSError(state["why"], os.strerror(state["why"]))
        genuine(descriptor)

    clock = SimpleNamespace(time=lambda: time.time() + sum(naps), sleep=naps.append)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(context, "time", clock)
    monkeypatch.setattr(disk, "SPACE_BYTES", 1024)
    return state, naps


def test_a_worker_with_space_does_not_wait_and_leaves_nothing(full_disk, tmp_path):
    wait_for_space()
    assert full_disk[1] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT])
def test_a_worker_waits_for_space(full_disk, tmp_path, why):
    state, naps = full_disk
    state.update(looks=3, why=why)
    wait_for_space()
    assert len(naps) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left_s", [None, 100.0])
def test_a_worker_does_not_wait_for_space_for_ever(full_disk, tmp_path, monkeypatch, left_s):
    state, naps = full_disk
    state["looks"] = 10**6
    if left_s:
        monkeypatch.setenv("TM23_DEADLINE", str(time.time() + left_s))
    with pytest.raises(DiskFullError, match="disk_full"):
        wait_for_space()
    limit = left_s or SPACE_PATIENCE_S
    assert limit - 60 < sum(naps) < limit + 60
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_the_wait_for_space(full_disk, monkeypatch):
    state, naps = full_disk
    state["looks"] = 10**6

    def sleep(seconds):
        naps.append(seconds)
        stopping.request_stop("SIGTERM")

    monkeypatch.setattr(context.time, "sleep", sleep)
    with pytest.raises(DiskFullError):
        wait_for_space()
    assert len(naps) == 1


def test_another_error_of_the_disk_is_not_waited_for(full_disk):
    full_disk[0].update(looks=1, why=errno.EROFS)
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        wait_for_space()
