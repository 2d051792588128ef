"""The loop around a worker that may be lost; what calculators do wrong is in test_ase_calculator."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from multiprocessing import Pipe

import numpy as np
import pytest
from calculator_kit import numbered_frames

from tm23flows.errors import TrainingError
from tm23flows.trainers import frame_by_frame
from tm23flows.trainers.frame_by_frame import predict_one_by_one
from tm23flows.trainers.worker import Running, Worker

WORKER = Worker("The toy", "toy.py", "trainer_python_calculator", "wind it up")


def answer_of(number: int) -> bytes:
    """Energy, forces and stress that are the number."""
    found = io.BytesIO()
    np.savez(
        found,
        energies=np.full(1, float(number)),
        forces=np.full((4, 3), float(number)),
        stresses=np.full((1, 6), float(number)),
    )
    return found.getvalue()


@pytest.fixture
def start(tmp_path):
    """Start workers that answer in a thread, and a process that is what is seen of them."""
    starts = []

    def of(deaths: dict[int, int], loads: bool = True):
        seen = []

        @contextmanager
        def begin(n):
            starts.append(n)
            ours, theirs = Pipe()
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

            def work():
                if not loads:
                    process.kill()
                    theirs.close()
                    return
                theirs.send_bytes(b"ready")
                while True:
                    try:
                        theirs.recv_bytes()
                    except (EOFError, OSError):
                        return
                    number = len(seen)
                    seen.append(number)
                    if number in deaths:
                        process.send_signal(deaths[number])
                        process.wait()
                        theirs.close()
                        return
                    theirs.send_bytes(answer_of(number))

            thread = threading.Thread(target=work)
            thread.start()
            try:
                log, result = tmp_path / "toy.log", tmp_path / "toy.json"
                log.write_text("")
                yield Running(WORKER, process, log, result), ours
            finally:
                ours.close()
                process.kill()
                process.wait()
                process.stdin.close()
                thread.join()

        return begin

    return of, starts


def test_a_new_worker_goes_on_with_the_next_frame(start):
    begin, starts = start
    deaths = {1: signal.SIGSEGV, 3: signal.SIGABRT}
    found = predict_one_by_one(begin(deaths), numbered_frames(6), limit_s=30, give_up_after=2)
    assert starts == [1, 2, 3]
    assert np.array_equal(found.energies, [0, np.nan, 2, np.nan, 4, 5], equal_nan=True)
    assert np.array_equal(found.stresses[:, 0], found.energies, equal_nan=True)
    assert [forces[0, 0] for forces in found.forces if np.isfinite(forces).all()] == [0, 2, 4, 5]
    assert {place: words.split(" (")[0] for place, words in found.failures.items()} == {
        1: "The process was ended by signal 11",
        3: "The process was ended by signal 6",
    }


def test_frames_that_follow_too_many_losses_are_not_tried(start):
    begin, starts = start
    deaths = dict.fromkeys(range(1, 9), signal.SIGKILL)
    found = predict_one_by_one(begin(deaths), numbered_frames(6), limit_s=30, give_up_after=3)
    assert len(starts) == 3
    assert ["Not tried" in found.failures[i] for i in range(1, 6)] == [False] * 3 + [True] * 2


def test_a_model_that_cannot_be_loaded_is_an_error(start):
    begin, _ = start
    with pytest.raises(TrainingError, match="The toy failed: the worker was ended by signal 9"):
        predict_one_by_one(begin({}, loads=False), numbered_frames(1), limit_s=30, give_up_after=1)


def test_loading_has_an_end(start, monkeypatch):
    monkeypatch.setattr(frame_by_frame, "LOAD_LIMIT_S", 0.0)
    begin, _ = start
    with pytest.raises(TrainingError, match="not loaded in 0 s"):
        predict_one_by_one(begin({}), numbered_frames(1), limit_s=30, give_up_after=1)
