"""What trainers of the NequIP framework (NequIP itself, Allegro) have in common.

Owns the hyperparameters of data, loss and optimisation, the split into training and
validation frames, and what the files of such a model are: ``model.json`` (settings and
elements) and ``best.ckpt``, a checkpoint, which is loaded only when its checksum is the
one in the manifest. The network is the trainer's: one module here names its
hyperparameters and one worker its configuration; ``workers/nequip_run.py`` does the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

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
from tm23flows.trainers.frames import read_labelled, write_frames
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.prediction import open_model, predict_frames
from tm23flows.trainers.worker import Worker, run_worker

CHECKPOINT = "best.ckpt"
FILES = ["model.json", CHECKPOINT]
COMPILED = ".nequip.pt2"
MINIMUM_FRAMES = 2


class FrameworkHyperparameters(Hyperparameters):
    """Loss, optimisation and end of a training, as the paper has them where it says them."""

    cutoff_A: float = Field(5.0, gt=0, description="Cutoff radius in A.")
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
    max_epochs: int = Field(1_000_000, ge=1, description="Most passes over the training frames.")
    max_wall_s: float = Field(
        21 * 86400.0,
        gt=0,
        description="Training stops after this time in s, all attempts together; the paper's "
        "three weeks.",
    )


class FrameworkTrainer:
    """Trains a model of the NequIP framework and predicts with it (see ``base.Trainer``).

    A trainer is a subclass that names itself, the class of its hyperparameters and
    its worker; the worker knows the tasks "train", "predict", "serve", "weights" and
    "compile".
    """

    name: ClassVar[str]
    kind: ClassVar[type[FrameworkHyperparameters]]
    worker: ClassVar[Worker]
    files: ClassVar[list[str]] = FILES

    def hyperparameters(self, **overrides: Any) -> FrameworkHyperparameters:
        """Make the hyperparameters (see ``base.Trainer.hyperparameters``)."""
        return parse_hyperparameters(self.kind, self.name, overrides)

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

        Raises
        ------
        InputError
            If the hyperparameters are those of another trainer, or the data cannot train.
        """
        if not isinstance(hyperparameters, self.kind):
            raise InputError(
                f"The trainer {self.name} needs its own hyperparameters: make them with it."
            )
        start, course = time.monotonic(), course or Course()
        training, validation = _read_split(dataset_dir, seed)
        _check_forces(training)
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
            "resume": [str(path.resolve()) for path in course.resume],
            "checkpoint_s": course.checkpoint_s,
        }
        answer = run_worker(self.worker, "train", request, workdir, course.look)
        return TrainResult(
            files=write_manifest(model, FILES),
            history=answer["history"],
            summary=answer["summary"],
            versions=answer["versions"],
            wall_s=time.monotonic() - start,
        )

    def count_weights(
        self, settings: Sequence[Hyperparameters], elements: Sequence[int], workdir: Path
    ) -> list[dict[str, int]]:
        """Count the weights of networks without training them.

        Parameters
        ----------
        settings
            Hyperparameters of each network.
        elements
            Atomic numbers that the networks are for.
        workdir
            Folder for everything that the worker writes.

        Returns
        -------
        Number of weights by module, for each of the settings.

        Raises
        ------
        MissingDependencyError
            If the trainer's library is not installed.
        TrainingError
            If a network cannot be built.
        """
        request = {"settings": [h.model_dump() for h in settings], "elements": list(elements)}
        return run_worker(self.worker, "weights", request, workdir.resolve())["weights"]

    def predict(self, model_dir: Path, frames_file: Path, workdir: Path) -> Predictions:
        """Predict, without uncertainties (see ``base.Trainer.predict``)."""
        return predict_frames(self, model_dir, frames_file, workdir)

    def deploy(
        self,
        model_dir: Path,
        output: Path,
        workdir: Path,
        target: Literal["ase", "pair_nequip"] = "ase",
    ) -> Path:
        """Compile a model into one file that needs neither the training nor this package.

        A file for ASE is compared with the model before it is handed over. The file holds
        machine code for the device of the setting ``trainer_device``: load only one's own.

        Parameters
        ----------
        model_dir
            Folder with the files of a ``TrainResult`` under their relative names.
        output
            The file to write; its name ends with ``.nequip.pt2``.
        workdir
            Folder for everything else that the worker writes.
        target
            Who will use it: ``ase`` (``NequIPCalculator.from_compiled_model``) or
            ``pair_nequip``, NequIP's and Allegro's pair style of LAMMPS.

        Returns
        -------
        The file.

        Raises
        ------
        InputError
            If the name has another ending.
        MissingDependencyError
            If NequIP or a C++ compiler is not installed.
        TrainingError
            If a file of the model is missing or was changed, or if the compiled model
            predicts anything else.
        """
        if not output.name.endswith(COMPILED):
            raise InputError(f"{output} needs a name that ends with {COMPILED}: NequIP wants it.")
        model, workdir = open_model(self.files, model_dir), workdir.resolve()
        workdir.mkdir(parents=True, exist_ok=True)
        output = output.resolve()
        request = {"output": str(output), "target": target, "workdir": str(workdir)}
        run_worker(self.worker, "compile", model.request | request, workdir)
        return output


def _check_forces(training: list[Atoms]) -> None:
    """Refuse frames without any force: the network's energies are scaled by their forces."""
    if not any(atoms.get_forces().any() for atoms in training):
        raise InputError(
            "All forces of the training frames are zero, and a network is scaled by them: use "
            "frames in which atoms are off their sites."
        )


def _read_split(dataset_dir: Path, seed: int) -> tuple[list[Atoms], list[Atoms]]:
    """Read training and validation frames; draw the latter where there is no file."""
    frames = read_labelled(dataset_dir / "train.xyz", MINIMUM_FRAMES)
    if (dataset_dir / "validation.xyz").is_file():
        return frames, read_labelled(dataset_dir / "validation.xyz", 1)
    n_held = max(1, round(0.1 * len(frames)))
    held = set(np.random.default_rng(seed).permutation(len(frames))[:n_held].tolist())
    training = [atoms for i, atoms in enumerate(frames) if i not in held]
    return training, [frames[i] for i in sorted(held)]
