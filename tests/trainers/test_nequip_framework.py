"""What may happen to a training: it is killed, stopped, damaged, runs away, has no memory."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from tm23flows.errors import InputError, OutOfTimeError, TrainingError
from tm23flows.trainers.base import Course
from tm23flows.trainers.flare import FlareTrainer
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.nequip_framework import CHECKPOINT, FILES

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


@pytest.fixture
def course_settings():
    """A training in which everything that has a memory is at work."""
    return {
        "n_features": 4, "n_layers": 1, "l_max": 0, "cutoff_A": 4.0, "radial_width": 8,
        "max_epochs": 60, "max_wall_s": 1000, "batch_size": 4, "ema_decay": 0.9, "patience": 2,
        "minimum_learning_rate": 1e-12,
    }  # fmt: skip


def worker_of(folder: Path) -> int | None:
    """The process that this one started for the folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == os.getpid() and str(folder).encode() in words:
            return int(process.name)
    return None


def checkpoints(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((folder / "checkpoints").glob("*.ckpt"), reverse=True))


@contextmanager
def after(folder: Path, step: int, do: Callable[[], None]) -> Iterator[None]:
    """Do something as soon as a checkpoint of this step, or a later one, is there."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            if (kept := checkpoints(folder)) and int(kept[0].stem) >= step:
                do()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def model_weights(folder: Path) -> dict:
    torch = pytest.importorskip("torch")
    content = torch.load(folder / "model" / CHECKPOINT, weights_only=True)
    return {k: v for k, v in content["state_dict"].items() if hasattr(v, "numpy")}


def rates_by_force_error(history: list[dict], patience: int) -> list[float]:
    """The learning rates that the force errors on the validation frames ask for."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.01)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=patience)
    rates = []
    for row in history:
        rates.append(optimizer.param_groups[0]["lr"])
        plateau.step(row["validation_force_mae"])
    return rates


def test_killed_damaged_stopped_and_gone_on_equals_uninterrupted(
    course_settings, dataset_dir, tmp_path
):
    """All bit by bit: an epoch has five batches, and neither end is that of an epoch."""
    trainer, chance = NequipTrainer(), random.Random(1)
    settings = trainer.hyperparameters(**course_settings)
    whole = trainer.train(dataset_dir, settings, tmp_path / "whole", 5)
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))

    def kill() -> None:
        time.sleep(0.02 * chance.random())
        os.kill(worker_of(first), signal.SIGKILL)

    with pytest.raises(TrainingError) as killed, after(first, 23, kill):
        trainer.train(dataset_dir, settings, first, 5, Course(checkpoint_s=0))
    assert killed.value.reason == "killed"
    assert not (first / "model" / "manifest.json").exists()
    newest, older, *_ = checkpoints(first)  # a third, where it died before it took that away
    newest.write_bytes(newest.read_bytes()[:-1000])

    stop_at = int(older.stem) + 7
    with (
        pytest.raises(OutOfTimeError, match="asked to stop"),
        after(second, stop_at, (second / "stop").touch),
    ):
        trainer.train(dataset_dir, settings, second, 5, Course((newest, older), checkpoint_s=0))
    about = json.loads(checkpoints(second)[0].with_suffix(".json").read_text())

    result = trainer.train(dataset_dir, settings, third, 5, Course(checkpoints(second)))
    assert result.history == whole.history
    ours, theirs = model_weights(third), model_weights(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)
    assert result.summary["resumed_from"] == about["step"] >= stop_at
    assert result.summary["elapsed_s"] > about["elapsed_s"]
    assert result.summary["checkpoints_refused"] == 0
    assert [row["learning_rate"] for row in whole.history] == rates_by_force_error(whole.history, 2)
    # the rate has fallen: what the scheduler remembers was at work, and averages moved
    assert whole.history[-1]["learning_rate"] < 0.01
    assert len({row["validation_force_mae"] for row in whole.history}) > 20
    assert [row["epoch"] for row in result.history] == list(range(60))


def test_a_training_that_runs_away_ends_at_once_and_gives_no_model(
    course_settings, dataset_dir, tmp_path
):
    trainer = NequipTrainer()
    settings = trainer.hyperparameters(**course_settings | {"learning_rate": 1e30})
    with pytest.raises(TrainingError, match="in epoch 1: lower the learning_rate") as ended:
        trainer.train(dataset_dir, settings, tmp_path, 0)
    assert ended.value.reason == "diverged"
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.json"]


LIMITED = """#!{python}
import resource, runpy, sys
import hydra, lightning, nequip.model, nequip.train, torch
# what the libraries take, and little more for the training
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 200 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_too_little_memory_is_said(course_settings, dataset_dir, tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text(LIMITED.format(python=sys.executable))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TM23_TRAINER_PYTHON_NEQUIP", str(python))
    large = {"l_max": 2, "n_features": 64, "n_layers": 2, "batch_size": 18, "cutoff_A": 6.0}
    trainer = NequipTrainer()
    settings = trainer.hyperparameters(**course_settings | large)
    with pytest.raises(TrainingError, match="too little memory") as ended:
        trainer.train(dataset_dir, settings, tmp_path / "work", 0)
    assert ended.value.reason == "out_of_memory"
    assert [path.name for path in (tmp_path / "work" / "model").iterdir()] == ["model.json"]


class Trap:
    """Code that runs when it is loaded."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_not_even_a_checkpoint_with_a_good_checksum_runs_anything(nequip_run, test_file, tmp_path):
    shutil.copytree(nequip_run[0], tmp_path / "model")
    (tmp_path / "model" / CHECKPOINT).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    write_manifest(tmp_path / "model", FILES)
    with pytest.raises(TrainingError, match="Weights only load failed"):
        NequipTrainer().predict(tmp_path / "model", test_file, tmp_path / "work")
    assert not (tmp_path / "sprung").exists()


def test_what_a_checkpoint_names_is_not_called(nequip_run, test_file, tmp_path):
    """Plain containers can name a function, and NequIP calls what a checkpoint names."""
    torch = pytest.importorskip("torch")
    shutil.copytree(nequip_run[0], tmp_path / "model")
    content = torch.load(tmp_path / "model" / CHECKPOINT, weights_only=True)
    trap = {"_target_": "os.mkdir", "path": str(tmp_path / "sprung")}
    content["hyper_parameters"]["model"] = trap
    torch.save(content, tmp_path / "model" / CHECKPOINT)
    write_manifest(tmp_path / "model", FILES)
    for number, use in enumerate((NequipTrainer().predict, NequipTrainer().deploy)):
        files = (test_file, tmp_path / "model.nequip.pt2")[number], tmp_path / str(number)
        with pytest.raises(TrainingError, match=r"names os\.mkdir, which is no part of a model"):
            use(tmp_path / "model", *files)
    assert not (tmp_path / "sprung").exists()


def test_hyperparameters_of_another_trainer_are_refused(dataset_dir, tmp_path):
    with pytest.raises(InputError, match="needs its own hyperparameters"):
        NequipTrainer().train(dataset_dir, FlareTrainer().hyperparameters(), tmp_path, 0)


def test_frames_without_any_force_are_refused(tmp_path):
    perfect = bulk("Cu", "fcc", a=3.6).repeat(2)
    zero = {"energy": 0.0, "forces": np.zeros((8, 3)), "stress": np.zeros(6)}
    perfect.calc = SinglePointCalculator(perfect, **zero)
    write(tmp_path / "train.xyz", [perfect] * 4, format="extxyz")
    trainer = NequipTrainer()
    with pytest.raises(InputError, match="forces of the training frames are zero"):
        trainer.train(tmp_path, trainer.hyperparameters(), tmp_path / "work", 0)
