"""The collections of the archive: their names, their documents, their indexes.

The only place that says where a noun lives in the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Document
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.learning_curve import LearningCurve
from tm23flows.documents.model import Model
from tm23flows.documents.structure import Structure
from tm23flows.documents.study import PARENTS as STUDY_PARENTS
from tm23flows.documents.study import Study
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import DatabaseError

if TYPE_CHECKING:
    from pymongo.database import Database

COLLECTIONS: dict[str, type[Document]] = {
    "structures": Structure,
    "trajectories": Trajectory,
    "frames": Frame,
    "labels": Label,
    "rejections": Rejection,
    "densities_of_states": DensityOfStates,
    "elastic_constants": ElasticConstants,
    "convergences": Convergence,
    "datasets": Dataset,
    "models": Model,
    "evaluations": Evaluation,
    "grid_searches": GridSearch,
    "learning_curves": LearningCurve,
    "studies": Study,
}
"""Document class by collection, in the order of the road."""

DATASET_NAMES = "dataset_names"
"""Pointers from a name and a version to a dataset."""

TRAININGS = "trainings"
"""What is true of a training while it runs; see :mod:`tm23flows.store.trainings`."""

CHECKPOINTS = "checkpoints"
"""GridFS bucket of what trainings go on from; files in it are deleted."""

CLAIMS = "claims"
"""Who does which task; see :mod:`tm23flows.store.claims`."""

NOT_SHIPPED = "not_shipped"
"""Blobs that are missing on purpose; see :mod:`tm23flows.store.not_shipped`."""

BLOBS = "blobs"
"""GridFS bucket of everything that is too large for a document."""


@dataclass(frozen=True)
class Index:
    """One index: its fields in order, all rising."""

    fields: tuple[str, ...]
    unique: bool = False
    sparse: bool = False
    """Whether documents without the field are left out of it."""

    @property
    def name(self) -> str:
        """The name that MongoDB gives it."""
        return "_".join(f"{field}_1" for field in self.fields)


def by(*fields: str, unique: bool = False, sparse: bool = False) -> Index:
    """Declare an index.

    Parameters
    ----------
    *fields
        Fields in order: what is asked for by equality, then the order, then ranges.
    unique
        Whether two documents may not be the same in them.
    sparse
        Whether documents without the field are left out.

    Returns
    -------
    The index.
    """
    return Index(fields, unique, sparse)


ORDER = [("trajectory_id", 1), ("step", 1), ("_id", 1)]
"""Order of everything that queries find."""

_IN_ORDER = tuple(field for field, _ in ORDER)

INDEXES: dict[str, list[Index]] = {
    "trajectories": [by("structure_id"), by("recipe.options.model", sparse=True)],
    "frames": [
        by(*_IN_ORDER),
        by("element", *_IN_ORDER),
        by("regime", "element", *_IN_ORDER),
        by("temperature_K"),
        by("provenance.created"),
        by("tags.event", sparse=True),
        by("tags.group", sparse=True),
        by("tags.config_type", sparse=True),
    ],
    "labels": [
        by(*_IN_ORDER),
        by("element", *_IN_ORDER),
        by("regime", "element", "recipe_id", *_IN_ORDER),
        by("recipe_id", *_IN_ORDER),
        by("frame_id"),
        by("temperature_K"),
        by("magnitudes.energy_per_atom"),
        by("magnitudes.max_force"),
        by("magnitudes.max_stress"),
        by("provenance.created"),
    ],
    "rejections": [by("frame_id")],
    "densities_of_states": [by("frame_id")],
    "elastic_constants": [by("element")],
    "convergences": [by("element"), by("converged", "element")],
    "models": [by("dataset_id")],
    "evaluations": [by("dataset_id"), by("model_id")],
    "grid_searches": [by("dataset_id"), by("rows.model_id"), by("rows.evaluation_id")],
    "learning_curves": [
        by("element", "l_max"),
        by("points.dataset_id"),
        by("points.model_id"),
        by("points.evaluation_id"),
    ],
    "studies": [by("results.kind"), *(by(f"parents.{name}") for name in STUDY_PARENTS)],
    DATASET_NAMES: [by("name", "version", unique=True)],
    CLAIMS: [by("state")],
}
"""Indexes by collection, besides those on ids.

Recipes are asked for by their ids (:mod:`tm23flows.store.recipes`), so no field of a recipe
needs an index of its own.
"""


def collection_of(document: Document | type[Document]) -> str:
    """Return the name of the collection that holds a noun.

    Parameters
    ----------
    document
        A document or its class.

    Returns
    -------
    The name.
    """
    kind = document if isinstance(document, type) else type(document)
    return next(name for name, owned in COLLECTIONS.items() if owned is kind)


def indexes_of(collection: str) -> list[Index]:
    """List the indexes that a collection should have.

    Parameters
    ----------
    collection
        Its name.

    Returns
    -------
    The indexes, without MongoDB's own on ``_id``.
    """
    # maggma's stores look documents up by their own key field.
    own = [by("id", unique=True)] if collection in COLLECTIONS else []
    return [*own, *INDEXES.get(collection, [])]


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Make the indexes that are missing; ids are unique because they are MongoDB's ``_id``.

    Parameters
    ----------
    database
        The database of the archive.

    Raises
    ------
    DatabaseError
        If one is missing and cannot be made.
    """
    from pymongo import IndexModel
    from pymongo.errors import OperationFailure

    for name, missing in missing_indexes(database).items():
        models = [
            IndexModel(
                [(field, 1) for field in one.fields],
                name=one.name,
                **{key: True for key in ("unique", "sparse") if getattr(one, key)},
            )
            for one in missing
        ]
        try:
            database[name].create_indexes(models)
        except OperationFailure as error:
            reason = (error.details or {}).get("errmsg", error)
            raise DatabaseError(
                f"The collection {name} lacks indexes and they cannot be made ({reason}); "
                "run 'tm23 doctor'."
            ) from error


def missing_indexes(database: Database[dict[str, Any]]) -> dict[str, list[Index]]:
    """Find the indexes that are not there.

    Parameters
    ----------
    database
        The database of the archive.

    Returns
    -------
    Indexes by collection; nothing where all are there.
    """
    missing = {}
    for name in (*COLLECTIONS, DATASET_NAMES, CLAIMS):
        there = _keys_there(database, name)
        absent = [one for one in indexes_of(name) if one.fields not in there]
        if absent:
            missing[name] = absent
    return missing


def differing_indexes(database: Database[dict[str, Any]]) -> dict[str, list[Index]]:
    """Find the indexes that are there with other options than they should have.

    Parameters
    ----------
    database
        The database of the archive.

    Returns
    -------
    Indexes as they should be, by collection; nothing where none differs.
    """
    differing = {}
    for name in (*COLLECTIONS, DATASET_NAMES, CLAIMS):
        there = _keys_there(database, name)
        other = [
            one
            for one in indexes_of(name)
            if one.fields in there and there[one.fields] != (one.unique, one.sparse)
        ]
        if other:
            differing[name] = other
    return differing


def walking_hint(collection: str, wanted: dict[str, Any]) -> str | None:
    """Name the index to walk where the filter begins none of them and no order asks for one.

    Without a hint, MongoDB reads the whole collection, arrays and all.

    Parameters
    ----------
    collection
        Its name.
    wanted
        The filter.

    Returns
    -------
    The name of an index; None where the filter leads to one by itself.
    """
    if not wanted:
        return "_id_"
    asked = set(asked_fields(wanted))
    if "_id" in asked or any(one.fields[0] in asked for one in indexes_of(collection)):
        return None
    return Index(_IN_ORDER).name


def asked_fields(wanted: dict[str, Any]) -> Iterator[str]:
    """List the fields that every match of a filter must fit in.

    Parameters
    ----------
    wanted
        The filter.

    Yields
    ------
    Fields, those under ``$and`` too. What is under ``$or`` and ``$nor`` leads to no index.
    """
    for name, condition in wanted.items():
        if name == "$and":
            for part in condition:
                yield from asked_fields(part)
        elif not name.startswith("$"):
            yield name


def _keys_there(
    database: Database[dict[str, Any]], name: str
) -> dict[tuple[str, ...], tuple[bool, bool]]:
    """Return uniqueness and sparseness of the rising indexes that are there, by their fields."""
    return {
        tuple(field for field, _ in one["key"]): (
            bool(one.get("unique")),
            bool(one.get("sparse")),
        )
        for one in database[name].index_information().values()
        if all(direction == 1 for _, direction in one["key"])
    }
