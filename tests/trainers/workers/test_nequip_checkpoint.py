from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

pytestmark = pytest.mark.nequip

REQUEST = {
    "trainer": "nequip",
    "settings": {"l_max": 1, "learning_rate": 0.01},
    "elements": [29],
    "seed": 3,
}


class Trap:
    """Code that runs when it is loaded."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def checkpoint(worker_path):
    """The module as the worker imports it."""
    import nequip_checkpoint

    return nequip_checkpoint


@pytest.fixture
def data(tmp_path):
    for part in ("training", "validation"):
        np.savez(tmp_path / f"{part}.npz", positions=np.ones((2, 3)), energies=np.zeros(2))
    return tmp_path


@pytest.fixture
def parts():
    """A small thing to train: two parameters, its optimiser and its scheduler."""
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=1)
    return {"module": module, "optimizer": optimizer, "scheduler": scheduler}


def step(parts) -> None:
    import torch

    parts["optimizer"].zero_grad()
    parts["module"](torch.rand(4, 1)).square().sum().backward()
    parts["optimizer"].step()
    parts["scheduler"].step(1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"elements": [47]},
        {"trainer": "allegro"},
        {"settings": {"l_max": 1, "learning_rate": 0.02}},
    ],
)
def test_a_fingerprint_knows_settings_and_seed(checkpoint, data, change):
    usual = checkpoint.fingerprint(REQUEST, data)
    assert checkpoint.fingerprint(dict(REQUEST), data) == usual
    assert checkpoint.fingerprint(REQUEST | change, data) != usual


def test_a_fingerprint_knows_the_versions_of_libraries(checkpoint, data, monkeypatch):
    usual = checkpoint.fingerprint(REQUEST, data)
    assert checkpoint.fingerprint(REQUEST, data, "torch") != usual
    newer = {"python": "4", "nequip": "0.20"}
    monkeypatch.setattr(checkpoint, "versions", lambda *names: dict(newer))
    changed = checkpoint.fingerprint(REQUEST, data)
    assert changed != usual
    newer["python"] = "5"
    assert checkpoint.fingerprint(REQUEST, data) == changed


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_fingerprint_knows_the_numbers_of_all_frames(checkpoint, data, part):
    usual = checkpoint.fingerprint(REQUEST, data)
    energies = np.array([0.0, 1e-12])
    np.savez(data / f"{part}.npz", positions=np.ones((2, 3)), energies=energies)
    assert checkpoint.fingerprint(REQUEST, data) != usual


def test_what_goes_on_is_what_stopped(checkpoint, parts, tmp_path):
    import torch

    step(parts)
    progress = checkpoint.Progress(epoch=2, batch=1, steps=7, history=[{"epoch": 0}], best_mae=0.5)
    checkpoint.write_checkpoint(tmp_path / "a.ckpt", "mark", parts, progress)
    for _ in range(3):
        step(parts)
    wanted = [parts["module"].weight.item(), parts["optimizer"].param_groups[0]["lr"]]
    assert wanted[1] == pytest.approx(0.02)
    torch.rand(5)
    found, refused = checkpoint.restore([str(tmp_path / "a.ckpt")], "mark", parts)
    assert (found, refused) == (progress, 0)
    for _ in range(3):
        step(parts)
    assert [parts["module"].weight.item(), parts["optimizer"].param_groups[0]["lr"]] == wanted


def test_files_that_cannot_be_used_are_passed_over(checkpoint, parts, tmp_path):
    names = ["good", "other", "cut", "flipped", "hostile", "empty", "list"]
    good, other, cut, flipped, hostile, empty, plain = (tmp_path / f"{n}.ckpt" for n in names)
    checkpoint.write_checkpoint(good, "mark", parts, checkpoint.Progress(steps=5))
    checkpoint.write_checkpoint(other, "another", parts, checkpoint.Progress(steps=6))
    cut.write_bytes(good.read_bytes()[:-100])
    whole = good.read_bytes()
    place = whole.index(parts["module"].weight.detach().numpy().tobytes())
    flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
    hostile.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    empty.touch()
    import torch

    torch.save([1], plain)
    bad = [hostile, cut, flipped, other, empty, plain, tmp_path / "missing.ckpt"]
    found, refused = checkpoint.restore([str(p) for p in [*bad, good]], "mark", parts)
    assert (found.steps, refused) == (5, len(bad))
    found, refused = checkpoint.restore([str(p) for p in bad], "mark", parts)
    assert (found, refused) == (checkpoint.Progress(), len(bad))
    assert not (tmp_path / "sprung").exists()
