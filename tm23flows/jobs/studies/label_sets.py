"""Several label sets of the same frames and the model of each, read from the archive.

Owns the reading and the refusal of what cannot be compared. What is measured on them is in
:mod:`tm23flows.jobs.studies.measured_sets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.model import Model
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.science.density_of_states import D_WINDOW_EV

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SAME_IN_ALL = (
    "engine", "xc", "cutoff_eV", "kmesh", "kmesh_offset", "smearing", "smearing_order",
    "sigma_eV", "electron_shift", "spin_polarized", "pseudopotentials",
)  # fmt: skip
"""Words of a recipe in which sets must not differ but for the one that is studied."""


@dataclass(frozen=True)
class LabelSet:
    """One set: its labels by frame and the forces that its model predicts for test frames."""

    recipe: Recipe
    dataset: Dataset
    model: Model
    evaluation: Evaluation
    labels: dict[str, Label]
    predicted: dict[str, np.ndarray]
    noise_labels: dict[str, Label]
    dos_ids: tuple[str, ...]


def read_sets(archive: Archive, wired: dict[str, Any], differ_in: str) -> list[LabelSet]:
    """Read the sets of a metal and refuse those that are not of the same problem.

    Parameters
    ----------
    archive
        The archive.
    wired
        What :func:`tm23flows.flows.studies.label_sets.wire_sets` describes, with ids.
    differ_in
        Word of the recipes in which they differ.

    Returns
    -------
    The sets, the first one first.

    Raises
    ------
    InputError
        If recipes differ in more, models do not belong to their datasets or were tested on
        different parts, or the labels of the noise are on no denser mesh.
    """
    dos_frames = (wired["dos"] or {}).get("frame_ids", [])
    sets = [
        _read_set(archive, dataset_id, model, noise, wired["noise"]["frame_ids"], dos_frames)
        for dataset_id, model, noise in zip(
            wired["datasets"], wired["models"], wired["noise"]["recipe_ids"], strict=True
        )
    ]
    first = sets[0]
    for one in sets[1:]:
        for word in SAME_IN_ALL:
            if word != differ_in and getattr(one.recipe, word) != getattr(first.recipe, word):
                raise InputError(
                    f"Label sets of a study differ in {differ_in} alone, but two also differ in "
                    f"{word}: {getattr(first.recipe, word)} and {getattr(one.recipe, word)}."
                )
        if one.evaluation.part != first.evaluation.part:
            raise InputError("The models of a study were tested on different parts.")
    return sets


def _read_set(
    archive: Archive,
    dataset_id: str,
    model: dict[str, str],
    noise_recipes: list[str],
    noise_frames: list[str],
    dos_frames: list[str],
) -> LabelSet:
    dataset = archive.get(Dataset, dataset_id)
    evaluation = archive.get(Evaluation, model["evaluation_id"])
    if evaluation.dataset_id != dataset.id or evaluation.model_id != model["model_id"]:
        raise InputError("An evaluation is not that of the model on the dataset of its label set.")
    labels = archive.get_many(Label, dataset.label_ids)
    by_frame = {one.frame_id: one for one in labels}
    recipes = {one.recipe_id: one.recipe for one in labels}
    if len(recipes) != 1 or len(by_frame) < len(labels):
        raise InputError("A label set has one recipe and one label of every frame.")
    (recipe,) = recipes.values()
    asked = [dos_id(frame, recipe.id, D_WINDOW_EV) for frame in dos_frames]
    there = archive.existing(DensityOfStates, asked)
    return LabelSet(
        recipe=recipe,
        dataset=dataset,
        model=archive.get(Model, evaluation.model_id),
        evaluation=evaluation,
        labels=by_frame,
        predicted=_predictions(archive, evaluation, {one.id: one for one in labels}),
        noise_labels=_noise_labels(archive, recipe, noise_recipes, noise_frames),
        dos_ids=tuple(one for one in asked if one in there),
    )


def _predictions(
    archive: Archive, evaluation: Evaluation, labels: dict[str, Label]
) -> dict[str, np.ndarray]:
    """Return the predicted forces of each test frame."""
    arrays = archive.blobs.get_arrays(evaluation.predictions)
    ends = np.cumsum(arrays["n_atoms"])[:-1]
    forces = np.split(arrays["forces"], ends)
    return {
        labels[str(one)].frame_id: some
        for one, some in zip(arrays["label_id"], forces, strict=True)
    }


def _noise_labels(
    archive: Archive, recipe: Recipe, recipe_ids: list[str], frames: list[str]
) -> dict[str, Label]:
    """Return the labels of the same problem on a denser mesh, by frame."""
    if len(set(recipe_ids)) != 1:
        raise InputError("The label noise must be measured against one recipe.")
    asked = [label_id(frame, recipe_ids[0]) for frame in frames]
    there = archive.existing(Label, asked)
    found = archive.get_many(Label, [one for one in asked if one in there])
    for one in found:
        other = one.recipe.model_copy(
            update={"kmesh": recipe.kmesh, "kmesh_offset": recipe.kmesh_offset}
        )
        if other != recipe or np.prod(one.recipe.kmesh) <= np.prod(recipe.kmesh):
            raise InputError(
                "The label noise must be measured against the same recipe on a denser k-mesh than "
                f"{recipe.kmesh_text}, not {one.recipe.kmesh_text}."
            )
    return {one.frame_id: one for one in found}
