"""What an export is made of: the labels of a dataset or of a query, as a stream.

Owns how a name or a query becomes labels in a fixed order. Ids are read first and documents in
batches, so that the size of an export is not limited by memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.datasets.label_policy import check_one_recipe
from tm23flows.store.datasets.names import find_dataset
from tm23flows.store.exchange.records import Pair
from tm23flows.store.query.words import parse_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

BATCH = 500
"""Documents that are in memory at once."""

KEYS = {"frame_id": 1, "recipe_id": 1, "n_atoms": 1}


@dataclass(frozen=True)
class Source:
    """Labels in a fixed order.

    Parameters
    ----------
    label_ids
        Their ids.
    n_atoms
        Number of atoms in all of them.
    energy
        Label policy of the dataset; free for a query.
    dataset
        The dataset; None for a query.
    described
        The same for a manifest.
    """

    label_ids: tuple[str, ...]
    n_atoms: int
    energy: str
    dataset: Dataset | None
    described: dict[str, Any] = field(default_factory=dict)


def find_source(archive: Archive, source: str, part: str | None = None) -> Source:
    """Find the labels that a name or a query means, without reading them.

    Parameters
    ----------
    archive
        The archive.
    source
        Name, ``name@version`` or id of a dataset, or a query with equals signs.
    part
        Part of the dataset; None means all of it.

    Returns
    -------
    The labels.

    Raises
    ------
    InputError
        If the query finds nothing or labels of several recipes, or a query is asked for a part.
    NotFoundError
        If there is no such dataset, or a label of it is not in the archive.
    """
    if "=" in source:
        if part is not None:
            raise InputError("Only datasets have parts, a query has none.")
        found = archive.labels(**parse_words(source)).stored(KEYS)
        keys = [(one["_id"], one["recipe_id"], one["n_atoms"]) for one in found]
        if not keys:
            raise InputError(f"The query ({source}) finds no labels; try 'tm23 query' with less.")
        check_one_recipe(archive, {recipe: label for label, recipe, _ in keys})
        ids = tuple(one for one, _, _ in keys)
        return Source(ids, sum(n for _, _, n in keys), "free", None, {"query": source})
    dataset = find_dataset(archive, source)
    if part is not None and part not in dataset.parts:
        raise InputError(f"'{source}' has no part '{part}'; it has {', '.join(dataset.parts)}.")
    ids = dataset.label_ids if part is None else dataset.parts[part]
    described = {"dataset": source, "id": dataset.id, **_version(archive, source, dataset)}
    described["part"] = part or "all of " + ", ".join(dataset.parts)
    return Source(tuple(ids), _count_atoms(archive, ids), dataset.energy, dataset, described)


def stream_pairs(archive: Archive, label_ids: Iterable[str]) -> Iterator[Pair]:
    """Read labels with their frames, a few at a time.

    Parameters
    ----------
    archive
        The archive.
    label_ids
        Ids of the labels.

    Yields
    ------
    Frames and labels, in the order of the ids.

    Raises
    ------
    NotFoundError
        If one is not there.
    """
    for batch in batched(label_ids, BATCH):
        labels = archive.get_many(Label, batch)
        yield from zip(
            archive.get_many(Frame, [one.frame_id for one in labels]), labels, strict=True
        )


def labels_of(archive: Archive, source: str, part: str | None = None) -> list[Label]:
    """Read the labels that a name or a query means; see :func:`find_source`."""
    return archive.get_many(Label, find_source(archive, source, part).label_ids)


def _version(archive: Archive, name: str, dataset: Dataset) -> dict[str, Any]:
    pointer = {"name": name.partition("@")[0], "dataset_id": dataset.id}
    known = archive.database[DATASET_NAMES].find_one(pointer)
    return {"name": pointer["name"], "version": known["version"] if known else None}


def _count_atoms(archive: Archive, ids: Iterable[str]) -> int:
    n_atoms = n_found = n_wanted = 0
    for batch in batched(ids):
        n_wanted += len(batch)
        for one in archive.database["labels"].find({"_id": {"$in": batch}}, {"n_atoms": 1}):
            n_atoms += one["n_atoms"]
            n_found += 1
    if n_found < n_wanted:
        raise NotFoundError(
            f"{n_wanted - n_found} of {n_wanted} labels of this dataset are not in the archive; "
            "'tm23 audit' lists what is missing."
        )
    return n_atoms
