"""The audit of FireWorks' launchpad: I4, the jobs' side of I9, and I10.

Owns the questions to the launchpad's own collections, which it only reads: FireWorks' class
would make indexes, and reset a launchpad that it finds empty.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from tm23flows.ops.audit.accounts import check_accounts
from tm23flows.ops.audit.claims import RECOVER
from tm23flows.ops.audit.documents import DOCUMENTS_AT_ONCE, secrets_in
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.ops.audit.secrets import known_secrets
from tm23flows.ops.failures import list_failures
from tm23flows.ops.fireworks_config import (
    FIREWORKS_SETTINGS,
    JOBFLOW_DATABASE,
    LAUNCHPAD_DATABASE,
)
from tm23flows.ops.recovery.holes import find_holes
from tm23flows.ops.recovery.jobs import how_workers_live
from tm23flows.ops.recovery.suspects import find_suspects, unchanged
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

LEASE = timedelta(seconds=FIREWORKS_SETTINGS["RUN_EXPIRATION_SECS"])
TAKEN = {"state": {"$in": ["RUNNING", "RESERVED"]}}

LOOK_S = 3.0
"""What looks abandoned is looked at again after so long; 'tm23 recover' has more patience."""


def check_jobs(ledger: Ledger, archive: Archive, launchpad: str = LAUNCHPAD_DATABASE) -> None:
    """Look at the jobs of the launchpad beside an archive.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it or beside it is changed.
    launchpad
        Name of the launchpad's database on the same server.
    """
    client = archive.database.client
    fireworks, outputs = client[launchpad], client[JOBFLOW_DATABASE]["outputs"]
    if fireworks["fireworks"].find_one({}, {"_id": 1}) is None:
        for invariant in ("I4", "I9"):
            ledger.note(invariant, f"no jobs in the launchpad '{launchpad}' of this database")
        return
    if ledger.wants("I4"):
        _check_workers(ledger, archive, fireworks)
    if ledger.wants("I9"):
        check_accounts(ledger, archive, fireworks, outputs)
    if ledger.wants("I10"):
        secrets = known_secrets()
        for place in (fireworks["fireworks"], fireworks["launches"], outputs):
            for batch in batched(place.find(), DOCUMENTS_AT_ONCE):
                ledger.checked("I10", len(batch), "jobs")
                ledger.add(secrets_in(f"{place.database.name}.{place.name}", batch, secrets))


def _check_workers(ledger: Ledger, archive: Archive, fireworks: Database) -> None:
    """Look for jobs under way that nobody does, and for locks of the dead."""
    ledger.checked("I4", fireworks["fireworks"].count_documents(TAKEN))
    suspects = find_suspects(fireworks)
    for hole in find_holes(fireworks, how_workers_live(archive, LEASE.total_seconds())):
        ledger.add([_violation("fireworks", hole.subject, hole.what)])
    if suspects.locks or suspects.unapplied or suspects.unlaunched:
        time.sleep(LOOK_S)  # a worker that lives is done by then
        suspects = unchanged(suspects, find_suspects(fireworks))
    for one in suspects.unlaunched:
        what = f"it is {one.state}, but no worker has it: the one that took it died before it began"
        ledger.add([_violation("fireworks", f"{one.fw_id} ({one.name})", what)])
    for lock in suspects.locks:
        what = f"it is locked, and for {LOOK_S:g} s nothing happened to it"
        ledger.add([_violation("workflows", lock.name, what)])
    for one in suspects.unapplied:
        what = "it is done, but its workflow does not know"
        ledger.add([_violation("fireworks", f"{one.fw_id} ({one.name})", what)])
    if suspects.orphans:
        ledger.note("I4", f"{len(suspects.orphans)} jobs belong to no workflow: '{RECOVER}'")
    failures = Counter(one.error_class for one in list_failures(fireworks))
    if away := failures["database"]:
        ledger.note("I4", f"{away} jobs failed because the database was away: '{RECOVER}'")
    if unread := failures["decode"]:
        ledger.note(
            "I4", f"{unread} failed jobs cannot be decoded: 'tm23 rerun --where class=decode "
            "--dry-run' names them"
        )  # fmt: skip


def _violation(where: str, name: str, what: str) -> Violation:
    return Violation("I4", where, name, what, RECOVER)
