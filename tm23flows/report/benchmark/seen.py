"""Frames that a model is tested on and was trained on, too.

Owns the count and what is said of it. The parts of one dataset share no frame, so only models that
are measured on another dataset than their own, or on the part that they were trained on, are looked
at. Frames count, whatever labels they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.store.batches import batched
from tm23flows.store.collections import collection_of

if TYPE_CHECKING:
    from tm23flows.report.records import Measured
    from tm23flows.store.archive import Archive


def seen_lines(archive: Archive, evaluations: Iterable[Measured]) -> Iterator[str]:
    """Say which models met frames in their training that they are tested on.

    Parameters
    ----------
    archive
        The archive.
    evaluations
        What was measured.

    Yields
    ------
    A sentence for each evaluation with such frames.
    """
    for one in evaluations:
        if n_seen := n_seen_frames(archive, one):
            n_frames = len(one.dataset.parts[one.evaluation.part])
            yield (
                f"{one.title} on {one.named.name}, {one.evaluation.part}: {n_seen} of {n_frames} "
                "frames were in its training, so its errors here are no test errors."
            )


def n_seen_frames(archive: Archive, one: Measured) -> int:
    """Count the frames of an evaluation that its model was trained on.

    Parameters
    ----------
    archive
        The archive.
    one
        The evaluation.

    Returns
    -------
    Their number; zero for calculators from elsewhere, of whose training nothing is known.
    """
    made, model = one.evaluation, one.model
    if model.dataset_id is None:
        return 0
    if model.dataset_id == made.dataset_id and model.part != made.part:
        return 0
    trained = archive.get(Dataset, model.dataset_id).parts.get(model.part, ())
    tested = one.dataset.parts[made.part]
    return len(_frames(archive, trained) & _frames(archive, tested))


def _frames(archive: Archive, label_ids: Iterable[str]) -> set[str]:
    stored = archive.database[collection_of(Label)]
    return {
        one["frame_id"]
        for batch in batched(label_ids)
        for one in stored.find({"_id": {"$in": batch}}, {"frame_id": 1})
    }
