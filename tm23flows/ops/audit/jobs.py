"""The audit of FireWorks' launchpad: I4, the jobs' side of I9, and I10.

Owns the questions to the launchpad's own collections, which it only reads: FireWorks' class
would make indexes, and reset a launchpad that it finds empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm23flows.ops.audit.accounts import check_accounts
from tm23flows.ops.audit.documents import DOCUMENTS_AT_ONCE, secrets_in
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.ops.audit.secrets import known_secrets
from tm23flows.ops.fireworks_config import (
    FIREWORKS_SETTINGS,
    JOBFLOW_DATABASE,
    LAUNCHPAD_DATABASE,
)
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

LEASE = timedelta(seconds=FIREWORKS_SETTINGS["RUN_EXPIRATION_SECS"])
TAKEN = {"state": {"$in": ["RUNNING", "RESERVED"]}}

Stored = dict[str, Any]


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
        ledger.checked("I4", fireworks["fireworks"].count_documents(TAKEN))
        ledger.add(_without_worker(fireworks))
    if ledger.wants("I9"):
        check_accounts(ledger, archive, fireworks, outputs)
    if ledger.wants("I10"):
        secrets = known_secrets()
        for place in (fireworks["fireworks"], fireworks["launches"], outputs):
            for batch in batched(place.find(), DOCUMENTS_AT_ONCE):
                ledger.checked("I10", len(batch), "jobs")
                ledger.add(secrets_in(f"{place.database.name}.{place.name}", batch, secrets))


def _without_worker(fireworks: Database) -> Iterator[Violation]:
    """Yield running jobs whose worker was not heard of for longer than its lease."""
    # The server's clock: that of this machine may be wrong, and workers have theirs.
    now = fireworks.client.admin.command("hello")["localTime"]
    for job in fireworks["fireworks"].find(TAKEN, {"fw_id": 1, "name": 1, "state": 1}):
        launch = fireworks["launches"].find_one(
            {"fw_id": job["fw_id"], "state": job["state"]}, sort=[("launch_id", -1)]
        )
        name = f"{job['fw_id']} ({job['name']})"
        seconds = int(LEASE.total_seconds())
        if launch is None:
            what = (
                f"it is {job['state']}, but no worker has it: the one that took it died before it "
                "began, or between its end and the word of it"
            )
            fix = f"lpad detect_lostruns --refresh; if it stays, lpad rerun_fws -i {job['fw_id']}"
            yield Violation("I4", "fireworks", name, what, fix)
        elif job["state"] == "RUNNING" and (age := now - _last_ping(launch)) > LEASE:
            what = f"its worker was last heard of {int(age.total_seconds())} s ago"
            fix = f"lpad detect_lostruns --time {seconds} --rerun"
            yield Violation("I4", "fireworks", name, what, fix)


def _last_ping(launch: Stored) -> datetime:
    """Return when a worker was last heard of, in UTC without a zone, as databases return it."""
    moments = [
        one.get("updated_on") or one.get("created_on")
        for one in launch.get("state_history", ())
        if one.get("state") == "RUNNING"
    ]
    texts = [one.isoformat() if isinstance(one, datetime) else str(one) for one in moments if one]
    last = max(texts, default="1970-01-01T00:00:00")
    moment = datetime.fromisoformat(last)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
