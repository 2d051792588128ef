"""Datasets: made from a query and a split rule, named, listed, compared.

Owns the step from labels in the archive to an immutable dataset, and the
pointers from names to datasets. The split rules themselves are science.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.errors import InputError, NotFoundError
from tm23flows.science.protocol import Regime
from tm23flows.science.splits import (
    Split,
    fraction_split,
    full_split,
    grid_split,
    transfer_split,
)
from tm23flows.store.collections import DATASET_NAMES

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SPLITS: dict[str, Callable[..., Split]] = {
    "full": full_split,
    "fraction": fraction_split,
    "transfer": transfer_split,
    "grid": grid_split,
}


@dataclass(frozen=True)
class Named:
    """A dataset under one of its names."""

    name: str
    version: int
    dataset: Dataset


def create_dataset(
    archive: Archive,
    name: str,
    labels: Sequence[Label],
    split: str,
    options: dict[str, Any] | None = None,
    query: dict[str, Any] | None = None,
) -> Named:
    """Split labels and freeze the result under a name.

    The same content is the same dataset, whatever it is called; other content
    under a name that exists becomes the next version of that name.

    Parameters
    ----------
    archive
        The archive.
    name
        Letters, digits, dot, dash, underscore.
    labels
        Labels of one recipe, in any order.
    split
        One of :data:`SPLITS`.
    options
        Numbers that the split rule takes.
    query
        How the labels were found, to be kept with the dataset.

    Returns
    -------
    The dataset with its name and version.

    Raises
    ------
    InputError
        If the name or the rule is wrong, the labels are of more than one recipe,
        or there are too few frames for the split.
    """
    check_name(name)
    _check_one_recipe(labels)
    parts = split_labels(labels, split, options or {})
    dataset = Dataset(
        provenance=Provenance.now(),
        element="-".join(sorted({label.element for label in labels})),
        parts=parts.parts,
        rule=parts.rule,
        query=query or {},
        split_options=dict(parts.options),
    )
    return name_dataset(archive, name, dataset)


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


def select_labels(archive: Archive, query: dict[str, Any]) -> list[Label]:
    """Read the labels of a query and make sure that they belong together.

    Parameters
    ----------
    archive
        The archive.
    query
        Words of :class:`tm23flows.store.query.Query`.

    Returns
    -------
    Labels of one recipe.

    Raises
    ------
    InputError
        If there are none, or of several recipes.
    """
    labels = list(archive.labels(**query))
    if not labels:
        words = ", ".join(f"{key}={value}" for key, value in query.items()) or "everything"
        raise InputError(f"The query ({words}) finds no labels; try 'tm23 query' with less.")
    _check_one_recipe(labels)
    return labels


def split_labels(labels: Sequence[Label], split: str, options: dict[str, Any]) -> Split:
    """Apply a split rule to labels, temperature by temperature in time order.

    Parameters
    ----------
    labels
        Labels of one recipe.
    split
        One of :data:`SPLITS`.
    options
        Numbers that the rule takes.

    Returns
    -------
    The parts, of label ids.

    Raises
    ------
    InputError
        If the rule is unknown, takes no such number, or there are too few frames.
    """
    groups: dict[str, list[str]] = {}
    for label in sorted(labels, key=_time_order):
        groups.setdefault(label.regime or f"{label.temperature_K} K", []).append(label.id)
    return apply_split(groups, split, options)


def apply_split(groups: dict[str, list[str]], split: str, options: dict[str, Any]) -> Split:
    """Apply a split rule by its name.

    Parameters
    ----------
    groups
        Ids in time order by temperature.
    split
        One of :data:`SPLITS`.
    options
        Numbers that the rule takes.

    Returns
    -------
    The parts.

    Raises
    ------
    InputError
        If the rule is unknown, takes no such number, or there are too few frames.
    """
    if split not in SPLITS:
        raise InputError(f"There is no split '{split}'; choose one of: {', '.join(SPLITS)}.")
    try:
        return SPLITS[split](groups, **options)
    except TypeError as error:
        raise InputError(f"The split '{split}' takes no such number: {error}.") from error


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


def diff_datasets(one: Dataset, other: Dataset) -> dict[str, dict[str, list[str]]]:
    """Compare two datasets part by part.

    Parameters
    ----------
    one
        The first.
    other
        The second.

    Returns
    -------
    For each part the label ids that only one of them has.
    """
    names = dict.fromkeys([*one.parts, *other.parts])
    result = {}
    for name in names:
        first, second = set(one.parts.get(name, ())), set(other.parts.get(name, ()))
        result[name] = {
            "only_first": sorted(first - second),
            "only_second": sorted(second - first),
        }
    return result


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


def _time_order(label: Label) -> tuple[Any, ...]:
    order = {str(regime): place for place, regime in enumerate(Regime)}
    return (
        order.get(label.regime or "", len(order)),
        label.temperature_K or 0.0,
        label.trajectory_id or "",
        label.step or 0,
        label.id,
    )


def _check_one_recipe(labels: Sequence[Label]) -> None:
    recipes = {label.recipe_id: label.recipe for label in labels}
    if len(recipes) > 1:
        seen = "; ".join(
            f"{r.engine} {r.kmesh_text} sigma={r.sigma_eV} shift={r.electron_shift}"
            for r in recipes.values()
        )
        raise InputError(
            f"These are labels of {len(recipes)} recipes ({seen}); "
            "ask for one of them with engine, kmesh, sigma_eV, electron_shift or recipe."
        )


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
