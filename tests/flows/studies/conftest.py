"""A road on EMT whose labels depend on the recipe, and a trainer whose error is known."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.io import read

from tm23flows.engines.emt import EmtEngine
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.trajectory import Sampling
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult

MESHES = ((1, 1, 1), (2, 2, 2), (3, 3, 3))


@pytest.fixture
def label_set_road():
    """A function that returns the road of the demonstration on EMT with a convergence test."""

    def road(element="Cu", **fields):
        maker = make_tm23(element, "demo", "emt")
        sampling = Sampling(discard=12, stride=3, count=6)
        given = {
            "trajectory": replace(maker.trajectory, sampling=sampling, n_steps=30),
            "name": "small",
            "convergence": KpointConvergenceMaker(meshes=MESHES, grid="gamma"),
            "split_options": {"train_fraction": 0.5},
        }
        return replace(maker, **{**given, **fields})

    return road


@pytest.fixture
def electrons(monkeypatch):
    """EMT with forces that depend on SIGMA, on the electrons per cell and on the k-mesh.

    They shrink with SIGMA by ``shrink`` per eV and grow with the electrons by ``grow`` per
    electron; ``noise`` is what is added to all components on an n x n x n mesh, in eV/A.
    """
    settings = ModuleType("settings")
    settings.noise, settings.shrink, settings.grow = {1: 0.09, 2: 0.0005, 3: 0.0}, 0.2, 0.01

    class Metal(EMT):
        recipe = None

        def calculate(self, *args, **kwargs):
            super().calculate(*args, **kwargs)
            scale = 1 - settings.shrink * (self.recipe.sigma_eV - 0.2)
            scale += settings.grow * self.recipe.electron_shift
            noise = settings.noise.get(self.recipe.kmesh[0], 0.0)
            self.results["forces"] = scale * self.results["forces"] + noise

    def calculator(self, recipe):
        made = Metal()
        made.recipe = recipe
        return made

    monkeypatch.setattr(EmtEngine, "calculator", calculator)
    return settings


class OffsetHyperparameters(Hyperparameters):
    power: int = 2


class OffsetTrainer:
    """Knows the forces of the labels, and is off by 0.02 eV/A times a number of the frame."""

    name = "offset"
    trainings = 0

    def hyperparameters(self, **overrides):
        return OffsetHyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        type(self).trainings += 1
        workdir.mkdir(parents=True)
        path = workdir / "model.json"
        path.write_text(json.dumps({"frames": len(read(dataset_dir / "train.xyz", ":"))}))
        return TrainResult({"model.json": path}, [], {}, {"offset": "1.0"}, 0.1)

    def predict(self, model_dir, frames_file, workdir):
        frames = read(frames_file, ":")
        off = [0.02 * (1 + abs(np.sin(one.positions.sum()))) for one in frames]
        return Predictions(
            energies=np.array([one.get_potential_energy() for one in frames]),
            forces=tuple(one.get_forces() + by for one, by in zip(frames, off, strict=True)),
            stresses=None,
            uncertainties=None,
        )


@pytest.fixture
def offset_trainer(monkeypatch):
    """The trainer, under the name ``offset``; it counts its trainings."""
    module = ModuleType("offset_trainer")
    module.OffsetTrainer = OffsetTrainer
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(TRAINERS, "offset", "offset_trainer:OffsetTrainer")
    monkeypatch.setattr(OffsetTrainer, "trainings", 0)
    return OffsetTrainer


@pytest.fixture
def study_of(archive, run_flow):
    """A function that runs a study and returns what its last job returns, and the document."""
    from tm23flows.documents.study import Study

    def run(flow):
        output = run_flow(flow)[flow.jobs[-1].uuid][1].output
        return output, archive.get(Study, output["study_id"])

    return run
