from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
import pytest
from ase.calculators.emt import EMT

from tm23flows.trainers.frames import read_predictions, write_frames
from tm23flows.trainers.workers import worker_io


def test_a_worker_reads_exactly_what_was_written(tmp_path, test_frames):
    frames = test_frames[:3]
    write_frames(tmp_path / "a.npz", frames, labels=True)
    for ours, theirs in zip(frames, worker_io.read_frames(tmp_path / "a.npz"), strict=True):
        assert np.array_equal(ours.positions, theirs.positions)
        assert np.array_equal(ours.cell.array, theirs.cell.array)
        assert ours.get_potential_energy() == theirs.get_potential_energy()
        assert np.array_equal(ours.get_forces(), theirs.get_forces())
        assert np.array_equal(ours.get_stress(), theirs.get_stress())
    write_frames(tmp_path / "b.npz", frames, labels=False)
    assert worker_io.read_frames(tmp_path / "b.npz")[0].calc is None


def test_predictions_of_a_calculator_come_back_frame_by_frame(tmp_path, test_frames):
    frames = [test_frames[0].repeat((2, 1, 1)), *test_frames[1:3]]
    worker_io.predict_all(EMT(), frames, str(tmp_path / "p.npz"))
    found = read_predictions(tmp_path / "p.npz", frames)
    for i, atoms in enumerate(test_frames[1:3], start=1):
        assert found.energies[i] == pytest.approx(atoms.get_potential_energy())
        assert found.forces[i] == pytest.approx(atoms.get_forces())
        assert found.stresses[i] == pytest.approx(atoms.get_stress())
    assert found.forces[0].shape == (14, 3)


def test_json_is_complete_or_not_there(tmp_path):
    path = tmp_path / "a.json"
    worker_io.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        worker_io.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_the_last_two_checkpoints_are_there_with_their_checksums(tmp_path):
    for step in (1, 2, 3):
        made = tmp_path / "made.npz"
        made.write_bytes(b"state %d" % step)
        worker_io.keep_checkpoint(tmp_path, made, step, 0.5 * step)
        assert not made.exists()
    kept = tmp_path / "checkpoints"
    stems = ["000000000002", "000000000003"]
    assert sorted(one.name for one in kept.iterdir()) == [
        f"{stem}{suffix}" for stem in stems for suffix in (".json", ".npz")
    ]
    for stem, step in zip(stems, (2, 3), strict=True):
        account = json.loads((kept / f"{stem}.json").read_text())
        data = (kept / account["file"]).read_bytes()
        assert data == b"state %d" % step
        assert account["sha256"] == hashlib.sha256(data).hexdigest()
        assert (account["step"], account["elapsed_s"]) == (step, 0.5 * step)


def test_versions_name_what_is_installed_and_leave_out_what_is_not():
    found = worker_io.versions("numpy", "no-such-distribution")
    assert found == {"python": sys.version.split()[0], "numpy": np.__version__}


def test_an_answer_is_written_even_when_a_library_is_missing(tmp_path, monkeypatch):
    request = {"task": "train", "result": str(tmp_path / "result.json")}
    (tmp_path / "request.json").write_text(json.dumps(request))
    monkeypatch.setattr(sys, "argv", ["worker", str(tmp_path / "request.json")])
    monkeypatch.setattr(worker_io, "_die_with_parent", lambda: None)
    worker_io.answer(["no_such_library"], {"train": lambda request: {"ok": 1}})
    error = json.loads((tmp_path / "result.json").read_text())["error"]
    assert error["kind"] == "library"
    assert "no_such_library" in error["message"]


def test_a_sealed_file_knows_whether_it_is_whole(tmp_path):
    path = tmp_path / "file"
    assert not worker_io.is_whole(path)
    for content in (b"", b"short", bytes(3 * 2**20)):
        path.write_bytes(content)
        assert not worker_io.is_whole(path)
        worker_io.seal(path)
        assert worker_io.is_whole(path)
        assert path.read_bytes()[: -worker_io.SEAL_BYTES] == content
        sealed = path.read_bytes()
        for broken in (sealed[:-1], sealed + b"0", bytes([sealed[0] ^ 1]) + sealed[1:]):
            path.write_bytes(broken)
            assert not worker_io.is_whole(path)


def test_the_newest_checkpoints_stay_however_many_steps_there_were(tmp_path):
    for step in (99_999_998, 99_999_999, 100_000_000):
        (tmp_path / "state.npz").write_bytes(b"state")
        worker_io.keep_checkpoint(tmp_path, tmp_path / "state.npz", step, 1.0)
    kept = sorted((tmp_path / "checkpoints").glob("*.json"))
    assert [json.loads(path.read_text())["step"] for path in kept] == [99_999_999, 100_000_000]
