"""Reaching the database, and the sentence when it cannot be reached."""

import pytest

from tm23flows.errors import DatabaseError
from tm23flows.store import connect as module
from tm23flows.store.archive import Archive
from tm23flows.store.connect import connect, resolve_uri, without_password
from tm23flows.store.embedded.process import start, stop


def test_the_running_embedded_database_is_found(database):
    assert resolve_uri() == database.uri
    assert connect(resolve_uri()).admin.command("ping")["ok"] == 1


def test_a_uri_in_the_settings_goes_first(database, monkeypatch):
    del database
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://elsewhere:27017")
    assert resolve_uri() == "mongodb://elsewhere:27017"


def test_without_any_database_the_next_step_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_DB_PATH", str(tmp_path / "none"))
    with pytest.raises(DatabaseError, match="tm23 db start"):
        Archive.open()


def test_a_database_that_was_stopped_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_DB_PATH", str(tmp_path))
    info = start(tmp_path, 0)
    assert resolve_uri() == info.uri
    stop(tmp_path)
    with pytest.raises(DatabaseError, match="tm23 db start"):
        resolve_uri()


def test_a_database_that_is_down_is_named_without_its_password(monkeypatch):
    monkeypatch.setattr(module, "SELECTION_TIMEOUT_MS", 100)
    with pytest.raises(DatabaseError, match=r"user:\*\*\*@127.0.0.1:1") as caught:
        Archive.open("mongodb://user:hidden@127.0.0.1:1/", "x")
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://user:hidden@host",
        "mongodb://user:hid@den@host",
        "mongodb://user:hid/den@host/db",
        "mongodb://user:hidden@host:port",
        "mongodb://localhost:99999",
        "mongodb://[::1",
        "mongodb://",
    ],
)
def test_a_malformed_uri_is_one_sentence_that_says_no_password(uri):
    with pytest.raises(DatabaseError, match="malformed") as caught:
        connect(uri)
    assert "\n" not in str(caught.value)
    assert not any(piece in str(caught.value) for piece in ("hid", "den@"))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://u:secret@h:1/db?x=1", "mongodb://u:***@h:1/db?x=1"),
        ("mongodb+srv://u:s%40e@h", "mongodb+srv://u:***@h"),
        ("mongodb://u:se@cret@h", "mongodb://u:***@h"),
        ("mongodb://:secret@h", "mongodb://:***@h"),
        ("mongodb://h:1/db", "mongodb://h:1/db"),
        ("at mongodb://u:s@h is it", "at mongodb://u:***@h is it"),
    ],
)
def test_passwords_are_blanked_out(uri, shown):
    assert without_password(uri) == shown
