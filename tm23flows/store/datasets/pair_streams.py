"""Two datasets of the same frames, read side by side.

Owns the matching, by identity and never by the place in a list, and the stream of frames with
both labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError
from tm23flows.store.batches import batched
from tm23flows.store.datasets.candidates import candidates_by_id

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

AT_ONCE = 100
"""Frames of a stream of pairs that are read at once."""


@dataclass(frozen=True)
class Pair:
    """One frame with its labels of two datasets."""

    frame: Frame
    first: Label
    second: Label


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


def _by_frame(archive: Archive, dataset: Dataset, part: str | None) -> dict[str, str]:
    if part is not None and part not in dataset.parts:
        raise InputError(f"A dataset has no part '{part}'; it has {', '.join(dataset.parts)}.")
    ids: Sequence[str] = dataset.label_ids if part is None else dataset.parts[part]
    labels = candidates_by_id(archive, ids)
    by_frame = {one.frame_id: one.id for one in labels}
    if len(by_frame) < len(labels):
        raise InputError("A dataset has several labels of one frame, so they make no pairs.")
    return by_frame
