"""The job that trains a model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model, ModelFile, model_id
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive, run_folder
from tm23flows.store.exchange.extxyz import write_labels
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def train_model(
    dataset_id: str, trainer: str, hyperparameters: dict[str, Any], seed: int, part: str
) -> dict[str, Any]:
    """Train a model on a part of a dataset, unless that very model exists.

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
    ``model_id``, ``trainer`` and the training's ``summary``.

    Raises
    ------
    TrainingError
        If the training ends without a model.
    """
    archive = open_archive()
    wanted = get_trainer(trainer).hyperparameters(**hyperparameters)
    key = model_id(trainer, wanted.model_dump(mode="json"), seed, dataset_id, part)
    if not archive.existing(Model, [key]):
        archive.put(_train(archive, archive.get(Dataset, dataset_id), trainer, wanted, seed, part))
    model = archive.get(Model, key)
    return {"model_id": model.id, "trainer": trainer, "summary": model.summary}


def _train(
    archive: Archive, dataset: Dataset, trainer: str, wanted: Any, seed: int, part: str
) -> Model:
    # Not a folder that vanishes: when training fails, its log is what the user needs.
    folder = Path(tempfile.mkdtemp(prefix=f"{trainer}-", dir=run_folder()))
    write_part(archive, dataset, part, folder / "data" / "train.xyz")
    done = get_trainer(trainer).train(folder / "data", wanted, folder / "work", seed)
    files = tuple(
        ModelFile(name=name, blob=archive.blobs.put(path.read_bytes()))
        for name, path in sorted(done.files.items())
    )
    shutil.rmtree(folder)
    return Model(
        provenance=Provenance.now(done.versions, {"trainer": trainer}),
        trainer=trainer,
        hyperparameters=wanted.model_dump(mode="json"),
        seed=seed,
        dataset_id=dataset.id,
        part=part,
        files=files,
        history=tuple(done.history),
        summary=done.summary,
        wall_s=done.wall_s,
    )


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
