"""Labels as far as a dataset has to know them.

Owns which facts of a label those are, and reading them by a query or from a dataset without the
arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.datasets.label_policy import check_one_recipe
from tm23flows.store.datasets.names import find_dataset
from tm23flows.store.query.words import parse_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

FACTS = ("frame_id", "recipe_id", "element", "regime", "temperature_K", "trajectory_id", "step")
FIELDS = dict.fromkeys((*FACTS, "energies"), 1)
"""Projection of a stored label."""


@dataclass(frozen=True)
class Candidate:
    """What a dataset has to know of a label; its arrays are not needed."""

    id: str
    frame_id: str
    recipe_id: str
    element: str
    regime: str | None
    temperature_K: float | None
    trajectory_id: str | None
    step: int | None
    energies: tuple[str, ...]
    """Kinds of energy that it has."""

    @classmethod
    def of(cls, label: Label) -> Self:
        """Return what a dataset has to know of a label.

        Parameters
        ----------
        label
            The label.

        Returns
        -------
        Its facts.
        """
        known = label.energies.model_dump(exclude_none=True)
        facts = {fact: getattr(label, fact) for fact in FACTS}
        return cls(id=label.id, energies=tuple(known), **facts)

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Return what a dataset has to know of a label as the database holds it.

        Parameters
        ----------
        stored
            At least the fields of :data:`FIELDS`.

        Returns
        -------
        Its facts.
        """
        energies = stored["energies"]
        known = tuple(kind for kind in ENERGY_KINDS if energies.get(kind) is not None)
        facts: dict[str, Any] = {fact: stored.get(fact) for fact in FACTS}
        return cls(id=stored["_id"], energies=known, **facts)


def find_candidates(archive: Archive, source: str) -> list[Candidate]:
    """Find the labels that a name or a query means.

    Parameters
    ----------
    archive
        The archive.
    source
        Name of a dataset, or a query with equals signs such as ``metal=Cu,kmesh=3x3x3``.

    Returns
    -------
    Labels of one recipe, in the order of the dataset, or of trajectory and step.

    Raises
    ------
    InputError
        If there are none, or of several recipes.
    NotFoundError
        If there is no such dataset, or one of its labels is gone.
    """
    if "=" not in source:
        return candidates_by_id(archive, find_dataset(archive, source).label_ids)
    found = list(query_candidates(archive, parse_words(source)))
    if not found:
        raise InputError(f"The query ({source}) finds no labels; try 'tm23 query' with less.")
    check_one_recipe(archive, {one.recipe_id: one.id for one in found})
    return found


def query_candidates(archive: Archive, words: Mapping[str, Any]) -> Iterator[Candidate]:
    """Stream the labels of a query.

    Parameters
    ----------
    archive
        The archive.
    words
        Words of :class:`tm23flows.store.query.words.Query`.

    Yields
    ------
    Labels in order of trajectory and step.
    """
    for stored in archive.labels(**words).stored(FIELDS):
        yield Candidate.of_stored(stored)


def candidates_by_id(archive: Archive, ids: Iterable[str]) -> list[Candidate]:
    """Read labels in the order of their ids.

    Parameters
    ----------
    archive
        The archive.
    ids
        Ids of labels.

    Returns
    -------
    The labels.

    Raises
    ------
    NotFoundError
        If one is not there.
    """
    wanted = list(ids)
    found = {
        stored["_id"]: Candidate.of_stored(stored)
        for some in batched(wanted)
        for stored in archive.database["labels"].find({"_id": {"$in": some}}, FIELDS)
    }
    if missing := [one for one in wanted if one not in found]:
        raise NotFoundError(
            f"{len(missing)} of {len(wanted)} labels are not in the archive, the first is "
            f"{missing[0][:12]}."
        )
    return [found[one] for one in wanted]
