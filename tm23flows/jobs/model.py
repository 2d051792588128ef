"""The job that trains a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.model import HISTORY_ROWS, Model, ModelFile, model_id, thin_history
from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.training import run_training
from tm23flows.store.exchange.extxyz import write_labels
from tm23flows.store.trainings import end_training, newest_step
from tm23flows.trainers.base import Course, Hyperparameters, TrainResult, get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

VALIDATION = "validation"
"""Part that trainers which need one validate on; without it they hold frames back themselves."""


@dataclass(frozen=True)
class Wanted:
    """A model that is wanted: everything that it is made from.

    Parameters
    ----------
    dataset_id
        The dataset.
    trainer
        Name of the trainer.
    hyperparameters
        All of them.
    seed
        Seed of everything random.
    part
        Part of the dataset to train on.
    inputs
        What else led to it, for its provenance, such as a grid search.
    """

    dataset_id: str
    trainer: str
    hyperparameters: Hyperparameters
    seed: int
    part: str
    inputs: dict[str, Any] | None = None

    @property
    def model_id(self) -> str:
        """The id that the model will have."""
        settings = self.hyperparameters.model_dump(mode="json")
        return model_id(self.trainer, settings, self.seed, self.dataset_id, self.part)


@job
def train_model(
    dataset_id: str,
    trainer: str,
    hyperparameters: dict[str, Any],
    seed: int,
    part: str,
) -> dict[str, Any] | Response:
    """Train a model on a part of a dataset, unless that very model exists.

    A training that was interrupted goes on from its newest checkpoint, on whatever machine.

    Parameters
    ----------
    dataset_id
        The dataset.
    trainer
        Name of the trainer.
    hyperparameters
        The ones that differ from the trainer's defaults.
    seed
        Seed of everything random.
    part
        Part of the dataset to train on.

    Returns
    -------
    ``model_id``, ``trainer`` and the training's ``summary``. Where the time of the worker was
    over first, without a summary and with the job that goes on as a detour.

    Raises
    ------
    TrainingError
        If the training ends without a model.
    """
    settings = get_trainer(trainer).hyperparameters(**hyperparameters)
    wanted = Wanted(dataset_id, trainer, settings, seed, part)
    begin_job()  # not below, where it would be one more reason to go on elsewhere
    step = newest_step(open_archive(), wanted.model_id)
    try:
        model = train_or_find(wanted)
    except OutOfTimeError:
        wait_for_deadline(wanted.model_id, newest_step(open_archive(), wanted.model_id) - step)
        again = train_model(dataset_id, trainer, hyperparameters, seed, part)
        unfinished = {"model_id": wanted.model_id, "trainer": trainer, "summary": {}}
        return Response(unfinished, detour=as_this_job(again))
    return {"model_id": model.id, "trainer": trainer, "summary": model.summary}


def train_or_find(wanted: Wanted) -> Model:
    """Return a model, trained now if it does not exist.

    Parameters
    ----------
    wanted
        What it is made from.

    Returns
    -------
    The model, as it is in the archive.

    Raises
    ------
    OutOfTimeError
        If the time of this worker is over; what was done is kept.
    TrainingError
        If the training ends without a model.
    """
    archive = open_archive()
    if not archive.existing(Model, [wanted.model_id]):
        dataset = archive.get(Dataset, wanted.dataset_id)

        def train(folder: Path, course: Course) -> TrainResult:
            write_data(archive, dataset, wanted.part, folder / "data")
            return get_trainer(wanted.trainer).train(
                folder / "data", wanted.hyperparameters, folder / "work", wanted.seed, course
            )

        def keep(target: Archive, done: TrainResult) -> None:
            target.put(make_model(target, wanted, done))

        run_training(archive, wanted.model_id, about_training(wanted, dataset), train, keep)
    else:
        # a worker that was killed after it had stored the model could not say so
        end_training(archive, wanted.model_id, "done")
    return archive.get(Model, wanted.model_id)


def make_model(archive: Archive, wanted: Wanted, done: TrainResult) -> Model:
    """Store the files of a training and make the document.

    Parameters
    ----------
    archive
        The archive.
    wanted
        What the model is made from.
    done
        What the training left behind.

    Returns
    -------
    The document, not stored.
    """
    files = tuple(
        ModelFile(name=name, blob=archive.blobs.put(path.read_bytes()))
        for name, path in sorted(done.files.items())
    )
    whole = None
    if len(done.history) > HISTORY_ROWS:
        names = dict.fromkeys(key for row in done.history for key in row)
        columns = {name: [row.get(name, np.nan) for row in done.history] for name in names}
        whole = archive.blobs.put_arrays(
            **{name: np.array(column, float) for name, column in columns.items()}
        )
    return Model(
        provenance=Provenance.now(
            done.versions, {"trainer": wanted.trainer, **(wanted.inputs or {})}
        ),
        trainer=wanted.trainer,
        hyperparameters=wanted.hyperparameters.model_dump(mode="json"),
        seed=wanted.seed,
        dataset_id=wanted.dataset_id,
        part=wanted.part,
        files=files,
        history=thin_history(done.history),
        full_history=whole,
        summary=done.summary,
        wall_s=done.wall_s,
    )


def about_training(wanted: Wanted, dataset: Dataset) -> dict[str, str]:
    """Say for people what a training is about.

    Parameters
    ----------
    wanted
        What the model is made from.
    dataset
        The dataset.

    Returns
    -------
    Trainer, element and dataset.
    """
    return {
        "trainer": wanted.trainer,
        "element": dataset.element,
        "dataset_id": dataset.id,
        "part": wanted.part,
    }


def write_data(archive: Archive, dataset: Dataset, part: str, folder: Path) -> None:
    """Write what a trainer trains on, and what it validates on where the dataset says that.

    Parameters
    ----------
    archive
        The archive.
    dataset
        The dataset.
    part
        Part to train on.
    folder
        Folder for ``train.xyz`` and perhaps ``validation.xyz``.
    """
    write_part(archive, dataset, part, folder / "train.xyz")
    if VALIDATION in dataset.parts and part != VALIDATION:
        write_part(archive, dataset, VALIDATION, folder / "validation.xyz")


def write_part(archive: Archive, dataset: Dataset, part: str, path: Path) -> list[Label]:
    """Write a part of a dataset as the extended XYZ file that trainers read.

    Parameters
    ----------
    archive
        The archive.
    dataset
        The dataset.
    part
        Name of the part.
    path
        File to write; its folder is made.

    Returns
    -------
    The labels in the order of the file.

    Raises
    ------
    InputError
        If the dataset has no such part.
    NotFoundError
        If a label or frame is gone.
    """
    if part not in dataset.parts:
        raise InputError(f"The dataset has no part '{part}'; it has {', '.join(dataset.parts)}.")
    labels = archive.get_many(Label, dataset.parts[part])
    frames = archive.get_many(Frame, [label.frame_id for label in labels])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        write_labels(file, zip(frames, labels, strict=True), dataset.energy)
    return labels
