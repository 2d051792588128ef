"""Selections: what a query finds, read when it is asked for and as a stream.

Owns counting, listing and reading of frames and labels that match a query, always in
order of trajectory, step and id. However much a query finds, a few thousand documents
are in memory at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.store.batches import BATCH, batched
from tm23flows.store.collections import ORDER, walking_hint
from tm23flows.store.query.plans import Plan, plan_frames, plan_labels
from tm23flows.store.query.words import Query

if TYPE_CHECKING:
    from ase import Atoms

    from tm23flows.store.archive import Archive

Noun = TypeVar("Noun", Frame, Label)
Stored = dict[str, Any]


class Selection(Generic[Noun]):
    """Frames or labels that match a query; iterating reads them from the beginning.

    Parameters
    ----------
    archive
        The archive.
    noun
        ``Frame`` or ``Label``.
    query
        What to look for.
    """

    def __init__(self, archive: Archive, noun: type[Noun], query: Query) -> None:
        self.archive = archive
        self.noun: type[Noun] = noun
        self.query = query

    def __iter__(self) -> Iterator[Noun]:
        """Read the documents one after the other.

        Yields
        ------
        Documents in order of trajectory, step and id.

        Raises
        ------
        DatabaseError
            If a stored document does not belong to its id.
        """
        for stored in self.stored():
            yield self.archive.read(self.noun, stored)

    def __repr__(self) -> str:
        """Say what was asked for."""
        asked = ", ".join(f"{word}={value!r}" for word, value in self.query.words.items())
        return f"{type(self).__name__}({self.noun.__name__.lower()}s, {asked or 'everything'})"

    def count(self) -> int:
        """Count what fits, without reading documents.

        Returns
        -------
        The number.
        """
        plan = self._plan()
        if plan.tests:
            return sum(1 for _ in self._keys(plan))
        collection = self.archive.database[plan.collection]
        hint = walking_hint(plan.collection, plan.filter)
        how: dict[str, Any] = {"hint": hint} if hint else {}
        return int(collection.count_documents(plan.filter, **how))

    def ids(self) -> Iterator[str]:
        """Stream the ids, without reading documents.

        Yields
        ------
        Ids in order of trajectory, step and id.
        """
        for key in self._keys(self._plan()):
            yield key["_id"]

    def stored(self, fields: dict[str, int] | None = None, limit: int = 0) -> Iterator[Stored]:
        """Stream documents as the database holds them.

        Parameters
        ----------
        fields
            Projection; None reads whole documents.
        limit
            How many at most; 0 means all. A database that knows sorts fewer.

        Yields
        ------
        Stored fields in order of trajectory, step and id.
        """
        plan = self._plan()
        collection = self.archive.database[plan.collection]
        if not plan.tests:
            yield from self._find(plan, fields).limit(limit)
            return
        for keys in batched(islice(self._keys(plan), limit or None)):
            ids = [key["_id"] for key in keys]  # never none: batches are not empty
            found = {one["_id"]: one for one in collection.find({"_id": {"$in": ids}}, fields)}
            yield from (found[one] for one in ids if one in found)

    def atoms(self, energy: str = "free") -> Iterator[Atoms]:
        """Stream ASE atoms; those of labels carry energy, forces and stress.

        Parameters
        ----------
        energy
            Which energy of a label becomes ASE's ``energy``: free, sigma0, without_entropy
            or unspecified. The free energy is ASE's ``free_energy`` in any case.

        Yields
        ------
        Atoms in order of trajectory, step and id, with ids in ``info``; energies in eV,
        forces in eV/angstrom, stress in eV/angstrom^3 with ASE's sign and order.

        Raises
        ------
        InputError
            If a label lacks that energy, or there is no such energy.
        DatabaseError
            If a stored document does not belong to its id.
        """
        from tm23flows.store.query.atoms import stream_atoms

        yield from stream_atoms(self, energy)

    def _plan(self) -> Plan:
        plan = plan_frames if self.noun is Frame else plan_labels
        return plan(self.archive, self.query)

    def _find(self, plan: Plan, fields: dict[str, int] | None) -> Any:
        found = self.archive.database[plan.collection].find(plan.filter, fields)
        return found.sort(ORDER).batch_size(BATCH)

    def _keys(self, plan: Plan) -> Iterator[Stored]:
        found = self._find(plan, plan.key_fields)
        if not plan.tests:
            yield from found
            return
        for keys in batched(found):
            yield from plan.fitting(keys)
