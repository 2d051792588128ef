from __future__ import annotations

import importlib
import io
import socket
import threading
from multiprocessing.connection import Connection

import numpy as np
import pytest
from ase.calculators.emt import EMT

from tm23flows.trainers.frames import read_predictions, write_frames


@pytest.fixture
def talk(worker_path, tmp_path):
    """Start the task in a thread; return our end and what the task answers at the end."""
    serving = importlib.import_module("model_tasks").serving
    ours, theirs = socket.socketpair()
    answers, seen = [], []

    def load(folder, request):
        seen.append((folder, request["sha256"]))
        return EMT()

    request = {"channel": theirs.detach(), "model": str(tmp_path), "sha256": {"a": "b"}}
    thread = threading.Thread(target=lambda: answers.append(serving(load)(request)))
    thread.start()
    with Connection(ours.detach()) as connection:
        yield connection, thread, answers, seen
    thread.join()


def test_the_model_is_loaded_once_and_answers_until_we_hang_up(talk, test_frames, tmp_path):
    connection, thread, answers, seen = talk
    assert connection.recv_bytes() == b"ready"
    for frames in (test_frames[:1], [test_frames[1].repeat((2, 1, 1)), test_frames[2]]):
        message = io.BytesIO()
        write_frames(message, frames, labels=False)
        connection.send_bytes(message.getvalue())
        found = read_predictions(io.BytesIO(connection.recv_bytes()), frames)
        assert [len(forces) for forces in found.forces] == [len(atoms) for atoms in frames]
    assert found.energies[1] == test_frames[2].get_potential_energy()
    assert np.array_equal(found.forces[1], test_frames[2].get_forces())
    connection.close()
    thread.join()
    assert answers == [{"calculations": 2}]
    assert seen == [(tmp_path, {"a": "b"})]


def test_predictions_of_a_file_name_their_versions(worker_path, test_frames, tmp_path):
    predicting = importlib.import_module("model_tasks").predicting
    paths = {name: str(tmp_path / f"{name}.npz") for name in ("frames", "predictions")}
    write_frames(tmp_path / "frames.npz", test_frames, labels=False)
    predict = predicting(lambda _folder, _request: EMT(), "numpy", extra=None)
    assert predict(paths | {"model": str(tmp_path)})["versions"]["numpy"] == np.__version__
    found = read_predictions(tmp_path / "predictions.npz", test_frames)
    assert found.energies.tolist() == [atoms.get_potential_energy() for atoms in test_frames]
