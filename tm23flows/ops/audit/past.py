"""The audit of pasts (I7): parents, inputs and versions of every document, names of datasets.

Owns what it means that provenance closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.documents.ids import content_id
from tm23flows.ops.audit.ledger import Violation
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.past.parents import is_rootless, parents_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Stored = dict[str, Any]

RESTORE = "restore it from a backup; 'tm23 trace {id} --down' lists what was made from it"
AGAIN = "delete it and run its workflow again, which makes only what is missing"


def check_past(archive: Archive, collection: str, batch: list[Stored]) -> Iterator[Violation]:
    """Find documents whose parents, inputs or versions are not there.

    Parameters
    ----------
    archive
        The archive.
    collection
        Collection of the documents.
    batch
        The documents.

    Yields
    ------
    One violation for each thing that is not there.
    """
    wanted: dict[str, dict[str, str]] = {}
    for stored in batch:
        key = str(stored["_id"])
        try:
            parents = parents_of(collection, stored)
            rootless = is_rootless(collection, stored)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # a document that cannot be read is the business of I3
        for name, ids in parents.items():
            wanted.setdefault(name, {}).update(dict.fromkeys(ids, key))
        if rootless:
            what = "it comes from no run, no structure and no import"
            yield Violation("I7", collection, key, what, f"delete it, or {AGAIN}")
        yield from _with_record(collection, key, stored.get("provenance"))
    for name, children in wanted.items():
        for some in batched(children):
            there = archive.existing(COLLECTIONS[name], some)
            for parent in some:
                if parent not in there:
                    what = f"its parent in {name} is not there: {parent}"
                    fix = f"restore {parent[:12]} from a backup, or {AGAIN}"
                    yield Violation("I7", collection, children[parent], what, fix)


def _with_record(collection: str, key: str, past: Any) -> Iterator[Violation]:
    if not isinstance(past, dict) or not {"software", "inputs", "inputs_sha256"} <= set(past):
        return
    if not past["software"].get("tm23flows"):
        what = "its provenance names no version of tm23flows"
        yield Violation("I7", collection, key, what, RESTORE.format(id=key[:12]))
    if content_id("inputs", inputs=past["inputs"]) != past["inputs_sha256"]:
        what = "its inputs do not have the checksum that its provenance names"
        yield Violation("I7", collection, key, what, RESTORE.format(id=key[:12]))


def check_names(archive: Archive, batch: list[Stored]) -> Iterator[Violation]:
    """Find names that point to no dataset.

    Parameters
    ----------
    archive
        The archive.
    batch
        Pointers.

    Yields
    ------
    One violation for each.
    """
    there = archive.existing(COLLECTIONS["datasets"], [one["dataset_id"] for one in batch])
    for one in batch:
        if one["dataset_id"] not in there:
            name = f"{one['name']}@{one['version']}"
            what = f"the name {name} points to no dataset: {one['dataset_id']}"
            fix = f"restore {one['dataset_id'][:12]} from a backup, or create '{one['name']}' again"
            yield Violation("I7", DATASET_NAMES, str(one["_id"]), what, fix)
