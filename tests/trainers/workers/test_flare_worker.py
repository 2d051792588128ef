from __future__ import annotations

import numpy as np
import pytest

from tm23flows.errors import OutOfTimeError, TrainingError
from tm23flows.trainers import flare, worker
from tm23flows.trainers.base import Course
from tm23flows.trainers.flare import FlareTrainer

pytestmark = pytest.mark.flare


def test_labels_without_a_finite_likelihood_give_no_model(
    dataset_dir, flare_settings, tmp_path, monkeypatch
):
    """The check of the labels happens before the worker; this is what stands behind it."""

    def write_broken(path, frames, labels):
        write(path, frames, labels)
        with np.load(path) as file:
            arrays = dict(file)
        arrays["forces"][0] = np.nan
        np.savez(path, **arrays)

    write = flare.write_frames
    monkeypatch.setattr(flare, "write_frames", write_broken)
    trainer = FlareTrainer()
    with pytest.raises(TrainingError, match="likelihood is not finite") as caught:
        trainer.train(dataset_dir, trainer.hyperparameters(**flare_settings), tmp_path, 0)
    assert caught.value.reason == "diverged"
    assert not (tmp_path / "model" / "model.json").exists()


def test_too_little_memory_has_a_name(flare_module, monkeypatch):
    def no_memory(_request):
        raise MemoryError

    monkeypatch.setattr(flare_module("flare_train"), "Training", no_memory)
    with pytest.raises(flare_module("worker_io").RequestError) as caught:
        flare_module("flare_worker").train({})
    assert caught.value.kind == "out_of_memory"


def test_a_training_that_is_asked_to_stop_keeps_a_checkpoint_and_goes_on(
    flare_run, dataset_dir, flare_settings, seed, tmp_path, monkeypatch
):
    monkeypatch.setattr(worker, "_LOOK_S", 0.001)  # before the training is through
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(**flare_settings)
    course = Course(look=lambda _folder: True)
    with pytest.raises(OutOfTimeError, match="asked to stop"):
        trainer.train(dataset_dir, settings, tmp_path / "first", seed, course)
    assert not (tmp_path / "first" / "model" / "model.json").exists()
    files = tuple((tmp_path / "first" / "checkpoints").glob("*.npz"))
    again = trainer.train(dataset_dir, settings, tmp_path / "again", seed, Course(files))
    assert again.summary["resumed_from"] > 0
    assert again.summary["checkpoints_refused"] == 0
    assert again.history == flare_run[1].history
    for name in ("model.json", "model.npz"):
        assert again.files[name].read_bytes() == (flare_run[0] / name).read_bytes()
