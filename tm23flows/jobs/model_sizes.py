"""The job that trains models on datasets that contain each other, such as a learning curve's.

Owns the growing of one model through several sizes. One model alone is
:mod:`tm23flows.jobs.model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import Response, job

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.model import Wanted, about_training, make_model, write_part
from tm23flows.jobs.training import run_training
from tm23flows.store.trainings import end_training, newest_step
from tm23flows.trainers.base import Course, TrainResult, get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def train_sizes(
    dataset_ids: list[str],
    trainer: str,
    hyperparameters: dict[str, Any],
    seed: int,
    part: str,
) -> dict[str, Any] | Response:
    """Train a model on each of some datasets that contain each other.

    A trainer that can grow a model makes all of them in one go; each is the same as if it
    had been trained alone. Models that exist are not trained again.

    Parameters
    ----------
    dataset_ids
        The datasets; the part of a smaller one is the beginning of the part of a larger one.
    trainer
        Name of the trainer.
    hyperparameters
        The ones that differ from the trainer's defaults.
    seed
        Seed of everything random.
    part
        Part of the datasets to train on.

    Returns
    -------
    ``model_ids`` in the order of the datasets. Where the time of the worker was over first,
    with the job that goes on as a detour.

    Raises
    ------
    InputError
        If the trainer cannot grow a model, or the parts do not contain each other.
    TrainingError
        If the training ends without models.
    """
    archive = open_archive()
    settings = get_trainer(trainer).hyperparameters(**hyperparameters)
    wanted = [Wanted(one, trainer, settings, seed, part) for one in dataset_ids]
    ids = [one.model_id for one in wanted]
    missing = [one for one in wanted if not archive.existing(Model, [one.model_id])]
    if missing:
        begin_job()
        largest = _largest_last(archive, missing)[-1].model_id
        step = newest_step(archive, largest)
        try:
            _grow(archive, missing)
        except OutOfTimeError:
            wait_for_deadline(largest, newest_step(archive, largest) - step)
            again = train_sizes(dataset_ids, trainer, hyperparameters, seed, part)
            return Response({"model_ids": ids}, detour=as_this_job(again))
    for one in ids:
        # of a worker that was killed after it had stored the models, too
        end_training(archive, one, "done")
    return {"model_ids": ids}


def _grow(archive: Archive, wanted: Sequence[Wanted]) -> None:
    """Train models on datasets that contain each other, in one go."""
    ordered = _largest_last(archive, wanted)
    part, trainer = ordered[-1].part, get_trainer(ordered[-1].trainer)
    if not hasattr(trainer, "train_sizes"):
        raise InputError(
            f"The trainer {trainer.name} cannot grow a model through several sizes: train one "
            "model for each."
        )
    datasets = [archive.get(Dataset, one.dataset_id) for one in ordered]
    sizes = [len(one.parts[part]) for one in datasets]
    by_size = dict(zip(sizes, ordered, strict=True))

    def train(folder: Path, course: Course) -> dict[int, TrainResult]:
        write_part(archive, datasets[-1], part, folder / "data" / "train.xyz")
        return trainer.train_sizes(
            folder / "data",
            ordered[-1].hyperparameters,
            folder / "work",
            ordered[-1].seed,
            sizes,
            course,
        )

    def keep(target: Archive, done: dict[int, TrainResult]) -> None:
        target.put(*(make_model(target, by_size[size], done[size]) for size in sizes))

    run_training(
        archive, ordered[-1].model_id, about_training(ordered[-1], datasets[-1]), train, keep
    )


def _largest_last(archive: Archive, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Order by size, and check that each part is the beginning of the next."""
    found = [(archive.get(Dataset, one.dataset_id).parts.get(one.part, ()), one) for one in wanted]
    found.sort(key=lambda pair: len(pair[0]))
    for (small, _), (large, one) in pairwise(found):
        if len(small) == len(large) or large[: len(small)] != small:
            raise InputError(
                f"The part '{one.part}' of a dataset of a learning curve must begin with that of "
                "the next smaller one: make them with the split 'learning-curve'."
            )
    return [one for _, one in found]
