"""Names of datasets and their versions.

Owns the pointers: the same content under two names is one dataset, other content under an old
name is the name's next version, and no version ever changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.dataset import Dataset
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.query.filters import ID_DIGITS, id_condition

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

_ID = re.compile(rf"[0-9a-f]{{6,{ID_DIGITS}}}")


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
    """Read a dataset by ``name`` (newest version), ``name@version``, or id or its beginning.

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
    InputError
        If several ids begin like that.
    NotFoundError
        If there is none.
    """
    if (named := dataset_named(archive, name)) is not None:
        return archive.get(Dataset, named)
    if ids := _ids_beginning(archive, name):
        if len(ids) > 1:
            raise InputError(
                f"Several datasets have an id that begins with {name}: say more of it."
            )
        return archive.get(Dataset, ids[0])
    known = sorted(archive.database[DATASET_NAMES].distinct("name"))
    raise NotFoundError(
        f"There is no dataset '{name}'; there is {', '.join(known) or 'none at all'}."
    )


def dataset_named(archive: Archive, name: str) -> str | None:
    """Return the id of the dataset that a name points to.

    Parameters
    ----------
    archive
        The archive.
    name
        ``name`` (newest version) or ``name@version``.

    Returns
    -------
    The id; None if there is no such name.
    """
    base, _, version = name.partition("@")
    wanted: dict[str, Any] = {"name": base}
    if version:
        wanted["version"] = int(version) if version.isdecimal() and len(version) < 10 else -1
    pointer = archive.database[DATASET_NAMES].find_one(wanted, sort=[("version", -1)])
    return None if pointer is None else str(pointer["dataset_id"])


def _ids_beginning(archive: Archive, digits: str) -> list[str]:
    """Return up to two ids of datasets that begin with these digits, of which six are the least."""
    if not _ID.fullmatch(digits):
        return []
    found = archive.database["datasets"].find(id_condition("_id", digits), {"_id": 1})
    return [one["_id"] for one in found.limit(2)]


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
        # The newest first: whoever points the name to this dataset after that either is found
        # by the second command or takes the version that the third one wants.
        newest = pointers.find_one({"name": name}, sort=[("version", -1)])
        known = pointers.find_one({"name": name, "dataset_id": dataset_id})
        if known is not None:
            return int(known["version"])
        version = 1 if newest is None else int(newest["version"]) + 1
        try:
            pointers.insert_one({"name": name, "version": version, "dataset_id": dataset_id})
        except DuplicateKeyError:
            continue  # another worker took this version between our two commands
        return version
