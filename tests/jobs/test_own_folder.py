"""A folder out of the database is followed where it has our mark, and nowhere else."""

import json
import os

import pytest

from tm23flows.jobs import own_folder as module
from tm23flows.jobs.own_folder import mark_folder, own_folder

ID = "ab12" * 16


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "launch"
    path.mkdir(mode=0o755)
    return path


def test_a_marked_folder_is_followed_from_any_host(folder):
    mark_folder(folder, ID)
    mark_folder(folder, ID)
    assert own_folder(f"here:{folder}", ID) == folder
    assert own_folder(f"elsewhere.example.org:{folder}", ID) == folder


def test_links_on_the_way_are_resolved(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert own_folder(f"h:{tmp_path / 'link'}", ID) is None
    mark_folder(folder, ID)
    assert own_folder(f"h:{tmp_path / 'link'}", ID) == folder


@pytest.mark.parametrize(
    "place", [None, "", "h:", "h:relative", "/no/host", "h:/no/such/folder", "h:/etc/passwd"]
)
def test_what_is_no_folder_is_none(place, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "relative").mkdir()
    assert own_folder(place, ID) is None


def test_a_folder_of_the_system_is_refused(capsys):
    assert own_folder("h:/etc", ID) is None
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["folder"], told["task"]) == ("folder.foreign", "/etc", ID)
    assert told["reason"] == "it has no mark of this trajectory"


def test_the_mark_of_another_trajectory_is_none(folder):
    mark_folder(folder, "cd" * 32)
    assert own_folder(f"h:{folder}", ID) is None


def test_a_mark_that_is_a_link_is_none(folder, tmp_path):
    (tmp_path / "file").touch()
    (folder / f".tm23-{ID}").symlink_to(tmp_path / "file")
    assert own_folder(f"h:{folder}", ID) is None


def test_a_folder_that_everybody_may_write_is_refused(folder, capsys):
    mark_folder(folder, ID)
    folder.chmod(0o777)
    assert own_folder(f"h:{folder}", ID) is None
    assert "everybody may write" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch, capsys):
    mark_folder(folder, ID)
    own = os.geteuid()
    monkeypatch.setattr(module.os, "geteuid", lambda: own + 1)
    assert own_folder(f"h:{folder}", ID) is None
    assert "somebody else" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["", "../x", "a/b", "*"])
def test_an_id_that_is_none_leads_nowhere(wrong, folder):
    assert own_folder(f"h:{folder}", wrong) is None
