"""The collections of the archive: their names, their documents, their indexes.

The only place that says where a noun lives in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.documents.base import Document
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.model import Model
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory

if TYPE_CHECKING:
    from pymongo.database import Database

COLLECTIONS: dict[str, type[Document]] = {
    "structures": Structure,
    "trajectories": Trajectory,
    "frames": Frame,
    "labels": Label,
    "rejections": Rejection,
    "convergences": Convergence,
    "datasets": Dataset,
    "models": Model,
    "evaluations": Evaluation,
}
"""Document class by collection, in the order of the road."""

DATASET_NAMES = "dataset_names"
"""Pointers from a name and a version to a dataset."""

BLOBS = "blobs"
"""GridFS bucket of everything that is too large for a document."""

INDEXES: dict[str, list[str | list[tuple[str, int]]]] = {
    "frames": ["trajectory_id", "element"],
    "labels": ["frame_id", "element", "trajectory_id", "recipe_id"],
    "rejections": ["frame_id"],
    "convergences": ["element"],
    "models": ["dataset_id"],
    "evaluations": ["dataset_id", "model_id"],
}


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


def ensure_indexes(database: Database) -> None:
    """Make the indexes; ids are unique because they are MongoDB's ``_id``.

    Parameters
    ----------
    database
        The database of the archive.
    """
    for name, keys in INDEXES.items():
        for key in keys:
            database[name].create_index(key)
    # maggma's stores look documents up by their own key field.
    for name in COLLECTIONS:
        database[name].create_index("id", unique=True)
    database[DATASET_NAMES].create_index([("name", 1), ("version", 1)], unique=True)
