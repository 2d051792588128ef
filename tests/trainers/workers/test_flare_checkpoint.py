from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.flare


@pytest.fixture
def checkpoint(flare_module):
    return flare_module("flare_checkpoint")


def test_triangles_come_back_as_they_were(checkpoint):
    for m in (0, 1, 7):
        matrix = np.tril(np.random.default_rng(m).standard_normal((m, m)))
        packed = checkpoint.pack(matrix)
        assert len(packed) == m * (m + 1) // 2
        found = checkpoint.unpack(packed, m)
        assert np.array_equal(found, matrix)
        assert found.flags.f_contiguous


def test_the_newest_whole_checkpoint_of_this_training_is_taken(checkpoint, tmp_path):
    paths = [tmp_path / f"{i}.npz" for i in range(4)]
    arrays = {"a": np.random.default_rng(0).standard_normal(10000)}
    for number, path in enumerate(paths):
        name = "another" if number == 2 else "this"
        checkpoint.write_checkpoint(path, arrays, {"training": name, "step": number})
    paths[0].write_bytes(paths[0].read_bytes()[:4000])
    broken = bytearray(paths[1].read_bytes())
    broken[len(broken) // 2] ^= 1
    paths[1].write_bytes(broken)
    found, refused = checkpoint.read_checkpoint([str(p) for p in paths], "this")
    assert refused == 3
    assert found[1]["step"] == 3
    assert np.array_equal(found[0]["a"], arrays["a"])


def test_whichever_bit_is_flipped_it_is_refused(checkpoint, tmp_path):
    """Names of arrays have no checksum in a zip file."""
    path = tmp_path / "a.npz"
    checkpoint.write_checkpoint(path, {"a": np.ones(2)}, {"training": "this"})
    whole = path.read_bytes()
    assert checkpoint.read_checkpoint([str(path)], "this")[1] == 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        assert checkpoint.read_checkpoint([str(path)], "this") == (None, 1)


def test_without_a_usable_file_there_is_nothing_to_go_on_from(checkpoint, tmp_path):
    (tmp_path / "a.npz").write_text("not at all")
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz", "missing.npz")]
    assert checkpoint.read_checkpoint(paths, "this") == (None, 3)
    assert checkpoint.read_checkpoint([], "this") == (None, 0)


def test_settings_and_data_make_a_training(checkpoint, tmp_path):
    np.savez(tmp_path / "one.npz", a=np.zeros(3), b=np.ones(2))
    np.savez(tmp_path / "same.npz", b=np.ones(2), a=np.zeros(3))
    np.savez(tmp_path / "other.npz", a=np.zeros(3), b=np.array([1.0, 1.0 + 1e-15]))
    names = [
        checkpoint.fingerprint({"x": 1}, tmp_path / f"{n}.npz") for n in ("one", "same", "other")
    ]
    assert names[0] == names[1] != names[2]
    assert checkpoint.fingerprint({"x": 2}, tmp_path / "one.npz") != names[0]


def test_a_checkpoint_is_kept_when_it_is_due_or_asked_for(checkpoint, flare_module, tmp_path):
    written = []

    def write(path):
        written.append(path)
        path.write_bytes(b"state")

    clock = checkpoint.Clock(tmp_path, 1000.0, 9)
    clock.keep(1, write)
    assert not written
    clock.checkpoint_s = 0.0
    clock.keep(2, write)
    assert json.loads((tmp_path / "checkpoints" / "000000000002.json").read_text())["step"] == 2
    clock.checkpoint_s = 1000.0
    (tmp_path / "stop").touch()
    with pytest.raises(flare_module("worker_io").RequestError) as caught:
        clock.keep(3, write)
    assert caught.value.kind == "stopped"
    assert (tmp_path / "checkpoints" / "000000000003.npz").is_file()


def test_progress_counts_earlier_attempts(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_PROGRESS_S", 1e9)
    clock = checkpoint.Clock(tmp_path, 1000.0, 9)
    clock.before_s = 500.0
    clock.tell(3, {"environments": 4.0}, 12.0)
    found = json.loads((tmp_path / "progress.json").read_text())
    assert (found["step"], found["of"], found["unit"], found["eta_s"]) == (3, 9, "frame", 12.0)
    assert found["elapsed_s"] >= 500.0
    clock.tell(4, {}, None)  # too soon
    assert json.loads((tmp_path / "progress.json").read_text())["step"] == 3
    clock.tell(9, {}, 0.0)
    assert json.loads((tmp_path / "progress.json").read_text())["step"] == 9
