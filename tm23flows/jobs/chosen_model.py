"""The jobs around a grid search in a longer flow: its small dataset, and the full training.

Owns the way from a dataset to that of its grid search, and from a grid search to a model. The
search itself is :mod:`tm23flows.jobs.grid_search`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobflow import Response, job

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.label import Label
from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.model import Wanted, train_or_find
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.trainings import newest_step
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def make_grid_dataset(dataset_id: str, part: str, n_train: int, n_test: int) -> dict[str, Any]:
    """Make the small dataset of a grid search from the training part of another.

    Its test frames are training frames of the other, so what the other tests with chooses
    nothing.

    Parameters
    ----------
    dataset_id
        The dataset of the full training.
    part
        Its training part.
    n_train
        Frames to train on, spread evenly over the temperatures.
    n_test
        Frames to compare on.

    Returns
    -------
    ``dataset_id``, ``name`` and ``version``.

    Raises
    ------
    InputError
        If there is no such part, or it has too few frames.
    """
    archive = open_archive()
    dataset = archive.get(Dataset, dataset_id)
    if part not in dataset.parts:
        raise InputError(f"The dataset has no part '{part}'; it has {', '.join(dataset.parts)}.")
    named = archive.database[DATASET_NAMES].find_one({"dataset_id": dataset_id})
    options: dict[str, Any] = {"n_train": n_train, "n_test": n_test, "n_reserved": 0}
    if "min_gap_fs" in dataset.split_options:
        options["min_gap_fs"] = dataset.split_options["min_gap_fs"]
    made = create_dataset(
        archive,
        f"{named['name'] if named else dataset.element}-grid",
        archive.get_many(Label, dataset.parts[part]),
        "grid",
        options,
        {"dataset": dataset_id, "part": part},
        dataset.energy,
    )
    return {"dataset_id": made.dataset.id, "name": made.name, "version": made.version}


@job
def train_chosen(
    grid_id: str,
    dataset_id: str,
    part: str,
    seed: int,
    overrides: dict[str, Any],
) -> dict[str, Any] | Response:
    """Train a model with the point that a grid search chose, unless that very model exists.

    A training that was interrupted goes on, as that of
    :func:`tm23flows.jobs.model.train_model`.

    Parameters
    ----------
    grid_id
        The grid search.
    dataset_id
        Dataset to train on, usually another one than that of the search.
    part
        Part of it.
    seed
        Seed of everything random.
    overrides
        Hyperparameters in which the full training differs from those of the points.

    Returns
    -------
    ``grid_id``, ``model_id``, ``trainer`` and the training's ``summary``. Where the time of the
    worker was over first, without a summary and with the job that goes on as a detour.

    Raises
    ------
    InputError
        If the search chose nothing.
    TrainingError
        If the training ends without a model.
    """
    archive = open_archive()
    begin_job()
    wanted = chosen_training(archive, grid_id, dataset_id, part, seed, overrides)
    about = {"grid_id": grid_id, "model_id": wanted.model_id, "trainer": wanted.trainer}
    step = newest_step(archive, wanted.model_id)
    try:
        model = train_or_find(wanted)
    except OutOfTimeError:
        wait_for_deadline(wanted.model_id, newest_step(archive, wanted.model_id) - step)
        again = train_chosen(grid_id, dataset_id, part, seed, overrides)
        return Response({**about, "summary": {}}, detour=as_this_job(again))
    return {**about, "summary": model.summary}


def chosen_training(
    archive: Archive, grid_id: str, dataset_id: str, part: str, seed: int, overrides: dict[str, Any]
) -> Wanted:
    """Say which model a grid search means for a dataset.

    Parameters
    ----------
    archive
        The archive.
    grid_id
        The grid search.
    dataset_id
        The dataset to train on.
    part
        Part of it.
    seed
        Seed of everything random.
    overrides
        Hyperparameters that replace those of the search.

    Returns
    -------
    The model that is wanted; its provenance will name the search.

    Raises
    ------
    InputError
        If the search chose nothing, or the trainer does not take a hyperparameter.
    """
    search = archive.get(GridSearch, grid_id)
    if search.hyperparameters is None:
        raise InputError(
            f"The grid search {grid_id[:12]} chose no point: {search.reason} Run it again."
        )
    settings = get_trainer(search.trainer).hyperparameters(
        **{**search.hyperparameters, **overrides}
    )
    inputs = {"grid_search": grid_id, "overrides": overrides}
    return Wanted(dataset_id, search.trainer, settings, seed, part, inputs)
