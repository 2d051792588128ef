from __future__ import annotations

import json
import math
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


def test_the_last_progress_is_the_last_epoch(nequip_run):
    folder, result = nequip_run
    said = json.loads((folder.parent / "progress.json").read_text())
    assert (said["step"], said["of"], said["unit"]) == (20, 20, "epoch")
    assert said["values"] == result.history[-1]
    assert said["eta_s"] == 0
    assert 0 < said["elapsed_s"] <= result.summary["elapsed_s"]


def test_batches_have_the_frames_of_the_order(worker_path):
    from nequip_loop import _batches

    pytest.importorskip("nequip")
    import torch

    frames = [
        {"pos": torch.full((2, 3), float(i)), "num_atoms": torch.tensor([2])} for i in range(5)
    ]
    found = [
        batch["pos"][::2, 0].tolist() for batch in _batches(frames, np.array([4, 0, 2]), 2, "cpu")
    ]
    assert found == [[4.0, 0.0], [2.0]]


@pytest.fixture
def loop(worker_path):
    """The module as the worker imports it."""
    import nequip_loop

    return nequip_loop


def make_task(loop, folder=Path("/work"), elapsed_s=0.0, **settings):
    usual = {"minimum_learning_rate": 1e-5, "max_epochs": 10, "max_wall_s": 100.0, "batch_size": 2}
    start = time.monotonic() - elapsed_s
    return loop.Task(usual | settings, 0, "cpu", folder, "mark", 600.0, start)


@pytest.mark.parametrize(
    ("rate", "epochs", "elapsed_s", "end"),
    [
        (1e-2, 1, 0.0, ""),
        (1e-5, 1, 0.0, ""),
        (0.9e-5, 1, 0.0, "learning_rate"),
        (1e-2, 10, 0.0, "max_epochs"),
        # the clock starts with the first attempt; a first epoch takes the time that it needs
        (1e-2, 1, 200.0, "max_wall_s"),
        (1e-2, 0, 200.0, ""),
    ],
)
def test_a_training_ends_by_rate_epochs_or_time(loop, rate, epochs, elapsed_s, end):
    optimizer = SimpleNamespace(param_groups=[{"lr": rate}])
    progress = loop.Progress(epoch=epochs, history=[{}] * epochs)
    assert loop._end(make_task(loop, elapsed_s=elapsed_s), optimizer, progress) == end


def test_the_best_weights_are_those_of_the_lowest_force_error(loop):
    torch = pytest.importorskip("torch")
    module, progress = torch.nn.Linear(1, 1), loop.Progress()
    for number, error in enumerate((0.3, 0.1, 0.2)):
        with torch.no_grad():
            module.weight.fill_(number)
        loop._close_epoch(progress, {loop.BEST: error}, module)
    assert (progress.best_mae, progress.best["weight"].item(), progress.epoch) == (0.1, 1.0, 3)


def test_an_error_that_is_not_finite_ends_the_training(loop):
    with pytest.raises(Exception, match="validation frames is not a finite") as ended:
        loop._close_epoch(loop.Progress(), {loop.BEST: math.nan}, None)
    assert ended.value.kind == "diverged"


def test_the_time_left_is_that_of_the_epochs_or_of_the_limit(loop, tmp_path, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now))
    progress = loop.Progress()
    keeper = loop._Keeper(make_task(loop, tmp_path, elapsed_s=40.0), {}, progress)
    read = lambda: json.loads((tmp_path / "progress.json").read_text())  # noqa: E731
    assert (read()["step"], read()["eta_s"]) == (0, None)
    progress.epoch, keeper.began = 2, now - 10.0
    keeper.say()
    assert read()["eta_s"] == pytest.approx(40.0, abs=2)
    keeper.began = now - 30.0
    keeper.say()
    assert read()["eta_s"] == pytest.approx(60.0, abs=2)
