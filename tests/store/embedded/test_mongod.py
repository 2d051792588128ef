import shutil
import stat

import pymongo
import pytest

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded import mongod
from tm23flows.store.embedded.process import start, status, stop


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A program called mongod that ends at once."""
    program = tmp_path / "bin" / "mongod"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no room >&2\nexit 14\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def test_a_folder_stays_with_the_server_that_wrote_it(tmp_path, fake, monkeypatch):
    assert mongod.is_used_for(tmp_path)
    (tmp_path / "journal").write_bytes(b"")
    assert not mongod.is_used_for(tmp_path)
    (tmp_path / "journal").unlink()
    (tmp_path / "mongod").mkdir()
    assert mongod.is_used_for(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseError, match="not on PATH any more"):
        mongod.is_used_for(tmp_path)


def test_without_mongod_the_embedded_server_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not mongod.is_used_for(tmp_path)


def test_a_mongod_that_ends_is_one_sentence(tmp_path, fake):
    with pytest.raises(DatabaseError, match="mongod did not start"):
        start(tmp_path / "db", 0)
    assert "no room" in (tmp_path / "db" / "server.log").read_text()
    assert status(tmp_path / "db") is None


@pytest.mark.skipif(shutil.which("mongod") is None, reason="no mongod on PATH")
def test_a_real_mongod(tmp_path):
    info = start(tmp_path, 0)
    try:
        assert start(tmp_path, 0) == info
        with pymongo.MongoClient(info.uri) as client:
            client["test"]["c"].insert_one({"_id": 1})
    finally:
        assert stop(tmp_path)
    assert status(tmp_path) is None
