"""Folders, files that come late, and disks that are full."""

import errno
import shutil
import threading
import time
from types import SimpleNamespace

import pytest

from tm23flows.engines.vasp import places
from tm23flows.engines.vasp.places import (
    attempts,
    await_file,
    fresh_folder,
    raise_if_disk_full,
    read_output,
)
from tm23flows.errors import DiskFullError, InputError


def test_a_fresh_folder_is_never_an_old_one(tmp_path):
    made = [fresh_folder(tmp_path / "deep", "steps-000001") for _ in range(12)]
    assert len(set(made)) == 12
    assert made[0].name == "steps-000001"
    assert not any(path for folder in made for path in folder.iterdir())


def test_attempts_are_those_of_the_name_newest_first(tmp_path):
    made = [fresh_folder(tmp_path, "steps-000001") for _ in range(11)]
    for other in ("steps-0000011", "steps-000001.old", "steps-000002", "steps-000001.3x"):
        (tmp_path / other).mkdir()
    (tmp_path / "steps-000001.99").write_text("a file")
    assert attempts(tmp_path, "steps-000001") == made[::-1]
    assert attempts(tmp_path, "steps-00000") == []
    assert attempts(tmp_path / "nowhere", "steps-000001") == []


@pytest.fixture
def naps(monkeypatch):
    """How long the code has waited, without waiting."""
    naps, sleep = [], time.sleep

    def nap(seconds):
        # other threads, such as those of database clients, go on sleeping
        here = threading.current_thread() is threading.main_thread()
        (naps.append if here else sleep)(seconds)

    monkeypatch.setattr(places.time, "sleep", nap)
    return naps


def test_a_file_that_is_there_is_not_waited_for(tmp_path, naps):
    (tmp_path / "vasprun.xml").write_text("")
    await_file(tmp_path / "vasprun.xml")
    assert naps == []


def test_a_file_is_waited_for_three_times_longer_each_time(tmp_path, naps):
    await_file(tmp_path / "vasprun.xml")
    assert len(naps) == 3
    assert naps == sorted(set(naps))


def test_what_does_not_pass_is_not_waited_for(tmp_path, naps):
    (tmp_path / "file").write_text("")
    await_file(tmp_path / "file/vasprun.xml")
    assert naps == []


def test_no_output_is_one_sentence_at_once(tmp_path, naps):
    with pytest.raises(InputError, match=r"vasprun\.xml"):
        read_output(tmp_path)
    assert naps == []


def test_a_full_disk_is_seen_by_what_is_left(tmp_path, monkeypatch):
    raise_if_disk_full(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(DiskFullError, match="disk_full"):
        raise_if_disk_full(tmp_path)


@pytest.mark.parametrize("name", ["vasp.out", "std_err.txt"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_seen_by_what_vasp_said(tmp_path, name, code):
    import os

    (tmp_path / name).write_text(f"forrtl: {os.strerror(code)}\n")
    with pytest.raises(DiskFullError, match=str(tmp_path)):
        raise_if_disk_full(tmp_path)
