"""Datasets: made from labels and a split rule, and compared.

Owns the step from labels in the archive to an immutable dataset. Names and versions are
:mod:`tm23flows.store.datasets.names`, how labels are divided
:mod:`tm23flows.store.datasets.splitting`, the same frames under another recipe
:mod:`tm23flows.store.datasets.pairs`, what a dataset holds :mod:`tm23flows.store.datasets.cards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.store.datasets.candidates import Candidate
from tm23flows.store.datasets.label_policy import check_energy, check_one_recipe
from tm23flows.store.datasets.names import (
    Named,
    check_name,
    find_dataset,
    list_datasets,
    name_dataset,
)
from tm23flows.store.datasets.splitting import Division, divide

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

__all__ = [
    "Named",
    "check_name",
    "create_dataset",
    "create_datasets",
    "diff_datasets",
    "find_dataset",
    "list_datasets",
    "name_dataset",
]


def create_datasets(
    archive: Archive,
    name: str,
    labels: Iterable[Label | Candidate],
    split: str,
    options: Mapping[str, Any] | None = None,
    query: dict[str, Any] | None = None,
    energy: str = "free",
) -> list[Named]:
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
        One of :data:`tm23flows.science.split_rules.RULES`.
    options
        What the rule takes, and ``thin`` and ``min_gap_fs`` for every rule; see
        :func:`tm23flows.store.datasets.splitting.divide`.
    query
        How the labels were found, to be kept with the dataset.
    energy
        Label policy: the energy that models are trained on.

    Returns
    -------
    The dataset with its name and version; a learning curve has one per size, from small to large.

    Raises
    ------
    InputError
        If the name or the rule is wrong, the labels are of more than one recipe or lack that
        energy, there are too few frames for the split, or parts would know each other.
    """
    check_name(name)
    found = [one if isinstance(one, Candidate) else Candidate.of(one) for one in labels]
    check_energy(found, energy)
    check_one_recipe(archive, {one.recipe_id: one.id for one in found})
    common = {
        "provenance": Provenance.now(),
        "element": "-".join(sorted({one.element for one in found})),
        "query": query or {},
        "energy": energy,
    }
    made = divide(archive, found, split, options or {}, energy)
    # All of them are made before the first is stored.
    datasets = {f"{name}{suffix}": _dataset(one, common) for suffix, one in made.items()}
    return [name_dataset(archive, called, dataset) for called, dataset in datasets.items()]


def _dataset(division: Division, common: dict[str, Any]) -> Dataset:
    split = division.split
    return Dataset(
        parts=split.parts,
        rule=split.rule,
        split_options=division.options,
        facts=division.facts,
        **common,
    )


def create_dataset(
    archive: Archive,
    name: str,
    labels: Iterable[Label | Candidate],
    split: str,
    options: Mapping[str, Any] | None = None,
    query: dict[str, Any] | None = None,
    energy: str = "free",
) -> Named:
    """Make a dataset by a rule that makes one; see :func:`create_datasets`.

    Parameters
    ----------
    archive, name, labels, split, options, query, energy
        As there.

    Returns
    -------
    The dataset with its name and version; of a learning curve the largest.

    Raises
    ------
    InputError
        As there.
    """
    return create_datasets(archive, name, labels, split, options, query, energy)[-1]


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
