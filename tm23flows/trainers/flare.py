"""FLARE: sparse Gaussian process force fields on ACE descriptors.

Owns the hyperparameters and the way to a worker and back. The files of a model are
``model.json`` (settings, the four optimised values, the atoms taken from each frame)
and ``model.npz`` (sparse descriptors and their weights), without any training frame.
The process itself is made in ``workers/flare_train.py``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ase import Atoms
from pydantic import Field, ValidationInfo, field_validator

from tm23flows.errors import InputError
from tm23flows.trainers.base import (
    Course,
    Hyperparameters,
    Predictions,
    TrainResult,
    parse_hyperparameters,
)
from tm23flows.trainers.flare_cost import (
    CACHE_BYTES,
    Cost,
    available_bytes,
    check_memory,
    predict_cost,
)
from tm23flows.trainers.frames import read_labelled, write_frames
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.prediction import predict_frames
from tm23flows.trainers.worker import Worker, run_worker

FILES = ["model.json", "model.npz"]
MINIMUM_FRAMES = 2
NOISE_FRACTION = 0.1
"""Force noise to start from, in mean absolute force components of the training frames.

Errors of forces are a few percent of them at any temperature: 0.1 is 0.04 to 0.09 eV/A
for the cold, warm and molten copper of TM23, around the 0.05 that the article names."""
# Where the optimisation may go; without bounds it runs off to useless noises.
BOUNDS = {
    "sigma": (1e-2, 1e3),
    "noise_energy": (1e-5, 0.05),
    "noise_force": (1e-3, 1.0),
    "noise_stress": (1e-5, 0.1),
}


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
    max_environments: int | None = Field(
        None, ge=1, description="At most this many sparse environments in all; None for no limit."
    )
    minimum_variance: float = Field(
        1e-8, ge=1e-9, description="Environments below this predictive variance are not taken."
    )
    sigma: float = Field(2.0, description="Signal standard deviation, starting value.")
    noise_energy: float = Field(0.001, description="Energy noise in eV/atom, starting value.")
    noise_force: float | None = Field(
        None,
        description="Force noise in eV/A, starting value; None for a tenth of the mean absolute "
        "force component of the training frames, so that it follows their temperature.",
    )
    noise_stress: float = Field(0.005, description="Stress noise in eV/A^3, starting value.")
    max_iterations: int = Field(200, ge=0, description="L-BFGS-B iterations per start.")
    gtol: float = Field(1e-4, gt=0, description="Gradient tolerance of L-BFGS-B.")
    starts: int = Field(3, ge=1, description="Starts of the optimisation; the best point is kept.")
    optimise_every: int = Field(
        0, ge=0, description="Optimise after every so many frames as well; 0 for at the end only."
    )

    @field_validator(*BOUNDS)
    @classmethod
    def _inside(cls, value: float | None, info: ValidationInfo) -> float | None:
        low, high = BOUNDS[str(info.field_name)]
        if value is not None and not low <= value <= high:
            raise ValueError(f"it must lie between {low:g} and {high:g}")
        return value


class FlareTrainer:
    """Trains FLARE and predicts with it (see ``base.Trainer``)."""

    name = "flare"
    files = FILES
    worker = Worker(
        library="FLARE",
        script="flare_worker.py",
        setting="trainer_python_flare",
        fix="build it with scripts/build_flare.sh and install the wheel with "
        "'pip install --no-deps'",
    )

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
        frames = _read(dataset_dir, hyperparameters)
        sizes = {len(frames): workdir.resolve() / "model"}
        return _train(frames, hyperparameters, workdir, seed, sizes, course)[len(frames)]

    def train_sizes(
        self,
        dataset_dir: Path,
        hyperparameters: Hyperparameters,
        workdir: Path,
        seed: int,
        sizes: Sequence[int],
        course: Course | None = None,
    ) -> dict[int, TrainResult]:
        """Train one model for the first n frames of ``train.xyz`` for each n.

        The frames are gone through once. Every model is the one that ``train`` makes of
        its frames alone.

        Parameters
        ----------
        dataset_dir
            As for ``train``.
        hyperparameters
            As for ``train``.
        workdir
            As for ``train``.
        seed
            As for ``train``.
        sizes
            Numbers of frames.
        course
            As for ``train``.

        Returns
        -------
        The result of each size. ``elapsed_s`` and ``wall_s`` are those of all together.

        Raises
        ------
        InputError
            If a size is too small or too large, or later frames bring new elements.
        """
        frames = _read(dataset_dir, hyperparameters)
        for n in sizes:
            if not MINIMUM_FRAMES <= n <= len(frames):
                raise InputError(
                    f"A model of {n} frames cannot be made of a dataset of {len(frames)}: choose "
                    f"sizes between {MINIMUM_FRAMES} and {len(frames)}."
                )
        if not sizes:
            raise InputError("There is no size to train: give at least one number of frames.")
        _check_same_elements(frames[: max(sizes)], min(sizes))
        folders = {n: workdir.resolve() / f"model_{n}" for n in sizes}
        return _train(frames[: max(sizes)], hyperparameters, workdir, seed, folders, course)

    def predict(self, model_dir: Path, frames_file: Path, workdir: Path) -> Predictions:
        """Predict (see ``base.Trainer.predict``).

        The uncertainty of an atom is the standard deviation of its local energy over
        the signal standard deviation: 0 for an environment that is known, 1 for one
        that is like nothing in the sparse set.
        """
        return predict_frames(self, model_dir, frames_file, workdir)


def _read(dataset_dir: Path, hyperparameters: Hyperparameters) -> list[Atoms]:
    if not isinstance(hyperparameters, FlareHyperparameters):
        raise InputError("FLARE needs its own hyperparameters: make them with this trainer.")
    return read_labelled(dataset_dir / "train.xyz", MINIMUM_FRAMES)


def _train(
    frames: list[Atoms],
    hyperparameters: Hyperparameters,
    workdir: Path,
    seed: int,
    models: dict[int, Path],
    course: Course | None,
) -> dict[int, TrainResult]:
    begin, course, workdir = time.monotonic(), course or Course(), workdir.resolve()
    settings = hyperparameters.model_dump()
    cost = predict_cost(frames, settings, _searches(settings, len(frames), len(models)))
    check_memory(cost, available_bytes())
    workdir.mkdir(parents=True, exist_ok=True)
    write_frames(workdir / "training.npz", frames, labels=True)
    request = {
        "frames": str(workdir / "training.npz"),
        "folder": str(workdir),
        "sizes": sorted(models),
        "models": {str(n): str(folder) for n, folder in models.items()},
        "settings": settings,
        "bounds": BOUNDS,
        "noise_fraction": NOISE_FRACTION,
        "cache_bytes": CACHE_BYTES,
        "seed": seed,
        "resume": [str(path) for path in course.resume],
        "checkpoint_s": course.checkpoint_s,
        "predicted_s": {"select": cost.select_s, "add": cost.add_s, "search": cost.search_s},
    }
    answer = run_worker(FlareTrainer.worker, "train", request, workdir, course.look)
    wall_s = time.monotonic() - begin
    return {
        n: TrainResult(
            files=write_manifest(folder, FILES),
            history=answer["history"][str(n)],
            summary=answer["summary"][str(n)] | _predicted(cost),
            versions=answer["versions"],
            wall_s=wall_s,
        )
        for n, folder in models.items()
    }


def _searches(settings: dict[str, Any], n_frames: int, n_models: int) -> int:
    every = settings["optimise_every"]
    return n_models * settings["starts"] + (n_frames // every if every else 0)


def _predicted(cost: Cost) -> dict[str, float]:
    return {
        "predicted_bytes": cost.bytes,
        "predicted_s": cost.select_s + cost.add_s + cost.search_s,
    }


def _check_same_elements(frames: list[Atoms], smallest: int) -> None:
    first, all_ = (
        {int(z) for a in part for z in a.numbers} for part in (frames[:smallest], frames)
    )
    if first != all_:
        raise InputError(
            f"The first {smallest} frames have the elements {sorted(first)} and all of them "
            f"{sorted(all_)}, so they cannot share one descriptor: train each size by itself."
        )
