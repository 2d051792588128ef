"""The same frames under two recipes.

Owns datasets that repeat the frames, the order and the split of another one with labels of
another recipe, such as a wider smearing, a denser k-mesh or other electrons, and streaming the
two side by side. Frames are matched by identity, never by their place in a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError
from tm23flows.store.batches import batched
from tm23flows.store.candidates import (
    Candidate,
    candidates_by_id,
    check_one_recipe,
    query_candidates,
)
from tm23flows.store.dataset_names import Named, check_name, name_dataset
from tm23flows.store.datasets import check_energy

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

AT_ONCE = 100
"""Frames of a stream of pairs that are read at once."""

NAMED_FRAMES = 5
"""Frames without a second label that a message names."""


@dataclass(frozen=True)
class Pair:
    """One frame with its labels of two datasets."""

    frame: Frame
    first: Label
    second: Label


def pair_dataset(
    archive: Archive,
    name: str,
    dataset: Dataset,
    words: Mapping[str, Any],
    energy: str | None = None,
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
        Query for the other labels; words of :class:`tm23flows.store.query.Query`. What it finds
        of other frames does not matter.
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
    if missing and not allow_missing:
        raise InputError(
            f"{len(missing)} of {len(frames)} frames have no label of the other recipe "
            f"({', '.join(frame[:12] for frame in missing[:NAMED_FRAMES])}"
            f"{', ...' if len(missing) > NAMED_FRAMES else ''}); label them, or leave them out "
            "with --allow-missing."
        )
    policy = energy or dataset.energy
    check_energy(list(others.values()), policy)
    parts = {
        part: tuple(others[frames[one]].id for one in ids if frames[one] in others)
        for part, ids in dataset.parts.items()
    }
    if empty := [part for part, ids in parts.items() if not ids]:
        raise InputError(f"No frame of the part '{empty[0]}' has a label of the other recipe.")
    facts = {**dataset.facts, "frames_without_pair": missing} if missing else dataset.facts
    paired = Dataset(
        provenance=Provenance.now(),
        element=dataset.element,
        parts=parts,
        rule=dataset.rule,
        query=dict(words),
        split_options=dataset.split_options,
        facts=facts,
        energy=policy,
        pair_of=dataset.id,
    )
    return name_dataset(archive, name, paired)


def stream_pairs(
    archive: Archive,
    first: Dataset,
    second: Dataset,
    part: str | None = None,
    common_only: bool = False,
) -> Iterator[Pair]:
    """Stream the frames of two datasets with both labels, a few in memory at a time.

    Parameters
    ----------
    archive
        The archive.
    first, second
        Datasets of the same frames.
    part
        Part of both; None means all parts.
    common_only
        Pass over frames that only one of them has, instead of refusing.

    Yields
    ------
    Pairs in the order of the first dataset.

    Raises
    ------
    InputError
        If a dataset has no such part, has a frame twice, or the frames differ.
    """
    one, other = (_by_frame(archive, dataset, part) for dataset in (first, second))
    alone = set(one) ^ set(other)
    if alone and not common_only:
        raise InputError(
            f"{len(alone)} frames are in one of the two datasets only (the first is "
            f"{min(alone)[:12]}); make one from the other with 'tm23 dataset pair', or ask for "
            "the common frames."
        )
    for frames in batched((frame for frame in one if frame in other), AT_ONCE):
        yield from map(
            Pair,
            archive.get_many(Frame, frames),
            archive.get_many(Label, [one[frame] for frame in frames]),
            archive.get_many(Label, [other[frame] for frame in frames]),
        )


def _others(
    archive: Archive, dataset: Dataset, frames: set[str], words: Mapping[str, Any]
) -> dict[str, Candidate]:
    """Return the labels that a query finds for frames, by frame."""
    found = [one for one in query_candidates(archive, words) if one.frame_id in frames]
    if not found:
        asked = ", ".join(f"{key}={value}" for key, value in words.items()) or "everything"
        raise InputError(f"The query ({asked}) finds no label of a frame of this dataset.")
    check_one_recipe(archive, found)
    if {one.id for one in found} <= set(dataset.label_ids):
        raise InputError(
            "The query finds the labels of the dataset itself; ask for another recipe with "
            "sigma_eV, kmesh, electron_shift, engine or recipe."
        )
    return {one.frame_id: one for one in found}


def _by_frame(archive: Archive, dataset: Dataset, part: str | None) -> dict[str, str]:
    if part is not None and part not in dataset.parts:
        raise InputError(f"A dataset has no part '{part}'; it has {', '.join(dataset.parts)}.")
    ids: Sequence[str] = dataset.label_ids if part is None else dataset.parts[part]
    labels = candidates_by_id(archive, ids)
    by_frame = {one.frame_id: one.id for one in labels}
    if len(by_frame) < len(labels):
        raise InputError("A dataset has several labels of one frame, so they make no pairs.")
    return by_frame
