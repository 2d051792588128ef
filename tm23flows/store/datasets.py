"""Datasets: made from labels and a split rule, and compared.

Owns the step from labels in the archive to an immutable dataset. Names and versions are
:mod:`tm23flows.store.dataset_names`, how labels are divided
:mod:`tm23flows.store.splitting`, the same frames under another recipe
:mod:`tm23flows.store.pairs`, what a dataset holds :mod:`tm23flows.store.cards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.errors import InputError
from tm23flows.store.candidates import Candidate, check_one_recipe
from tm23flows.store.dataset_names import (
    Named,
    check_name,
    find_dataset,
    list_datasets,
    name_dataset,
)
from tm23flows.store.splitting import divide

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

__all__ = [
    "Named",
    "check_energy",
    "check_name",
    "create_dataset",
    "create_datasets",
    "diff_datasets",
    "find_dataset",
    "list_datasets",
    "name_dataset",
    "select_labels",
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
        :func:`tm23flows.store.splitting.divide`.
    query
        How the labels were found, to be kept with the dataset.
    energy
        Label policy: the energy that models are trained on.

    Returns
    -------
    The dataset with its name and version; the learning curve has one per size, from small to
    large, with the size in the name.

    Raises
    ------
    InputError
        If the name or the rule is wrong, the labels are of more than one recipe or lack that
        energy, there are too few frames for the split, or parts would know each other.
    """
    check_name(name)
    found = [one if isinstance(one, Candidate) else Candidate.of(one) for one in labels]
    check_energy(found, energy)
    check_one_recipe(archive, found)
    element = "-".join(sorted({one.element for one in found}))
    made = divide(archive, found, split, options or {}, energy)
    # All of them are made before the first is stored.
    datasets = {
        f"{name}{suffix}": Dataset(
            provenance=Provenance.now(),
            element=element,
            parts=one.split.parts,
            rule=one.split.rule,
            query=query or {},
            split_options=one.options,
            facts=one.facts,
            energy=energy,
        )
        for suffix, one in made.items()
    }
    return [name_dataset(archive, called, dataset) for called, dataset in datasets.items()]


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
    check_one_recipe(archive, labels)
    return labels


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


def check_energy(labels: Sequence[Candidate], energy: str) -> None:
    """Refuse labels that lack the energy that models are to be trained on.

    Parameters
    ----------
    labels
        Labels.
    energy
        Label policy.

    Raises
    ------
    InputError
        If there is no such energy, or a label has none.
    """
    if energy not in ENERGY_KINDS:
        raise InputError(f"There is no energy '{energy}'; choose one of {', '.join(ENERGY_KINDS)}.")
    lacking = [one for one in labels if energy not in one.energies]
    if lacking:
        common = set(ENERGY_KINDS).intersection(*(one.energies for one in labels))
        instead = [f"'{kind}'" for kind in ENERGY_KINDS if kind in common]
        raise InputError(
            f"{len(lacking)} of {len(labels)} labels have no energy '{energy}' (the first is "
            f"{lacking[0].id[:12]}); all of them have {' and '.join(instead) or 'none in common'}."
        )
