"""The audit of what is under way outside the launchpad: claims (I4) and the outbox (I9).

Owns the words. When a worker is lost is decided in :mod:`tm23flows.store.claims`; mending is the
business of :mod:`tm23flows.ops.recovery`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.ops.recovery.claims import name_of, what_of
from tm23flows.ops.recovery.outbox import waiting_files
from tm23flows.store.claims import lost_claims
from tm23flows.store.collections import CLAIMS

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

RECOVER = "tm23 recover"


def check_claims(ledger: Ledger, archive: Archive) -> None:
    """Look for tasks whose worker is lost, and for results that wait in files.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it is changed.
    """
    if ledger.wants("I4"):
        ledger.checked("I4", archive.database[CLAIMS].count_documents({"state": "running"}))
        ledger.add(_without_lease(archive))
    if ledger.wants("I9") and (waiting := waiting_files(archive.database.name)):
        ledger.note(
            "I9", f"{len(waiting)} files with results wait in {waiting[0].parent}: '{RECOVER}'"
        )


def _without_lease(archive: Archive) -> Iterator[Violation]:
    for claim in lost_claims(archive):
        what = f"{what_of(claim)}, and nobody goes on with it"
        yield Violation("I4", CLAIMS, name_of(claim), what, RECOVER)
