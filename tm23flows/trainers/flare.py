"""FLARE: sparse Gaussian process force fields on ACE descriptors.

Owns the hyperparameters and what the files of a FLARE model are: ``model.json``
(settings, optimised hyperparameters, sparse environments) and ``training.npz``
(the frames, from which the process is built again). The process itself is made in
``workers/flare_worker.py``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from tm23flows.errors import InputError
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

FILES = ["model.json", "training.npz"]
MINIMUM_FRAMES = 2
# Where the optimisation may go; without bounds it runs off to useless noises.
BOUNDS = {
    "sigma": (1e-2, 1e3),
    "noise_energy": (1e-5, 0.05),
    "noise_force": (1e-3, 1.0),
    "noise_stress": (1e-5, 0.1),
}
_WORKER = Worker(
    library="FLARE",
    script="flare_worker.py",
    setting="trainer_python_flare",
    fix="build it with scripts/build_flare.sh and install the wheel with 'pip install --no-deps'",
)


class FlareHyperparameters(Hyperparameters):
    """Descriptor, kernel, sparse set and optimisation of a FLARE model."""

    descriptor: Literal["B1", "B2"] = Field("B2", description="Two-body (B1) or three-body (B2).")
    power: int = Field(2, ge=1, le=2, description="Power of the normalised dot product.")
    nmax: int = Field(8, ge=1, description="Number of radial functions.")
    lmax: int = Field(4, ge=0, description="Highest angular momentum; B1 ignores it.")
    cutoff_A: float = Field(5.0, gt=0, description="Cutoff radius in A.")
    environments_per_frame: int = Field(
        4, ge=1, description="At most this many sparse environments are taken from a frame."
    )
    minimum_variance: float = Field(
        1e-6, gt=0, description="Environments below this predictive variance are not taken."
    )
    sigma: float = Field(2.0, description="Signal standard deviation, starting value.")
    noise_energy: float = Field(0.001, description="Energy noise in eV/atom, starting value.")
    noise_force: float = Field(0.05, description="Force noise in eV/A, starting value.")
    noise_stress: float = Field(0.005, description="Stress noise in eV/A^3, starting value.")
    max_iterations: int = Field(200, ge=0, description="L-BFGS-B iterations per start.")
    gtol: float = Field(1e-4, gt=0, description="Gradient tolerance of L-BFGS-B.")
    starts: int = Field(3, ge=1, description="Starts of the optimisation; the best point is kept.")

    @field_validator(*BOUNDS)
    @classmethod
    def _inside(cls, value: float, info: ValidationInfo) -> float:
        low, high = BOUNDS[str(info.field_name)]
        if not low <= value <= high:
            raise ValueError(f"it must lie between {low:g} and {high:g}")
        return value


class FlareTrainer:
    """Trains FLARE and predicts with it (see ``base.Trainer``)."""

    name = "flare"

    def hyperparameters(self, **overrides: Any) -> FlareHyperparameters:
        """Make the hyperparameters (see ``base.Trainer.hyperparameters``)."""
        return parse_hyperparameters(FlareHyperparameters, self.name, overrides)

    def train(
        self,
        dataset_dir: Path,
        hyperparameters: Hyperparameters,
        workdir: Path,
        seed: int,
        course: Course | None = None,
    ) -> TrainResult:
        """Train on every frame of ``train.xyz`` (see ``base.Trainer.train``).

        The seed decides where the second and later optimisations start.
        """
        if not isinstance(hyperparameters, FlareHyperparameters):
            raise InputError("FLARE needs its own hyperparameters: make them with this trainer.")
        start = time.monotonic()
        frames = read_labelled(dataset_dir / "train.xyz", MINIMUM_FRAMES)
        workdir = workdir.resolve()
        model = workdir / "model"
        model.mkdir(parents=True, exist_ok=True)
        write_frames(model / "training.npz", frames, labels=True)
        request = {
            "model": str(model),
            "settings": hyperparameters.model_dump(),
            "bounds": BOUNDS,
            "seed": seed,
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
        """Predict (see ``base.Trainer.predict``).

        The uncertainty of an atom is the standard deviation of its local energy over
        the signal standard deviation: 0 for an environment that is known, 1 for one
        that is like nothing in the sparse set.
        """
        frames = read_geometries(frames_file)
        check_manifest(model_dir, FILES)
        elements = json.loads((model_dir / "model.json").read_text())["elements"]
        check_elements(frames, elements)
        workdir = workdir.resolve()
        workdir.mkdir(parents=True, exist_ok=True)
        paths = {key: workdir / f"{key}.npz" for key in ("frames", "predictions")}
        write_frames(paths["frames"], frames, labels=False)
        request = {key: str(path) for key, path in paths.items()}
        request["model"] = str(model_dir.resolve())
        run_worker(_WORKER, "predict", request, workdir)
        return read_predictions(paths["predictions"], frames)
