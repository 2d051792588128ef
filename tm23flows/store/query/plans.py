"""How a query is asked: which filter, and what must be looked up in another collection.

Owns the joins between labels, frames, recipes, datasets and convergence tests. A small
answer of another collection becomes part of the filter; a large one is asked for batch by
batch, so that neither memory nor the size of a command grows with the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.collections import walking_hint
from tm23flows.store.query.filters import combine

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive
    from tm23flows.store.query.words import Query

JOIN_LIMIT = 50_000
"""Up to this many ids of another collection become part of a filter (4 of 16 MB)."""

Key = dict[str, Any]
"""The ids of a document that matches the filter: its own, and of a label its frame's."""

Test = Callable[[list[Key]], set[str]]
"""Says which ids of a batch fit in another collection too."""


@dataclass(frozen=True)
class Plan:
    """What to ask of one collection."""

    collection: str
    filter: dict[str, Any]
    tests: list[Test] = field(default_factory=list)

    @property
    def key_fields(self) -> dict[str, int]:
        """Projection to the ids that tests look at."""
        return {"_id": 1, "frame_id": 1} if self.collection == "labels" else {"_id": 1}

    def fitting(self, keys: list[Key]) -> list[Key]:
        """Keep the keys of a batch that pass all tests.

        Parameters
        ----------
        keys
            Keys of documents that match the filter.

        Returns
        -------
        Those that fit, in the same order.
        """
        for test in self.tests:
            fits = test(keys)
            keys = [one for one in keys if one["_id"] in fits]
        return keys


def plan_labels(archive: Archive, query: Query, own: bool = True) -> Plan:
    """Plan how to ask for labels.

    Parameters
    ----------
    archive
        The archive.
    query
        What to look for.
    own
        Whether labels are what is looked for; otherwise they only answer for frames, and
        what the query asks of frames is left to them.

    Returns
    -------
    The plan.

    Raises
    ------
    InputError
        If the dataset has no such part.
    NotFoundError
        If there is no such dataset.
    DatabaseError
        If the query would miss labels that an older program stored.
    """
    if query.asks_for_magnitudes:
        _require_magnitudes(archive)
    filters = [query.label_filter(own), _recipe_filter(archive, query)]
    tests: list[Test] = []
    if query.kmesh_converged is not None:
        filters.append(_convergence_filter(archive, query))
    if query.dataset is not None:
        _restrict(filters, tests, "_id", set(_members(archive, query)))
    if own and query.asks_for_frames:
        wanted = query.frame_filter(own=False)
        few = _few(one["_id"] for one in _unordered(archive, Plan("frames", wanted)))
        if few is None:
            tests.append(_by_frames(archive, wanted))
        else:
            _restrict(filters, tests, "frame_id", few)
    return Plan("labels", combine(filters), tests)


def plan_frames(archive: Archive, query: Query) -> Plan:
    """Plan how to ask for frames; words about labels ask for a label like that.

    Parameters
    ----------
    archive
        The archive.
    query
        What to look for.

    Returns
    -------
    The plan.

    Raises
    ------
    InputError
        If the dataset has no such part.
    NotFoundError
        If there is no such dataset.
    """
    filters = [query.frame_filter()]
    tests: list[Test] = []
    if query.asks_for_labels or query.asks_for_recipe:
        plan = plan_labels(archive, query, own=False)
        few = None
        if not plan.tests:
            few = _few(one["frame_id"] for one in _unordered(archive, plan))
        if few is None:
            tests.append(_by_labels(archive, plan))
        else:
            _restrict(filters, tests, "_id", few)
    return Plan("frames", combine(filters), tests)


def _require_magnitudes(archive: Archive) -> None:
    """Refuse to miss labels that were stored before labels said how large their numbers are."""
    # Every label with magnitudes has this one, and an index leads to those without.
    if archive.database["labels"].find_one({"magnitudes.max_force": None}, {"_id": 1}):
        raise DatabaseError(
            "Labels that an older program stored do not say how large their energies, forces and "
            "stresses are, and this query would miss them: run 'tm23 db upgrade' first."
        )


def _recipe_filter(archive: Archive, query: Query) -> dict[str, Any]:
    if not query.asks_for_recipe:
        return {}
    ids = archive.recipes.matching(query)
    return {"recipe_id": ids[0] if len(ids) == 1 else {"$in": ids}}


def _convergence_filter(archive: Archive, query: Query) -> dict[str, Any]:
    chosen = archive.recipes.chosen(query.metal)
    if not query.kmesh_converged:
        return {"$nor": chosen} if chosen else {}
    ids = sorted({recipe for one in chosen for recipe in one["recipe_id"]["$in"]})
    # The ids alone lead to an index. Two metals may have one recipe, so each is named with its
    # own; without a test there are no ids, nothing fits, and an empty $or would be refused.
    return {"recipe_id": {"$in": ids}, **({"$or": chosen} if chosen else {})}


def _members(archive: Archive, query: Query) -> Iterable[str]:
    """Return the ids of the labels of a dataset, or of a part of it."""
    dataset = archive.dataset(str(query.dataset))
    if query.part is None:
        return dataset.label_ids
    if query.part not in dataset.parts:
        raise InputError(
            f"'{query.dataset}' has no part '{query.part}'; it has {', '.join(dataset.parts)}."
        )
    return dataset.parts[query.part]


def _restrict(filters: list[dict[str, Any]], tests: list[Test], path: str, ids: set[str]) -> None:
    """Ask for ids in the filter where they are few, and after it where they are many."""
    if len(ids) <= JOIN_LIMIT:
        filters.append({path: {"$in": sorted(ids)}})
    else:
        tests.append(lambda keys: {one["_id"] for one in keys if one[path] in ids})


def _unordered(archive: Archive, plan: Plan) -> Iterable[Key]:
    hint = walking_hint(plan.collection, plan.filter)
    return archive.database[plan.collection].find(plan.filter, plan.key_fields, hint=hint)


def _few(ids: Iterable[str]) -> set[str] | None:
    """Collect different ids; None if there are too many for a filter."""
    found: set[str] = set()
    for one in ids:
        found.add(one)
        if len(found) > JOIN_LIMIT:
            return None
    return found


def _by_frames(archive: Archive, wanted: dict[str, Any]) -> Test:
    def test(keys: list[Key]) -> set[str]:
        asked = {"_id": {"$in": sorted({one["frame_id"] for one in keys})}}
        found = archive.database["frames"].find(combine([asked, wanted]), {"_id": 1})
        fits = {one["_id"] for one in found}
        return {one["_id"] for one in keys if one["frame_id"] in fits}

    return test


def _by_labels(archive: Archive, plan: Plan) -> Test:
    def test(keys: list[Key]) -> set[str]:
        asked = {"frame_id": {"$in": sorted(one["_id"] for one in keys)}}
        found = archive.database["labels"].find(combine([asked, plan.filter]), plan.key_fields)
        return {one["frame_id"] for one in plan.fitting(list(found))}

    return test
