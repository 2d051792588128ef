from __future__ import annotations

import json
import os
import pickle
import shutil

import numpy as np
import pytest
from ase.io import read, write

from tm23flows.errors import TrainingError
from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.nequip_framework import CHECKPOINT, FILES
from tm23flows.trainers.workers import worker_io

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


class Trap:
    """What a hostile checkpoint would be: code that runs when it is loaded."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def predicted(nequip_run, test_file, tmp_path_factory, _session_settings):
    return NequipTrainer().predict(nequip_run[0], test_file, tmp_path_factory.mktemp("predict"))


def test_a_trained_model_predicts_copper(predicted, percent_errors):
    force, _, energy = percent_errors(predicted)
    assert force < 40
    assert energy < 0.05
    assert predicted.uncertainties is None


def test_the_stress_has_the_sign_of_the_labels(predicted, test_frames):
    """Cells that are stretched pull, which is positive as ASE has it."""
    wanted = np.array([atoms.get_stress()[:3].mean() for atoms in test_frames])
    stretched = wanted > 0.03
    assert stretched.sum() == 4
    found = predicted.stresses[stretched, :3].mean(axis=1)
    assert found == pytest.approx(wanted[stretched], rel=0.9)


def test_the_result_accounts_for_the_training(nequip_run):
    folder, result = nequip_run
    assert set(result.files) == {*FILES, "manifest.json"}
    assert all(path == folder / name for name, path in result.files.items())
    assert result.versions["nequip"].startswith("0.19")
    assert [row["epoch"] for row in result.history] == list(range(20))
    expected = {"learning_rate", "training_loss", "validation_force_mae"}
    assert all(expected <= set(row) for row in result.history)
    assert result.history[-1]["training_loss"] < 0.5 * result.history[0]["training_loss"]
    assert result.summary["stopped_by"] == "max_epochs"
    assert (result.summary["n_training"], result.summary["n_validation"]) == (18, 2)
    best = min(result.history, key=lambda row: row["validation_force_mae"])
    assert result.summary["best_epoch"] == best["epoch"]
    json.dumps([result.history, result.summary])


def test_the_checkpoint_is_the_one_of_the_best_epoch(nequip_run, tmp_path):
    folder, result = nequip_run
    held = worker_io.read_frames(folder.parent / "validation.npz")
    write(tmp_path / "held.xyz", held, format="extxyz")
    found = NequipTrainer().predict(folder, tmp_path / "held.xyz", tmp_path)
    errors = [np.abs(f - a.get_forces()).mean() for f, a in zip(found.forces, held, strict=True)]
    assert np.mean(errors) == pytest.approx(result.summary["best_validation_force_mae"], rel=1e-4)


def test_forces_and_stress_are_derivatives_of_the_energy(
    nequip_run, probes, tmp_path, check_derivatives
):
    check_derivatives(NequipTrainer().predict(nequip_run[0], probes[0], tmp_path), tolerance=2e-5)


def test_the_same_seed_gives_the_same_model(
    predicted, dataset_dir, nequip_settings, seed, tmp_path, test_file
):
    trainer = NequipTrainer()
    settings = trainer.hyperparameters(**nequip_settings)
    trainer.train(dataset_dir, settings, tmp_path, seed)
    again = trainer.predict(tmp_path / "model", test_file, tmp_path / "predict")
    assert again.energies == pytest.approx(predicted.energies, abs=1e-6)
    for ours, theirs in zip(again.forces, predicted.forces, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_validation_frames_of_the_dataset_are_used_and_single_precision_trains(
    dataset_dir, tmp_path, test_file, test_frames
):
    frames = read(dataset_dir / "train.xyz", index=":6")
    write(tmp_path / "train.xyz", frames, format="extxyz")
    write(tmp_path / "validation.xyz", test_frames[:3], format="extxyz")
    trainer = NequipTrainer()
    settings = trainer.hyperparameters(max_epochs=2, n_features=4, n_layers=1)
    result = trainer.train(tmp_path, settings, tmp_path / "work", 0)
    assert (result.summary["n_training"], result.summary["n_validation"]) == (6, 3)
    held = worker_io.read_frames(tmp_path / "work" / "validation.npz")
    assert held[1].positions == pytest.approx(test_frames[1].positions, abs=1e-7)
    found = trainer.predict(tmp_path / "work" / "model", test_file, tmp_path / "predict")
    assert all(np.isfinite(part).all() for part in found.forces)


def test_the_split_is_ours_and_follows_the_seed(dataset_dir, tmp_path, monkeypatch):
    """The worker is not needed for this: an interpreter that is missing ends it after the split."""
    monkeypatch.setenv("TM23_TRAINER_PYTHON_NEQUIP", str(tmp_path / "none"))
    trainer = NequipTrainer()
    everything = {a.positions.tobytes() for a in read(dataset_dir / "train.xyz", index=":")}
    held = []
    for number, seed in enumerate((0, 0, 1)):
        with pytest.raises(Exception, match="cannot be run"):
            trainer.train(dataset_dir, trainer.hyperparameters(), tmp_path / str(number), seed)
        parts = [
            {
                a.positions.tobytes()
                for a in worker_io.read_frames(tmp_path / f"{number}/{name}.npz")
            }
            for name in ("training", "validation")
        ]
        assert parts[0] | parts[1] == everything
        assert not parts[0] & parts[1]
        held.append(parts[1])
    assert held[0] == held[1] != held[2]
    assert len(held[0]) == 2


def test_the_time_limit_ends_a_training_with_a_usable_model(
    dataset_dir, nequip_settings, tmp_path, test_file
):
    trainer = NequipTrainer()
    nequip_settings |= {"max_epochs": 100_000, "max_wall_s": 0.5}
    settings = trainer.hyperparameters(**nequip_settings)
    result = trainer.train(dataset_dir, settings, tmp_path, 0)
    assert result.summary["stopped_by"] == "max_wall_s"
    assert 1 <= result.summary["epochs"] < 1000
    assert len(trainer.predict(tmp_path / "model", test_file, tmp_path / "p").energies) == 5


def test_a_small_learning_rate_ends_a_training(dataset_dir, nequip_settings, tmp_path):
    trainer = NequipTrainer()
    nequip_settings |= {"max_epochs": 300, "patience": 1, "minimum_learning_rate": 5e-3}
    settings = trainer.hyperparameters(**nequip_settings)
    result = trainer.train(dataset_dir, settings, tmp_path, 0)
    assert result.summary["stopped_by"] == "learning_rate"
    # the first reduction is below the limit, so no epoch uses it
    assert {row["learning_rate"] for row in result.history} == {0.01}
    forces = [row["validation_force_mae"] for row in result.history]
    assert min(forces) < min(forces[-2:])


def test_a_hostile_checkpoint_is_refused_before_it_is_loaded(nequip_run, test_file, tmp_path):
    shutil.copytree(nequip_run[0], tmp_path / "model")
    (tmp_path / "model" / CHECKPOINT).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(TrainingError, match=r"'best\.ckpt'.*not loaded"):
        NequipTrainer().predict(tmp_path / "model", test_file, tmp_path)
    assert not (tmp_path / "sprung").exists()
