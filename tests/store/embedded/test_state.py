import os
import subprocess
import sys

from tm23flows.store.embedded.state import (
    is_alive,
    is_answering,
    make_info,
    read_state,
    remove_state,
    write_state,
)


def test_the_state_file_names_the_server(tmp_path):
    info = make_info(tmp_path, 4321, 27923)
    assert info.uri == "mongodb://127.0.0.1:27923"
    write_state(info)
    assert read_state(tmp_path) == info
    remove_state(tmp_path)
    remove_state(tmp_path)
    assert read_state(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_state_file_counts_for_nothing(tmp_path):
    for text in ("", "[]", '{"pid": 1}', '{"pid": "x", "port": 1}'):
        (tmp_path / "server.json").write_text(text)
        assert read_state(tmp_path) is None


def test_a_dead_child_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(child.pid)
    child.stdin.close()
    while is_alive(child.pid):
        pass
    child.returncode = 0
    assert is_alive(os.getpid())


def test_answers_count_only_from_the_right_process(server, tmp_path):
    assert is_answering(server)
    assert not is_answering(make_info(tmp_path, os.getpid(), server.port))
    assert not is_answering(make_info(tmp_path, server.pid, 1), timeout_s=0.2)
