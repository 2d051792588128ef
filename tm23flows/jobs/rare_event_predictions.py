"""Forces of a stored model on the frames of a folder in the format of the authors.

Owns the step from the folder to the trainer of the model and back, frame by frame.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.model import Model
from tm23flows.science.label_arrays import FloatArray
from tm23flows.store.exchange.models import write_model_file
from tm23flows.store.exchange.rare_folder import RareEvents
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def predict_folder(
    archive: Archive, model: Model, found: RareEvents
) -> tuple[list[FloatArray | None], dict[int, str]]:
    """Predict the forces of all frames of a folder with a stored model.

    Parameters
    ----------
    archive
        The archive, for the files of the model.
    model
        The model.
    found
        The folder.

    Returns
    -------
    Forces of each frame, None where there are none, and why, by number of the frame.

    Raises
    ------
    InputError
        If the frames do not fit the model.
    MissingDependencyError
        If the library of its trainer is not installed.
    TrainingError
        If the prediction fails as a whole.
    """
    from ase.io import write

    frames = [found.structures[number] for number in range(len(found.data["r"]))]
    with tempfile.TemporaryDirectory(prefix="tm23-rare-events-") as scratch:
        folder = Path(scratch)
        write(folder / "frames.xyz", frames, format="extxyz")
        for one in model.files:
            write_model_file(archive, one, folder / "model")
        made = get_trainer(model.trainer).predict(
            folder / "model", folder / "frames.xyz", folder / "work"
        )
    failures = dict(made.failures)
    forces: list[FloatArray | None] = []
    for number, one in enumerate(made.forces):
        if number not in failures and not np.isfinite(one).all():
            failures[number] = "a force is not a finite number"
        forces.append(None if number in failures else np.asarray(one, float))
    return forces, failures
