"""The archive: documents in, documents out, by id.

Owns reading and writing of the nouns. Every write is an insert keyed by content
id that leaves an existing document alone, so doing anything twice changes
nothing and the first provenance stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tm23flows.documents.base import Document
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import Segment
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.settings import get_settings
from tm23flows.store.batches import batched
from tm23flows.store.blobs import Blobs
from tm23flows.store.collections import COLLECTIONS, collection_of, ensure_indexes
from tm23flows.store.connect import connect, resolve_uri
from tm23flows.store.datasets.large import fold, unfold
from tm23flows.store.decode import refuse_code_in
from tm23flows.store.query.selection import Selection
from tm23flows.store.query.words import Query
from tm23flows.store.recipes import KnownRecipes

if TYPE_CHECKING:
    from maggma.stores import MongoStore
    from pymongo.database import Database

    from tm23flows.documents.dataset import Dataset
    from tm23flows.store.past.relatives import Trace

Noun = TypeVar("Noun", bound=Document)
WHOLE_ID = 64
"""Digits of an id; a document of a whole one is looked up, not searched for."""
SHORTEST_PREFIX = 6


class Archive:
    """The documents of one database.

    Parameters
    ----------
    uri
        MongoDB URI.
    database
        Name of the database.
    """

    def __init__(self, uri: str, database: str) -> None:
        self._uri = uri
        self._client = connect(uri)
        self.database: Database[dict[str, Any]] = self._client[database]
        ensure_indexes(self.database)

    @classmethod
    def open(cls, uri: str | None = None, database: str | None = None) -> Self:
        """Open the archive that the settings mean, or another one.

        Parameters
        ----------
        uri
            MongoDB URI; default: the settings, then the running embedded database.
        database
            Name of the database; default: the settings.

        Returns
        -------
        The archive.

        Raises
        ------
        DatabaseError
            If no database answers.
        """
        return cls(uri or resolve_uri(), database or get_settings().database)

    @cached_property
    def blobs(self) -> Blobs:
        """The blobs that documents name."""
        return Blobs(self.database)

    @cached_property
    def recipes(self) -> KnownRecipes:
        """The recipes of the labels."""
        return KnownRecipes(self.database)

    def put(self, *documents: Document) -> int:
        """Store documents; the ones that are there already stay as they are.

        Parameters
        ----------
        *documents
            Documents of any nouns.

        Returns
        -------
        How many were new.
        """
        from pymongo import UpdateOne
        from pymongo.errors import AutoReconnect

        by_collection: dict[str, list[UpdateOne]] = {}
        for document in documents:
            name = collection_of(document)
            stored = fold(self.blobs, name, document.model_dump())
            refuse_code_in(stored)
            insert = UpdateOne({"_id": stored["id"]}, {"$setOnInsert": stored}, upsert=True)
            by_collection.setdefault(name, []).append(insert)
        new = 0
        for name, inserts in by_collection.items():
            try:
                done = self.database[name].bulk_write(inserts, ordered=False)
            except AutoReconnect:
                # A server that was restarted has dropped our connection. Writing the
                # same again is safe, and hours of work may hang on it.
                done = self.database[name].bulk_write(inserts, ordered=False)
            new += done.upserted_count
        return new

    def record(self, outcomes: Iterable[Label | Rejection]) -> None:
        """Store what became of labels: an accepted one takes the place of a rejection.

        A rejection of a label that is in the archive already says nothing new and is
        left out, so that nothing is ever accepted and rejected at once.

        Parameters
        ----------
        outcomes
            Labels and rejections.
        """
        done = list(outcomes)
        if not done:
            return
        labels = [one for one in done if isinstance(one, Label)]
        rejections = [one for one in done if isinstance(one, Rejection)]
        self.put(*labels)
        accepted = self.existing(Label, [one.id for one in done])
        self.put(*(one for one in rejections if one.id not in accepted))
        self.database["rejections"].delete_many({"_id": {"$in": list(accepted)}})

    def push_segment(self, trajectory_id: str, position: int, segment: Segment) -> bool:
        """Add a segment to a trajectory, if it is the next one.

        Parameters
        ----------
        trajectory_id
            The trajectory, which is in the archive.
        position
            How many segments it has before; of two writers only one can match it.
        segment
            The segment; its blobs are in the archive.

        Returns
        -------
        Whether the trajectory has this segment there now, also if it had it already.
        """
        trajectories = self.database["trajectories"]
        done = trajectories.update_one(
            {"_id": trajectory_id, "segments": {"$size": position}},
            {"$push": {"segments": segment.model_dump()}},
        )
        if done.matched_count:
            return True
        # An answer that got lost on its way: the same segment is there already.
        there = trajectories.find_one(
            {"_id": trajectory_id}, {"segments": {"$slice": [position, 1]}}
        )
        found = (there or {}).get("segments") or [{}]
        return bool(found[0].get("blob") == segment.blob)

    def get(self, noun: type[Noun], document_id: str) -> Noun:
        """Read one document.

        Parameters
        ----------
        noun
            Its class.
        document_id
            Its id.

        Returns
        -------
        The document.

        Raises
        ------
        NotFoundError
            If it is not there.
        DatabaseError
            If what is there does not belong to the id.
        InputError
            If the id is no text.
        """
        stored = self.database[collection_of(noun)].find_one({"_id": _text(document_id)})
        if stored is None:
            raise NotFoundError(f"There is no {noun.__name__.lower()} {document_id[:12]}.")
        return self.read(noun, stored)

    def get_many(self, noun: type[Noun], ids: Iterable[str]) -> list[Noun]:
        """Read documents in the order of their ids.

        Parameters
        ----------
        noun
            Their class.
        ids
            Their ids.

        Returns
        -------
        The documents.

        Raises
        ------
        NotFoundError
            If one is not there.
        """
        wanted = [_text(one) for one in ids]
        collection = self.database[collection_of(noun)]
        found: dict[str, Noun] = {}
        for batch in batched(dict.fromkeys(wanted)):
            for stored in collection.find({"_id": {"$in": batch}}):
                found[stored["_id"]] = self.read(noun, stored)
        missing = [one for one in wanted if one not in found]
        if missing:
            raise NotFoundError(
                f"{len(missing)} of {len(wanted)} {collection_of(noun)} are not in the archive, "
                f"the first is {missing[0][:12]}."
            )
        return [found[one] for one in wanted]

    def existing(self, noun: type[Document], ids: Iterable[str]) -> set[str]:
        """Say which documents are there, without reading them.

        Parameters
        ----------
        noun
            Their class.
        ids
            Ids to look for.

        Returns
        -------
        The ids that are there.
        """
        collection = self.database[collection_of(noun)]
        return {
            stored["_id"]
            for batch in batched(_text(one) for one in ids)
            for stored in collection.find({"_id": {"$in": batch}}, {"_id": 1})
        }

    def labels(self, **words: Any) -> Selection[Label]:
        """Select labels that match a query, in order of trajectory, step and id.

        Parameters
        ----------
        **words
            Fields of :class:`tm23flows.store.query.words.Query`.

        Returns
        -------
        The selection: iterate for labels, or ask it to count, for ids, or for ASE atoms.
        Nothing is read before.

        Raises
        ------
        InputError
            If a word is unknown or a value makes no sense.
        """
        return Selection(self, Label, Query.of(**words))

    def frames(self, **words: Any) -> Selection[Frame]:
        """Select frames that match a query; words about labels ask for a label like that.

        Parameters
        ----------
        **words
            Fields of :class:`tm23flows.store.query.words.Query`.

        Returns
        -------
        The selection, in order of trajectory, step and id. Nothing is read before.

        Raises
        ------
        InputError
            If a word is unknown or a value makes no sense.
        """
        return Selection(self, Frame, Query.of(**words))

    def find(self, prefix: str) -> Document:
        """Find a document of any noun by its id or the beginning of it.

        Parameters
        ----------
        prefix
            At least six digits of an id.

        Returns
        -------
        The document.

        Raises
        ------
        InputError
            If the prefix is no part of an id, or not of one only.
        NotFoundError
            If there is no such document.
        """
        if len(prefix) < SHORTEST_PREFIX or not set(prefix) <= set("0123456789abcdef"):
            raise InputError(
                f"'{prefix}' is no id; give at least {SHORTEST_PREFIX} hexadecimal digits."
            )
        whole = len(prefix) == WHOLE_ID
        bounds = prefix if whole else {"$gte": prefix, "$lte": prefix + "g"}
        hits = [
            (noun, stored)
            for name, noun in COLLECTIONS.items()
            for stored in self.database[name].find({"_id": bounds}).limit(2)
        ]
        if not hits:
            raise NotFoundError(f"Nothing in the archive has the id {prefix}.")
        if len(hits) > 1:
            raise InputError(f"The id {prefix} is not unique; give more digits.")
        return self.read(*hits[0])

    def dataset(self, name: str) -> Dataset:
        """Read a dataset by name, ``name@version`` or id."""
        from tm23flows.store.datasets.creation import find_dataset

        return find_dataset(self, name)

    def trace(self, document_id: str) -> Trace:
        """Follow a document back to its structure; see :mod:`tm23flows.store.past.trace`."""
        from tm23flows.store.past.trace import trace

        return trace(self, document_id)

    def store(self, collection: str) -> MongoStore:
        """Open a collection as a maggma store, for builders and notebooks.

        Parameters
        ----------
        collection
            Name of the collection, such as ``labels``.

        Returns
        -------
        The connected store, keyed by ``id``.
        """
        from maggma.stores import MongoStore

        store = MongoStore(self.database.name, collection, uri=self._uri, key="id")
        store.connect()
        return store

    def read(self, noun: type[Noun], stored: dict[str, Any]) -> Noun:
        """Turn what the database holds into a document.

        Parameters
        ----------
        noun
            Its class.
        stored
            The stored fields, with ``_id``.

        Returns
        -------
        The document.

        Raises
        ------
        DatabaseError
            If it does not belong to its id, or a newer program wrote it.
        """
        refuse_code_in(stored)
        try:
            if noun is Label and stored.get("schema_version") == Label.LAYOUT:
                recipe = self.recipes.read(stored.get("recipe_id"), stored.get("recipe"))
                stored = {**stored, "recipe": recipe}
            return noun.from_stored(unfold(self.blobs, collection_of(noun), stored))
        except ValueError as error:
            raise DatabaseError(
                f"The {noun.__name__.lower()} {str(stored.get('_id'))[:12]} in the archive is not "
                f"what it should be: {error}"
            ) from error


def _text(document_id: str) -> str:
    """Refuse what is no text: to a database it could be a condition."""
    if not isinstance(document_id, str):
        raise InputError(f"An id is text, not {type(document_id).__name__}.")
    return document_id
