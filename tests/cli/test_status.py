"""``tm23 status``: once, as JSON, again and again, and as a page."""

import os
import pty
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from pymongo.errors import AutoReconnect

from tm23flows.cli import status
from tm23flows.cli.status import status_lines
from tm23flows.ops.progress import Progress
from tm23flows.store.trainings import begin_training, end_training

HEARS_CTRL_C = ("env", "--default-signal=INT")
"""What a shell starts in the background does not hear it, nor do its children."""


def test_an_archive_without_jobs(tm23, emt_archive):
    ran = tm23("status", "--json")
    assert ran.code == 0
    # other tests may have added to it
    frames = emt_archive.database["frames"].count_documents({})
    assert ran.json["documents"]["frames"] == frames >= 24
    assert ran.json["steps"] >= 3 * 48


def test_failed_jobs_come_with_their_reasons():
    now = Progress({"COMPLETED": 1, "FIZZLED": 1}, [], {"Cu labels": "no bands"}, {"frames": 0}, 3)
    assert "  failed: Cu labels: no bands" in status_lines(now)
    assert "jobs: 1 of 2 done (1 completed, 1 fizzled)" in status_lines(now)


def test_reasons_are_shown_as_they_are(tm23, archive):
    """PyTorch begins with "[enforce fail at ...", which a terminal's markup would swallow."""
    about = {"trainer": "nequip", "element": "Cu"}
    begin_training(archive, "a" * 64, about, "node")
    reason = "[enforce fail at alloc_cpu.cpp:75] not enough memory [/tmp/train.log]"
    end_training(archive, "a" * 64, "failed", "out_of_memory", reason)
    assert reason in tm23("status").out


@pytest.fixture
def jobs(launchpad, tmp_path):
    """One job done, one failed, one that could run."""
    launchpad.add_wf(Workflow([job("Cu labels"), job("Ti labels", "builtins.OSError", "x", "Ti")]))
    run_all(launchpad, tmp_path)
    launchpad.add_wf(Workflow([job("Ti trajectory", element="Ti", stage="aimd")]))
    return launchpad


def test_jobs_by_metal_and_stage(tm23, jobs):
    told = tm23("status", "--json").json
    assert told["jobs"] == {"READY": 1, "COMPLETED": 1, "FIZZLED": 1}
    assert [one["metal"] for one in told["metals"]] == ["Cu", "Ti"]
    assert list(told["stages"]) == ["aimd", "label"]
    assert told["failures"] == {"other": {"jobs": 1, "example": "OSError: x"}}
    ran = tm23("status")
    assert ran.code == 0
    assert "jobs: 1 of 3 done" in ran.out
    assert "tm23 rerun --where class=other" in ran.out


def test_one_metal_and_a_window(tm23, jobs):
    told = tm23("status", "--metal", "Ti", "--window", "0.5", "--json").json
    assert [one["metal"] for one in told["metals"]] == ["Ti"]
    assert told["window_s"] == 1800


@pytest.mark.parametrize(
    "words", [("--watch", "--json"), ("--serve", "--watch"), ("--window", "0")]
)
def test_what_does_not_go_together_is_refused(tm23, jobs, words):
    ran = tm23("status", *words)
    assert ran.code == 2
    assert ran.err


def test_watching_shows_what_changes_and_outlives_the_database(tm23, jobs, monkeypatch, tmp_path):
    looks = []
    honest = status._observer

    def observer(*given):
        made = honest(*given)
        look = made.look

        def looking():
            if len(looks) == 1:
                raise AutoReconnect("mongodb://me:S3CRET-word@host: closed")
            return look()

        made.look = looking
        return made

    def pause(seconds):
        looks.append(seconds)
        run_all(jobs, tmp_path)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(status, "_observer", observer)
    monkeypatch.setattr(status, "_pause", pause)
    ran = tm23("status", "--watch", "--every", "7")
    assert ran.code == 0
    assert looks == [7, 7, 7]
    first, second = ran.out.index("jobs: 1 of 3 done"), ran.out.index("jobs: 2 of 3 done")
    assert first < ran.out.index("the database is away") < second
    assert "S3CRET" not in ran.out


def test_the_page_is_served_until_it_is_told_to_stop(jobs):
    program = [
        *HEARS_CTRL_C,
        str(Path(sys.executable).with_name("tm23")),
        "status",
        "--serve",
        "--port",
        "0",
    ]
    served = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    try:
        address = served.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=300) as answer:
            assert "Cu" in answer.read().decode()
        served.send_signal(signal.SIGINT)
        assert served.wait(300) == 0
        assert served.stdout.read() == ""
    finally:
        served.kill()
        served.wait()


def test_a_port_that_is_taken(tm23, jobs):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = tm23("status", "--serve", "--port", taken.getsockname()[1])
    assert ran.code == 2
    assert "--port" in ran.err


def test_a_screen_shows_what_is_there_until_ctrl_c(jobs):
    program = [
        *HEARS_CTRL_C,
        str(Path(sys.executable).with_name("tm23")),
        "status",
        "--watch",
        "--every",
        "1",
    ]
    leader, screen = pty.openpty()
    watching = subprocess.Popen(
        program, stdin=screen, stdout=screen, stderr=screen,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )  # fmt: skip
    os.close(screen)
    try:
        shown = b""
        while shown.count(b"jobs: 1 of 3 done") < 2:  # reading fails when the command has ended
            shown += os.read(leader, 65536)
        watching.send_signal(signal.SIGINT)
        with suppress(OSError):  # nobody has the screen any more
            while os.read(leader, 65536):
                pass
        assert watching.wait(300) == 0
    finally:
        watching.kill()
        watching.wait()
        os.close(leader)
