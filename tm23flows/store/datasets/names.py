"""Names of datasets and their versions.

Owns the pointers: the same content under two names is one dataset, other content under an old
name is the name's next version, and no version ever changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.dataset import Dataset
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.collections import DATASET_NAMES

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class Named:
    """A dataset under one of its names."""

    name: str
    version: int
    dataset: Dataset


def name_dataset(archive: Archive, name: str, dataset: Dataset) -> Named:
    """Store a dataset and let a name point to it.

    Parameters
    ----------
    archive
        The archive.
    name
        Letters, digits, dot, dash, underscore.
    dataset
        The dataset.

    Returns
    -------
    The dataset with its name and version.

    Raises
    ------
    InputError
        If the name is wrong.
    """
    check_name(name)
    archive.put(dataset)
    return Named(name, _point(archive, name, dataset.id), archive.get(Dataset, dataset.id))


def find_dataset(archive: Archive, name: str) -> Dataset:
    """Read a dataset by ``name`` (newest version), ``name@version`` or id.

    Parameters
    ----------
    archive
        The archive.
    name
        One of the three.

    Returns
    -------
    The dataset.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    base, _, version = name.partition("@")
    wanted: dict[str, Any] = {"name": base}
    if version:
        wanted["version"] = int(version) if version.isdecimal() and len(version) < 10 else -1
    pointer = archive.database[DATASET_NAMES].find_one(wanted, sort=[("version", -1)])
    if pointer is not None:
        return archive.get(Dataset, pointer["dataset_id"])
    if archive.existing(Dataset, [name]):
        return archive.get(Dataset, name)
    known = sorted(archive.database[DATASET_NAMES].distinct("name"))
    raise NotFoundError(
        f"There is no dataset '{name}'; there is {', '.join(known) or 'none at all'}."
    )


def list_datasets(archive: Archive) -> list[Named]:
    """List all names with their versions.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Names in alphabetical order, versions rising.
    """
    pointers = archive.database[DATASET_NAMES].find().sort([("name", 1), ("version", 1)])
    return [
        Named(one["name"], one["version"], archive.get(Dataset, one["dataset_id"]))
        for one in pointers
    ]


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a dataset.

    Parameters
    ----------
    name
        Letters, digits, dot, dash, underscore.

    Raises
    ------
    InputError
        If there is anything else in it.
    """
    if not name or not all(char.isalnum() or char in "._-" for char in name):
        raise InputError(
            f"'{name}' is no name for a dataset; use letters, digits, dot, dash, underscore."
        )


def _point(archive: Archive, name: str, dataset_id: str) -> int:
    """Let a name point to a dataset; return the version under which it does."""
    from pymongo.errors import DuplicateKeyError

    pointers = archive.database[DATASET_NAMES]
    while True:
        known = pointers.find_one({"name": name, "dataset_id": dataset_id})
        if known is not None:
            return int(known["version"])
        newest = pointers.find_one({"name": name}, sort=[("version", -1)])
        version = 1 if newest is None else int(newest["version"]) + 1
        try:
            pointers.insert_one({"name": name, "version": version, "dataset_id": dataset_id})
        except DuplicateKeyError:
            continue  # another worker took this version between our two commands
        return version
