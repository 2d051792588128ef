"""A small structure, jobs called in this process, and a trainer that costs nothing."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from tm23flows.errors import TrainingError
from tm23flows.jobs.structure import make_structure
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    """Jobs write into the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def structure(archive):
    """Seven copper atoms, in the archive."""
    structure = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    archive.put(structure)
    return structure


class ConstantHyperparameters(Hyperparameters):
    offset_eV: float = 0.0
    fail: bool = False


class ConstantTrainer:
    """Predicts the mean energy per atom of its training frames, and no forces."""

    name = "constant"
    trainings = 0

    def hyperparameters(self, **overrides):
        return ConstantHyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        from ase.io import read

        type(self).trainings += 1
        if hyperparameters.fail:
            raise TrainingError("The training did not end.")
        frames = read(dataset_dir / "train.xyz", ":")
        mean = np.mean([atoms.get_potential_energy() / len(atoms) for atoms in frames])
        workdir.mkdir(parents=True)
        path = workdir / "constant.json"
        path.write_text(json.dumps({"mean": mean + hyperparameters.offset_eV, "seed": seed}))
        return TrainResult(
            files={"constant.json": path},
            history=[{"epoch": 1.0}],
            summary={"frames": len(frames)},
            versions={"constant": "1.2.3"},
            wall_s=0.1,
        )

    def predict(self, model_dir, frames_file, workdir):
        from ase.io import read

        mean = json.loads((model_dir / "constant.json").read_text())["mean"]
        frames = read(frames_file, ":")
        return Predictions(
            energies=np.array([mean * len(atoms) for atoms in frames]),
            forces=tuple(np.zeros((len(atoms), 3)) for atoms in frames),
            stresses=np.zeros((len(frames), 6)),
            uncertainties=None,
        )


@pytest.fixture
def constant_trainer(monkeypatch):
    """The trainer, under the name ``constant``; it counts its trainings."""
    module = ModuleType("constant_trainer")
    module.ConstantTrainer = ConstantTrainer
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(TRAINERS, "constant", "constant_trainer:ConstantTrainer")
    monkeypatch.setattr(ConstantTrainer, "trainings", 0)
    return ConstantTrainer
