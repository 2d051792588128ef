"""The same frames under two recipes.

Owns datasets that repeat the frames, the order and the split of another one with labels of
another recipe, such as a wider smearing, a denser k-mesh or other electrons. Reading the two
side by side is :mod:`tm23flows.store.datasets.pair_streams`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import EnergyKind
from tm23flows.errors import InputError
from tm23flows.store.datasets.candidates import Candidate, candidates_by_id, query_candidates
from tm23flows.store.datasets.label_policy import check_energy, check_one_recipe
from tm23flows.store.datasets.names import Named, check_name, name_dataset

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KEPT_FRAMES = 1000
"""Ids of frames without a second label that the dataset keeps; the others are counted."""

NAMED_FRAMES = 5
"""Frames without a second label that a message names."""


def pair_dataset(
    archive: Archive,
    name: str,
    dataset: Dataset,
    words: Mapping[str, Any],
    energy: EnergyKind | None = None,
    allow_missing: bool = False,
) -> Named:
    """Make the dataset of the same frames, order and split under another recipe.

    Parameters
    ----------
    archive
        The archive.
    name
        Name of the new dataset.
    dataset
        The dataset to repeat.
    words
        Query for the other labels; what it finds of other frames does not matter.
    energy
        Label policy of the new dataset; None takes that of the other.
    allow_missing
        Leave out frames that have no such label, and keep their ids with the dataset.

    Returns
    -------
    The dataset with its name and version.

    Raises
    ------
    InputError
        If the query finds labels of several recipes or of the same one, frames have no such
        label, or the labels lack that energy.
    """
    check_name(name)
    frames = {one.id: one.frame_id for one in candidates_by_id(archive, dataset.label_ids)}
    others = _others(archive, dataset, set(frames.values()), words)
    missing = [frame for frame in frames.values() if frame not in others]
    _check_missing(missing, frames, allow_missing)
    policy = energy or dataset.energy
    check_energy(list(others.values()), policy)
    parts = {
        part: tuple(others[frames[one]].id for one in ids if frames[one] in others)
        for part, ids in dataset.parts.items()
    }
    if empty := [part for part, ids in parts.items() if not ids]:
        raise InputError(f"No frame of the part '{empty[0]}' has a label of the other recipe.")
    paired = Dataset(
        provenance=Provenance.now(),
        element=dataset.element,
        parts=parts,
        rule=dataset.rule,
        query=dict(words),
        split_options=dataset.split_options,
        facts=_facts(dataset, missing),
        energy=policy,
        pair_of=dataset.id,
    )
    return name_dataset(archive, name, paired)


def _facts(dataset: Dataset, missing: list[str]) -> dict[str, Any]:
    if not missing:
        return dataset.facts
    kept = {"n_without_pair": len(missing), "frames_without_pair": missing[:KEPT_FRAMES]}
    return {**dataset.facts, **kept}


def _check_missing(missing: list[str], frames: Collection[str], allow_missing: bool) -> None:
    if missing and not allow_missing:
        named = ", ".join(frame[:12] for frame in missing[:NAMED_FRAMES])
        more = ", ..." if len(missing) > NAMED_FRAMES else ""
        raise InputError(
            f"{len(missing)} of {len(frames)} frames have no label of the other recipe "
            f"({named}{more}); label them, or leave them out with --allow-missing."
        )


def _others(
    archive: Archive, dataset: Dataset, frames: set[str], words: Mapping[str, Any]
) -> dict[str, Candidate]:
    """Return the labels that a query finds for frames, by frame."""
    found = [one for one in query_candidates(archive, words) if one.frame_id in frames]
    if not found:
        asked = ", ".join(f"{key}={value}" for key, value in words.items()) or "everything"
        raise InputError(f"The query ({asked}) finds no label of a frame of this dataset.")
    check_one_recipe(archive, {one.recipe_id: one.id for one in found})
    if {one.id for one in found} <= set(dataset.label_ids):
        raise InputError(
            "The query finds the labels of the dataset itself; ask for another recipe with "
            "sigma_eV, kmesh, electron_shift, engine or recipe."
        )
    return {one.frame_id: one for one in found}
