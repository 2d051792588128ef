"""The jobs that freeze labels into a dataset, and that repeat it with labels of another recipe."""

from __future__ import annotations

from typing import Any

from jobflow import job

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label, label_id
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.store.datasets.creation import create_datasets
from tm23flows.store.datasets.pairs import pair_dataset


@job
def make_dataset(
    name: str,
    frame_ids: list[list[str]],
    recipe_ids: list[str],
    split: str,
    split_options: dict[str, Any],
    energy: str = "free",
) -> dict[str, Any]:
    """Make a dataset from the labels of given frames under one recipe.

    Parameters
    ----------
    name
        Name of the dataset.
    frame_ids
        Frames, one list per trajectory.
    recipe_ids
        Recipe of the labels, as every labelling job reported it; all the same.
    split
        Rule that divides the labels.
    split_options
        What the rule takes.
    energy
        Label policy: the energy that models are trained on.

    Returns
    -------
    ``dataset_id``, ``name``, ``version`` and the number of labels of each part; of a learning
    curve those of the largest size. ``datasets`` has the id of every one by its name.

    Raises
    ------
    InputError
        If the labelling jobs used different recipes, or too few labels were accepted: the rest
        may be allowed to be missing with the option ``allow_missing``.
    """
    if len(set(recipe_ids)) != 1:
        raise InputError("The labels of a dataset must come from one recipe.")
    archive = open_archive()
    wanted = [label_id(frame, recipe_ids[0]) for run in frame_ids for frame in run]
    accepted = archive.existing(Label, wanted)
    labels = archive.get_many(Label, [one for one in wanted if one in accepted])
    if not labels:
        raise InputError(f"None of {len(wanted)} labels for the dataset '{name}' was accepted.")
    made = create_datasets(
        archive, name, labels, split, split_options, {"recipe": recipe_ids[0]}, energy
    )
    last = made[-1]
    return {
        "dataset_id": last.dataset.id,
        "name": last.name,
        "version": last.version,
        "datasets": {one.name: one.dataset.id for one in made},
        **{part: len(ids) for part, ids in last.dataset.parts.items()},
    }


@job
def pair_with_recipe(
    dataset_id: str, name: str, recipe_ids: list[str], allow_missing: bool = False
) -> dict[str, Any]:
    """Make the dataset of the same frames, order and split with labels of another recipe.

    Parameters
    ----------
    dataset_id
        The dataset to repeat.
    name
        Name of the new dataset.
    recipe_ids
        The other recipe, as every labelling job reported it; all the same.
    allow_missing
        Leave out frames that have no such label; the dataset keeps their ids.

    Returns
    -------
    ``dataset_id``, ``name``, ``version``, the number of labels of each part, and of frames
    ``missing``.

    Raises
    ------
    InputError
        If the labelling jobs used different recipes, or frames have no label of it.
    """
    if len(set(recipe_ids)) != 1:
        raise InputError("The labels of a dataset must come from one recipe.")
    archive = open_archive()
    first = archive.get(Dataset, dataset_id)
    words = {"recipe": recipe_ids[0]}
    made = pair_dataset(archive, name, first, words, allow_missing=allow_missing)
    parts = {part: len(ids) for part, ids in made.dataset.parts.items()}
    return {
        "dataset_id": made.dataset.id,
        "name": made.name,
        "version": made.version,
        "missing": len(first.label_ids) - sum(parts.values()),
        **parts,
    }
