"""What squeue says is understood; where it says nothing, nothing is concluded."""

import pytest

from tm23flows.ops.recovery.queue import ask_queue

ANSWER = "12|12|/runs/a b\n15|14_1|/runs/c\n"


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    def install(script):
        program = tmp_path / "squeue"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_jobs_and_their_folders(squeue):
    squeue(f"printf '{ANSWER}'")
    queue = ask_queue()
    assert [queue.has(one) for one in ("12", "15", "14_1", "1", "")] == [True] * 3 + [False] * 2
    assert queue.has_folder("/runs/a b")
    assert not queue.has_folder("/runs/a")


def test_an_empty_queue_is_an_answer_and_an_error_is_none(squeue, monkeypatch, tmp_path):
    squeue("exit 0")
    assert ask_queue().folders == {}
    squeue(f"printf '{ANSWER}'; exit 1")
    assert ask_queue() is None
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert ask_queue() is None
