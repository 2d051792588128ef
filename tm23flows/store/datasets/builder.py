"""A dataset that is kept up to date as labels arrive, by maggma's ``mrun``.

Owns what is remembered between two builds, so that a build looks at new labels only and one
that was killed goes on. The dataset itself is made by
:mod:`tm23flows.store.datasets.creation`; each build that finds something new makes a new version,
and old versions stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from maggma.core import Builder
from maggma.stores import MongoStore
from pymongo import ReplaceOne

from tm23flows.documents.ids import content_id
from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.store.archive import Archive
from tm23flows.store.batches import batched
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.datasets.candidates import FIELDS, Candidate
from tm23flows.store.datasets.creation import create_datasets
from tm23flows.store.datasets.names import check_name

SEEN = "dataset_builds"
"""Collection of the facts of labels that builds have seen."""


class DatasetBuilder(Builder):
    """Keep a dataset up to date: ``mrun dataset_builder.yaml``.

    It works on the archive that the settings mean, so its file has no address and no password.

    Parameters
    ----------
    name
        Name of the dataset.
    query
        Words of :class:`tm23flows.store.query.words.Query` that find its labels; of one recipe.
    split
        Rule that divides them. Frames never move between parts when more arrive with ``block``
        and ``temperature``; with others they may.
    split_options
        What the rule takes.
    energy
        Label policy.
    chunk_size
        Labels that are written down at once; what is lost when a build is killed.
    """

    def __init__(
        self,
        name: str,
        query: dict[str, Any],
        split: str = "block",
        split_options: dict[str, Any] | None = None,
        energy: str = "free",
        chunk_size: int = 1000,
    ) -> None:
        check_name(name)
        if not query:
            raise InputError("A builder of a dataset wants a query, such as metal: Cu.")
        self.name = name
        # YAML reads 2026-01-01 as a date, which neither an id nor a dataset can hold.
        self.query = {
            word: value.isoformat() if isinstance(value, date) else value
            for word, value in query.items()
        }
        self.split = split
        self.split_options = dict(split_options or {})
        self.energy = energy
        # Builds of the same query and energy see the same labels, whatever they make of them.
        self.selection = content_id("selection", query=self.query, energy=energy)
        self.archive: Archive | None = None
        super().__init__(sources=[], targets=[], chunk_size=chunk_size)

    def connect(self) -> None:
        """Open the archive and the stores of labels and datasets.

        Raises
        ------
        DatabaseError
            If no database answers.
        """
        self.archive = Archive.open()
        # Stores made from collections do not know the address, so no log can show a password.
        self.sources = [_store(self.archive, "labels")]
        self.targets = [_store(self.archive, SEEN), _store(self.archive, "datasets")]
        self.archive.database[SEEN].create_index("selection")

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Stream the labels that no build has seen, without their arrays.

        Yields
        ------
        Stored fields.
        """
        archive = self._archive()
        mine = {"selection": self.selection}
        seen = {one["label_id"] for one in archive.database[SEEN].find(mine, {"label_id": 1})}
        new, gone = [], set(seen)
        for one in archive.labels(**self.query).ids():
            gone.discard(one)
            if one not in seen:
                new.append(one)
        for some in batched(gone):
            # Deleted, or no longer found: the query may name a dataset that has a new version.
            archive.database[SEEN].delete_many({**mine, "label_id": {"$in": some}})
        self.total = len(new)
        self.logger.info("%s: %d labels seen before, %d new", self.name, len(seen), len(new))
        for some in batched(new, self.chunk_size):
            yield from archive.database["labels"].find({"_id": {"$in": some}}, FIELDS)

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Reduce a label to what a dataset has to know.

        Parameters
        ----------
        item
            Stored fields of a label.

        Returns
        -------
        The facts to remember.
        """
        one = asdict(Candidate.of_stored(item))
        label_id = one.pop("id")
        return {
            "_id": f"{self.selection[:16]}-{label_id}",
            "selection": self.selection,
            "label_id": label_id,
            **one,
            "energies": list(one["energies"]),
        }

    def update_targets(self, items: list[dict[str, Any]]) -> None:
        """Write down labels that were seen; the next build does not look at them again.

        Parameters
        ----------
        items
            What :meth:`process_item` returned.
        """
        if items:
            writes = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in items]
            self._archive().database[SEEN].bulk_write(writes, ordered=False)

    def finalize(self) -> None:
        """Make the dataset of all labels that were seen, which is a new version if it is new.

        A rule that wants more labels than there are makes nothing yet, and says so.

        Raises
        ------
        InputError
            If the labels do not belong together, or parts would know each other.
        """
        archive = self._archive()
        before = archive.database[DATASET_NAMES].count_documents({})
        try:
            made = create_datasets(
                archive,
                self.name,
                self._seen(),
                self.split,
                self.split_options,
                self.query,
                self.energy,
            )
        except TooFewFramesError as error:
            self.logger.warning("%s: nothing is made yet. %s", self.name, error)
        else:
            new = archive.database[DATASET_NAMES].count_documents({}) - before
            names = ", ".join(f"{one.name}@{one.version}" for one in made)
            self.logger.info("%s: %s", names, "new" if new else "nothing new")
        super().finalize()

    def _seen(self) -> list[Candidate]:
        stored = self._archive().database[SEEN].find({"selection": self.selection})
        fields = [field for field in Candidate.__dataclass_fields__ if field != "id"]
        seen = [
            Candidate(
                one["label_id"],
                **{**{field: one[field] for field in fields}, "energies": tuple(one["energies"])},
            )
            for one in stored
        ]
        # The order in which labels arrived says nothing: it must not make another dataset.
        return sorted(seen, key=lambda one: one.id)

    def _archive(self) -> Archive:
        if self.archive is None:
            raise InputError("Connect the builder first; mrun does so by itself.")
        return self.archive


def _store(archive: Archive, collection: str) -> MongoStore:
    store: MongoStore = MongoStore.from_collection(archive.database[collection])
    store.key = "id"
    return store
