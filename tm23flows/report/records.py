"""What a report reads from the archive.

Owns the reading: evaluations with their models and datasets, all labels of frames,
trajectories, counts. Nothing here computes or draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tm23flows.documents.base import Document
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.model import Model
from tm23flows.documents.trajectory import Trajectory
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, collection_of
from tm23flows.store.datasets.creation import list_datasets

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Noun = TypeVar("Noun", bound=Document)
SHORT_ID = 8
"""Digits of an id in tables; `tm23 trace` takes them."""


@dataclass(frozen=True)
class NamedDataset:
    """A dataset and what to call it."""

    name: str
    dataset: Dataset


@dataclass(frozen=True)
class Measured:
    """An evaluation with what it is of."""

    evaluation: Evaluation
    model: Model
    named: NamedDataset

    @property
    def dataset(self) -> Dataset:
        """The dataset."""
        return self.named.dataset

    @property
    def kind(self) -> str:
        """What models of several metals have in common: the trainer, or the calculator's name."""
        return self.model.title

    @property
    def title(self) -> str:
        """Kind and short id of the model."""
        return f"{self.kind} {self.model.id[:SHORT_ID]}"


def datasets(archive: Archive, dataset: str | None = None) -> list[NamedDataset]:
    """Read all datasets, or one.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id; all by default.

    Returns
    -------
    Datasets under their first name (with the version where it is not the first), in the
    order of metals and names.

    Raises
    ------
    NotFoundError
        If the one that was asked for is not there.
    """
    names: dict[str, str] = {}
    for one in list_datasets(archive):
        version = "" if one.version == 1 else f"@{one.version}"
        names.setdefault(one.dataset.id, f"{one.name}{version}")
    found = read_all(archive, Dataset) if dataset is None else [archive.dataset(dataset)]
    named = [NamedDataset(names.get(one.id, one.id[:SHORT_ID]), one) for one in found]
    return sorted(named, key=lambda one: (one.dataset.element, one.name))


def measured(
    archive: Archive, dataset: str | None = None, ids: Iterable[str] | None = None
) -> list[Measured]:
    """Read evaluations with their models and datasets.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id; all by default.
    ids
        Only these evaluations, where they are there; all by default.

    Returns
    -------
    Evaluations in the order of datasets, parts and trainers.

    Raises
    ------
    NotFoundError
        If the dataset, or the model or dataset of an evaluation, is not there.
    """
    known = {one.dataset.id: one for one in datasets(archive, dataset)}
    wanted: dict[str, Any] = {} if dataset is None else {"dataset_id": {"$in": list(known)}}
    if ids is not None:
        wanted["_id"] = {"$in": list(ids)}
    stored = archive.database[collection_of(Evaluation)].find(wanted, {"_id": 1})
    evaluations = archive.get_many(Evaluation, (one["_id"] for one in stored))
    models = archive.get_many(Model, (one.model_id for one in evaluations))
    archive.get_many(Dataset, {one.dataset_id for one in evaluations})
    place = {name: number for number, name in enumerate(known)}
    together = [
        Measured(evaluation, model, known[evaluation.dataset_id])
        for evaluation, model in zip(evaluations, models, strict=True)
    ]
    return sorted(
        together,
        key=lambda m: (place[m.dataset.id], m.evaluation.part, m.title, m.evaluation.id),
    )


def labels_by_frame(archive: Archive, frame_ids: Iterable[str]) -> dict[str, list[Label]]:
    """Read every label of the given frames, under whatever recipe.

    Parameters
    ----------
    archive
        The archive.
    frame_ids
        The frames.

    Returns
    -------
    Labels by frame, in the order of their ids.
    """
    stored = archive.database[collection_of(Label)]
    found = [
        one["_id"]
        for batch in batched(frame_ids)
        for one in stored.find({"frame_id": {"$in": batch}}, {"_id": 1})
    ]
    result: dict[str, list[Label]] = {}
    for label in archive.get_many(Label, sorted(found)):
        result.setdefault(label.frame_id, []).append(label)
    return result


def labels_of_shared_frames(
    archive: Archive, label_ids: Iterable[str]
) -> tuple[list[Label], dict[str, list[Label]]]:
    """Read those of some labels whose frames have others, and all labels of these frames.

    Most frames of a large set have one label: those are not read.

    Parameters
    ----------
    archive
        The archive.
    label_ids
        Labels, such as those of a dataset.

    Returns
    -------
    The labels in their order, and all labels by frame.
    """
    wanted = list(label_ids)
    stored = archive.database[collection_of(Label)]
    frame_of = {
        one["_id"]: one["frame_id"]
        for batch in batched(wanted)
        for one in stored.find({"_id": {"$in": batch}}, {"frame_id": 1})
    }
    numbers = Counter(
        one["frame_id"]
        for batch in batched(dict.fromkeys(frame_of.values()))
        for one in stored.find({"frame_id": {"$in": batch}}, {"frame_id": 1})
    )
    # a label that is gone is asked for, too, so that it is missed
    shared = [one for one in wanted if one not in frame_of or numbers[frame_of[one]] > 1]
    base = archive.get_many(Label, shared)
    return base, labels_by_frame(archive, [label.frame_id for label in base])


def trajectories(archive: Archive, chosen: list[NamedDataset] | None = None) -> list[Trajectory]:
    """Read trajectories.

    Parameters
    ----------
    archive
        The archive.
    chosen
        Only those whose frames are in these datasets; by default all but those with models.

    Returns
    -------
    Trajectories by metal and rising temperature.
    """
    if chosen is None:
        found = [one for one in read_all(archive, Trajectory) if one.recipe.model_id is None]
    else:
        ids = [one for named in chosen for one in named.dataset.label_ids]
        labels = archive.get_many(Label, dict.fromkeys(ids))
        parents = {label.trajectory_id for label in labels if label.trajectory_id}
        found = archive.get_many(Trajectory, sorted(parents))
    return sorted(found, key=lambda one: (one.element, one.dynamics.temperature_K, one.id))


def counts(archive: Archive) -> dict[str, int]:
    """Count what is in the archive.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Numbers of documents by collection, in the order of the road.
    """
    return {name: int(archive.database[name].count_documents({})) for name in COLLECTIONS}


def rejection_reasons(archive: Archive) -> dict[str, int]:
    """Count why labels were rejected.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Numbers of rejections by reason, most frequent first.
    """
    return dict(Counter(one.reason for one in read_all(archive, Rejection)).most_common())


def read_all(archive: Archive, noun: type[Noun]) -> list[Noun]:
    """Read all documents of a noun.

    Parameters
    ----------
    archive
        The archive.
    noun
        Its class.

    Returns
    -------
    The documents.
    """
    stored = archive.database[collection_of(noun)].find({}, {"_id": 1})
    return archive.get_many(noun, [one["_id"] for one in stored])
