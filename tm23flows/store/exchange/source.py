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
from tm23flows.store.datasets.creation import find_dataset, list_datasets
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
        _check_one_recipe(archive, keys)
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
    base = name.partition("@")[0]
    versions = (
        one.version
        for one in list_datasets(archive)
        if one.name == base and one.dataset.id == dataset.id
    )
    return {"name": base, "version": next(versions, None)}


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


def _check_one_recipe(archive: Archive, keys: list[tuple[str, str, int]]) -> None:
    of_recipe = {recipe: label for label, recipe, _ in keys}
    if len(of_recipe) > 1:
        recipes = [one.recipe for one in archive.get_many(Label, of_recipe.values())]
        seen = "; ".join(
            f"{r.engine} {r.kmesh_text} sigma={r.sigma_eV} shift={r.electron_shift}"
            for r in recipes
        )
        raise InputError(
            f"These are labels of {len(of_recipe)} recipes ({seen}); "
            "ask for one of them with engine, kmesh, sigma_eV, electron_shift or recipe."
        )
