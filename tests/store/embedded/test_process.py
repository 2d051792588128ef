import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pymongo
import pytest

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.journal import Journal
from tm23flows.store.embedded.process import DEFAULT_PORT, start, status, stop


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "database"
    stop(tmp_path / "database")


def test_start_status_stop(folder):
    assert status(folder) is None
    assert not stop(folder)
    info = start(folder, 0)
    assert status(folder) == info
    assert start(folder, 0) == info
    with pymongo.MongoClient(info.uri) as client:
        assert client.server_info()["ok"] == 1.0
    state = json.loads((folder / "server.json").read_text())
    assert (state["pid"], state["port"], state["uri"]) == (info.pid, info.port, info.uri)
    assert stop(folder)
    assert status(folder) is None
    assert not stop(folder)


def test_the_port_can_be_chosen(folder):
    for attempt in range(10):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            assert start(folder, port).port == port
            break
        except DatabaseError:  # another program was faster
            assert attempt < 9
    assert DEFAULT_PORT == 27923


def test_a_taken_port_is_one_sentence(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DatabaseError, match=f"Port {port} .* choose another"):
            start(folder, port)
    assert status(folder) is None


def test_who_comes_second_waits_for_a_first_that_does_not_answer_yet(folder, monkeypatch):
    from tm23flows.store.embedded import process

    info, looks = start(folder, 0), iter([None, None, None])
    monkeypatch.setattr(process, "status", lambda _: next(looks, info))
    assert start(folder, 0) == info
    assert list(looks) == []


def test_a_locked_journal_is_one_sentence(folder, monkeypatch):
    from tm23flows.store.embedded import process

    monkeypatch.setattr(process, "_OTHER_PATIENCE_S", 0.1)
    folder.mkdir()
    journal = Journal(folder)
    try:
        with pytest.raises(DatabaseError, match="in use by another server"):
            start(folder, 0)
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"tm23flows journal 00003\n", "format 3"), (b"something else entirely!", "not a journal")],
)
def test_a_foreign_journal_is_one_sentence_and_stays(folder, content, sentence):
    folder.mkdir()
    (folder / "journal").write_bytes(content)
    with pytest.raises(DatabaseError, match=sentence):
        start(folder, 0)
    assert (folder / "journal").read_bytes() == content


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="cannot be made"):
        start(tmp_path / "file" / "database", 0)


def test_a_journal_that_cannot_be_opened(folder):
    (folder / "journal").mkdir(parents=True)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        start(folder, 0)


def test_a_killed_server_is_not_running(folder):
    info = start(folder, 0)
    os.kill(info.pid, signal.SIGKILL)
    while status(folder) is not None:
        time.sleep(0.01)
    assert (folder / "server.json").exists()
    again = start(folder, 0)
    assert again.pid != info.pid


def test_a_state_file_of_another_process_counts_for_nothing(folder):
    info = start(folder, 0)
    state = json.loads((folder / "server.json").read_text())
    (folder / "server.json").write_text(json.dumps({**state, "pid": os.getpid()}))
    assert status(folder) is None
    assert not stop(folder)
    (folder / "server.json").write_text(json.dumps(state))
    assert status(folder) == info


def test_starting_twice_at_once_gives_one_server(folder):
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda _: start(folder, 0), range(3)))
    assert len(found) == 1


def test_the_server_outlives_the_process_that_started_it(folder):
    code = f"from tm23flows.store.embedded.process import start; start({str(folder)!r}, 0)"
    code = code.replace("start('", "start(__import__('pathlib').Path('").replace("', 0)", "'), 0)")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    assert status(folder) is not None


def test_a_server_that_ignores_the_polite_signal_is_killed(folder, monkeypatch):
    from tm23flows.store.embedded import process

    info = start(folder, 0)
    os.kill(info.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "status", lambda _: info)
    monkeypatch.setattr(process, "_STOP_PATIENCE_S", 0.2)
    assert stop(folder)
    monkeypatch.undo()
    assert status(folder) is None
