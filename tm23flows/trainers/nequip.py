"""NequIP: equivariant message-passing force fields.

Owns the hyperparameters, the split into training and validation frames, and what
the files of a NequIP model are: ``model.json`` (settings and elements) and
``best.ckpt``, a checkpoint. A checkpoint is a pickle, so it is loaded only when its
checksum is the one in the manifest. Training and loading happen in
``workers/nequip_worker.py``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms
from pydantic import Field

from tm23flows.errors import InputError
from tm23flows.settings import get_settings
from tm23flows.trainers.base import (
    Course,
    Hyperparameters,
    Predictions,
    TrainResult,
    parse_hyperparameters,
)
from tm23flows.trainers.frames import (
    check_elements,
    read_geometries,
    read_labelled,
    read_predictions,
    write_frames,
)
from tm23flows.trainers.manifest import check_manifest, write_manifest
from tm23flows.trainers.worker import Worker, run_worker

CHECKPOINT = "best.ckpt"
FILES = ["model.json", CHECKPOINT]
MINIMUM_FRAMES = 2
_WORKER = Worker(
    library="NequIP",
    script="nequip_worker.py",
    setting="trainer_python_nequip",
    fix="install it with 'pip install nequip==0.19.1'",
)


class NequipHyperparameters(Hyperparameters):
    """Network, loss and optimisation of a NequIP model.

    The defaults suit a few dozen frames of small cells, which they train in about a
    minute of one core; a dataset at the scale of the paper needs more of everything.
    """

    cutoff_A: float = Field(5.0, gt=0, description="Cutoff radius in A.")
    l_max: int = Field(1, ge=0, le=6, description="Highest rotation order of features and edges.")
    n_layers: int = Field(2, ge=1, description="Number of interaction layers.")
    n_features: int = Field(16, ge=1, description="Multiplicity of each irrep.")
    parity: bool = Field(True, description="Whether there are features of odd parity too.")
    n_bessel: int = Field(8, ge=1, description="Number of radial basis functions.")
    radial_depth: int = Field(1, ge=1, description="Hidden layers of the radial network.")
    radial_width: int = Field(64, ge=1, description="Width of the radial network.")
    precision: Literal["float32", "float64"] = Field("float32", description="Type of the weights.")
    energy_weight: float = Field(1.0, ge=0, description="Loss weight of the energy per atom.")
    force_weight: float = Field(1.0, ge=0, description="Loss weight of the forces.")
    stress_weight: float = Field(1.0, ge=0, description="Loss weight of the stress.")
    learning_rate: float = Field(0.01, gt=0, description="Learning rate at the start.")
    minimum_learning_rate: float = Field(1e-5, gt=0, description="Training stops below this.")
    patience: int = Field(
        100, ge=1, description="Epochs without a better force MAE before the rate falls by 80 %."
    )
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="Decay of the averaged weights; 0 uses the last weights."
    )
    batch_size: int = Field(5, ge=1, description="Frames per step.")
    max_epochs: int = Field(300, ge=1, description="Most passes over the training frames.")
    max_wall_s: float = Field(75.0, gt=0, description="Training stops after this time in s.")


class NequipTrainer:
    """Trains NequIP and predicts with it (see ``base.Trainer``)."""

    name = "nequip"

    def hyperparameters(self, **overrides: Any) -> NequipHyperparameters:
        """Make the hyperparameters (see ``base.Trainer.hyperparameters``)."""
        return parse_hyperparameters(NequipHyperparameters, self.name, overrides)

    def train(
        self,
        dataset_dir: Path,
        hyperparameters: Hyperparameters,
        workdir: Path,
        seed: int,
        course: Course | None = None,
    ) -> TrainResult:
        """Train, keeping the weights of the best validation epoch (see ``base.Trainer.train``).

        Without a ``validation.xyz`` a tenth of the training frames, drawn with the
        seed, is held back. A training that ends by its time limit depends on the
        speed of the machine; one that ends by epochs is reproducible.
        """
        if not isinstance(hyperparameters, NequipHyperparameters):
            raise InputError("NequIP needs its own hyperparameters: make them with this trainer.")
        start = time.monotonic()
        training, validation = _read_split(dataset_dir, seed)
        workdir = workdir.resolve()
        model = workdir / "model"
        model.mkdir(parents=True, exist_ok=True)
        data = {"training": training, "validation": validation}
        for name, frames in data.items():
            write_frames(workdir / f"{name}.npz", frames, labels=True)
        elements = sorted({int(z) for frames in data.values() for a in frames for z in a.numbers})
        settings = hyperparameters.model_dump()
        about = {"trainer": self.name, "settings": settings, "elements": elements, "seed": seed}
        (model / "model.json").write_text(json.dumps(about, indent=1))
        request = {
            **about,
            "workdir": str(workdir),
            "checkpoint": str(model / CHECKPOINT),
            "device": get_settings().trainer_device,
        }
        answer = run_worker(_WORKER, "train", request, workdir)
        return TrainResult(
            files=write_manifest(model, FILES),
            history=answer["history"],
            summary=answer["summary"],
            versions=answer["versions"],
            wall_s=time.monotonic() - start,
        )

    def predict(self, model_dir: Path, frames_file: Path, workdir: Path) -> Predictions:
        """Predict, without uncertainties (see ``base.Trainer.predict``)."""
        frames = read_geometries(frames_file)
        sums = check_manifest(model_dir, FILES)
        about = json.loads((model_dir / "model.json").read_text())
        check_elements(frames, about["elements"])
        workdir = workdir.resolve()
        workdir.mkdir(parents=True, exist_ok=True)
        paths = {key: workdir / f"{key}.npz" for key in ("frames", "predictions")}
        write_frames(paths["frames"], frames, labels=False)
        request = {key: str(path) for key, path in paths.items()}
        request |= {
            "checkpoint": str(model_dir.resolve() / CHECKPOINT),
            "sha256": sums[CHECKPOINT],
            "device": get_settings().trainer_device,
        }
        run_worker(_WORKER, "predict", request, workdir)
        return read_predictions(paths["predictions"], frames)


def _read_split(dataset_dir: Path, seed: int) -> tuple[list[Atoms], list[Atoms]]:
    """Read training and validation frames; draw the latter where there is no file."""
    frames = read_labelled(dataset_dir / "train.xyz", MINIMUM_FRAMES)
    if (dataset_dir / "validation.xyz").is_file():
        return frames, read_labelled(dataset_dir / "validation.xyz", 1)
    n_held = max(1, round(0.1 * len(frames)))
    held = set(np.random.default_rng(seed).permutation(len(frames))[:n_held].tolist())
    training = [atoms for i, atoms in enumerate(frames) if i not in held]
    return training, [frames[i] for i in sorted(held)]
