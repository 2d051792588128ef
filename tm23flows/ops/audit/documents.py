"""The audit of documents: I1, I3, I6, I7, I9 and I10, in one pass over the archive.

Owns what must be true of every document by itself and of its parents. Documents are read in
batches, so the size of the archive does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.documents.label import Label, label_id
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.ops.audit.past import AGAIN, RESTORE, check_names, check_past
from tm23flows.ops.audit.secrets import find_secrets, known_secrets
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.datasets.large import unfold_what_is_there
from tm23flows.store.raw_outputs import COLLECTION as RAW_OUTPUTS

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Stored = dict[str, Any]

DOCUMENTS_AT_ONCE = 200


def check_documents(ledger: Ledger, archive: Archive) -> None:
    """Look at every document of every noun once.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it is changed.
    """
    secrets = known_secrets()
    older = 0
    for collection, noun in COLLECTIONS.items():
        # Without a size of its own a cursor fetches 16 MB at once.
        found = archive.database[collection].find(batch_size=DOCUMENTS_AT_ONCE).sort("_id", 1)
        for stored in batched(found, DOCUMENTS_AT_ONCE):
            batch = [unfold_what_is_there(archive.blobs, collection, one) for one in stored]
            for invariant in ("I1", "I3", "I7", "I10"):
                ledger.checked(invariant, len(batch), collection if invariant == "I1" else "")
            older += sum(one.get("schema_version") in range(noun.LAYOUT) for one in batch)
            if ledger.wants("I1", "I3"):
                ledger.add(_sound(collection, batch))
            if ledger.wants("I7"):
                ledger.add(check_past(archive, collection, batch))
            if ledger.wants("I10"):
                ledger.add(secrets_in(collection, batch, secrets))
            if collection == "labels":
                ledger.checked("I6", len(batch))
                ledger.add(_labels_of_their_pair(batch))
            if collection == "rejections":
                ledger.checked("I9", len(batch))
                ledger.add(_rejected_for_a_reason(archive, batch))
    if older:
        ledger.note(
            "I3", f"{older} documents have an older layout, which is read; 'tm23 db upgrade'"
        )
    _check_records(ledger, archive, secrets)


def _check_records(ledger: Ledger, archive: Archive, secrets: set[str]) -> None:
    """Look at what is beside the nouns: names of datasets, and where raw outputs are."""
    for name in (DATASET_NAMES, RAW_OUTPUTS):
        for batch in batched(archive.database[name].find().sort("_id", 1), DOCUMENTS_AT_ONCE):
            ledger.checked("I10", len(batch))
            ledger.add(secrets_in(name, batch, secrets))
            if name == DATASET_NAMES:
                ledger.checked("I7", len(batch))
                ledger.add(check_names(archive, batch))


def _sound(collection: str, batch: Iterable[Stored]) -> Iterator[Violation]:
    """Yield documents that cannot be read (I3) or that are not what their id says (I1)."""
    noun = COLLECTIONS[collection]
    for stored in batch:
        key = str(stored["_id"])
        if stored.get("id") != stored["_id"]:
            what = f"its field id is {str(stored.get('id'))[:12]}"
            yield Violation("I1", collection, key, what, RESTORE.format(id=key[:12]))
        try:
            unchecked = {k: v for k, v in stored.items() if k not in ("_id", "checksum")}
            document = noun.from_stored(unchecked)
        except (ValueError, TypeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            fix = f"restore it from a backup, or {AGAIN}"
            if "install that one" in reason:
                fix = "a newer tm23flows wrote it: install that one"
            yield Violation("I3", collection, key, f"it cannot be read: {reason}", fix)
            continue
        if document.id != stored["_id"]:
            what = f"its content has the id {str(document.id)[:12]}: it was changed from outside"
            yield Violation("I1", collection, key, what, RESTORE.format(id=key[:12]))
        elif isinstance(document, Label) and not _is_as_noted(document, stored):
            what = "its energies, forces or stress are not what it says: it was changed"
            yield Violation("I1", collection, key, what, RESTORE.format(id=key[:12]))


def _is_as_noted(label: Label, stored: Stored) -> bool:
    """Compare numbers with what was noted of them; the id of a label is not made of its numbers."""
    if stored.get("checksum", label.checksum) != label.checksum:
        return False
    noted = stored.get("magnitudes")
    if noted is None:
        return True  # an older layout
    wanted = label.magnitudes.model_dump()
    if not isinstance(noted, dict) or noted.keys() != wanted.keys():
        return False
    # Another machine may add up in another order, hence the tolerance.
    for key, value in wanted.items():
        if value is None or not isinstance(noted[key], float):
            same = noted[key] == value
        else:
            same = math.isclose(noted[key], value, rel_tol=1e-9)
        if not same:
            return False
    return True


def _labels_of_their_pair(batch: Iterable[Stored]) -> Iterator[Violation]:
    """Yield labels under another id than that of frame and recipe.

    Ids are unique, so where every label has the id of its pair no pair has two labels.
    """
    for stored in batch:
        key, pair = str(stored["_id"]), (stored.get("frame_id"), stored.get("recipe_id"))
        if not all(isinstance(one, str) for one in pair):
            continue  # the business of I3
        if label_id(*pair) != key:
            what = f"it is a second label of frame {pair[0][:12]} under recipe {pair[1][:12]}"
            fix = f"delete it; 'tm23 trace {key[:12]} --down' lists the datasets that hold it"
            yield Violation("I6", "labels", key, what, fix)


def _rejected_for_a_reason(archive: Archive, batch: list[Stored]) -> Iterator[Violation]:
    accepted = archive.existing(COLLECTIONS["labels"], [one["_id"] for one in batch])
    for stored in batch:
        key = str(stored["_id"])
        if not str(stored.get("reason") or "").strip():
            what, fix = "it was rejected without a reason", f"to see the reason, {AGAIN}"
            yield Violation("I9", "rejections", key, what, fix)
        if key in accepted:
            what = "it is accepted and rejected at once"
            fix = "delete the rejection: the label is the result"
            yield Violation("I9", "rejections", key, what, fix)


def secrets_in(where: str, batch: Iterable[Stored], known: set[str]) -> Iterator[Violation]:
    """Find secrets in documents of any kind.

    Parameters
    ----------
    where
        Name of the collection.
    batch
        Documents.
    known
        Secrets to look for.

    Yields
    ------
    One violation for each field; the secret is not in it.
    """
    for stored in batch:
        for path in find_secrets(stored, known):
            fix = "change that password or key now, then take it out of the document"
            yield Violation("I10", where, str(stored.get("_id")), f"a secret in {path}", fix)
