"""A small structure, jobs called in this process, and a trainer that costs nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import TrainingError
from tm23flows.jobs.structure import make_structure
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.workers import worker_io


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


WORKER = f"""
import sys
sys.path.insert(0, {str(Path(worker_io.__file__).parent)!r})
from ase.calculators.emt import EMT
from model_tasks import serving
from worker_io import answer
answer(["ase"], {{"serve": serving(lambda folder, request: EMT())}})
"""
TRAINER = """
from tm23flows.trainers.worker import Worker

class Toy:
    worker = Worker("Oracle", {script!r}, "trainer_python_flare", "ask it to come")
    files = ["model.json"]
"""


@pytest.fixture
def emt_model(archive, tmp_path, monkeypatch):
    """A stored model of copper whose numbers are those of EMT."""
    script = tmp_path / "toy_worker.py"
    script.write_text(WORKER)
    (tmp_path / f"toy_{tmp_path.name}.py").write_text(TRAINER.format(script=str(script)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(TRAINERS, "toy", f"toy_{tmp_path.name}:Toy")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"elements": [29]}))
    write_manifest(folder, ["model.json"])
    files = [
        ModelFile(name=path.name, blob=archive.blobs.put(path.read_bytes()))
        for path in sorted(folder.iterdir())
    ]
    model = Model(
        provenance=Provenance.now({"toy": "1.0"}),
        trainer="toy",
        hyperparameters={},
        seed=0,
        dataset_id=None,
        files=tuple(files),
        wall_s=0.0,
    )
    archive.put(model)
    return model
