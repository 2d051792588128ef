"""What every trainer does alike when a model is used.

Owns opening a model (its files are checked, its elements read) and predicting the
frames of a file with the worker. A trainer that has its model's elements in
``model.json``, and a worker with the task "predict" of ``workers/model_tasks.py``,
needs nothing of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tm23flows.errors import TrainingError
from tm23flows.settings import get_settings
from tm23flows.trainers.base import Predictions
from tm23flows.trainers.frames import (
    check_elements,
    read_geometries,
    read_predictions,
    write_frames,
)
from tm23flows.trainers.manifest import check_manifest
from tm23flows.trainers.worker import Worker, run_worker


class Served(Protocol):
    """A trainer whose worker loads models by itself."""

    worker: Worker
    files: list[str]


@dataclass(frozen=True)
class OpenModel:
    """A model whose files are as they were trained.

    Parameters
    ----------
    elements
        Its atomic numbers; None where they are not known.
    request
        What a worker needs to load it: the folder ``model``, the ``sha256`` of each
        file by name, and the ``device``.
    """

    elements: list[int] | None
    request: dict[str, Any]


def open_model(files: list[str], model_dir: Path) -> OpenModel:
    """Check the files of a model.

    Parameters
    ----------
    files
        The files that a model of its trainer has; ``model.json`` is one of them.
    model_dir
        Folder of the model.

    Returns
    -------
    The model.

    Raises
    ------
    TrainingError
        If a file is missing or was changed.
    """
    sums = check_manifest(model_dir, files)
    try:
        elements = [int(z) for z in json.loads((model_dir / "model.json").read_text())["elements"]]
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"The model.json in {model_dir} does not name the elements: train the model again."
        ) from error
    place = {"model": str(model_dir.resolve()), "device": get_settings().trainer_device}
    return OpenModel(elements, {**place, "sha256": sums})


def predict_frames(
    trainer: Served, model_dir: Path, frames_file: Path, workdir: Path
) -> Predictions:
    """Predict the frames of a file with the trainer's worker (see ``base.Trainer.predict``).

    Parameters
    ----------
    trainer
        The trainer.
    model_dir
        Folder of the model.
    frames_file
        Extended XYZ file; labels in it are ignored.
    workdir
        Folder for everything that the prediction writes.

    Returns
    -------
    The predictions in the order of the file.

    Raises
    ------
    InputError
        If the frames do not fit the model.
    MissingDependencyError
        If the trainer's library is not installed.
    TrainingError
        If a file of the model is missing or was changed, or the prediction fails.
    """
    frames = read_geometries(frames_file)
    model = open_model(trainer.files, model_dir)
    check_elements(frames, model.elements)
    workdir = workdir.resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    paths = {key: workdir / f"{key}.npz" for key in ("frames", "predictions")}
    write_frames(paths["frames"], frames, labels=False)
    request = {key: str(path) for key, path in paths.items()}
    run_worker(trainer.worker, "predict", model.request | request, workdir)
    return read_predictions(paths["predictions"], frames)
