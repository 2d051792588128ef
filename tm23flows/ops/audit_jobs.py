"""The audit of FireWorks' launchpad: I4, the jobs' side of I9, and I10.

Owns the questions to the launchpad's own collections, which it only reads: FireWorks' class
would make indexes, and reset a launchpad that it finds empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm23flows.documents.label import Label, Rejection, label_id
from tm23flows.ops.audit_documents import DOCUMENTS_AT_ONCE, secrets_in
from tm23flows.ops.fireworks_config import (
    FIREWORKS_SETTINGS,
    JOBFLOW_DATABASE,
    LAUNCHPAD_DATABASE,
)
from tm23flows.ops.ledger import Ledger, Violation
from tm23flows.ops.secrets import known_secrets
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

LEASE = timedelta(seconds=FIREWORKS_SETTINGS["RUN_EXPIRATION_SECS"])
TAKEN = {"state": {"$in": ["RUNNING", "RESERVED"]}}
LABEL_JOB = "LabelJobMaker.make"

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
        _check_accounts(ledger, archive, fireworks, outputs)
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


def _check_accounts(ledger: Ledger, archive: Archive, fireworks: Database, outputs: Any) -> None:
    """Add up the labels that jobs were told to make."""
    counts: Counter[str] = Counter()
    found = fireworks["fireworks"].find({}, {"fw_id": 1, "name": 1, "state": 1, "spec._tasks": 1})
    for firework in found.sort("fw_id", 1):
        job = _job_of(firework)
        if job is None:
            continue
        ledger.checked("I9", 1, "jobs")
        counts["jobs"] += 1
        if firework["state"] != "COMPLETED":
            counts["jobs that are not done"] += 1
            continue
        asked = _asked_of(job, outputs)
        if asked is None:
            counts["jobs whose output is not in this database"] += 1
            continue
        accepted = _existing(archive, Label, asked)
        rejected = _existing(archive, Rejection, asked) - accepted
        counts["labels asked for"] += len(asked)
        counts["accepted"] += len(accepted)
        counts["rejected"] += len(rejected)
        gone = [one for one in asked if one not in accepted | rejected]
        if gone:
            what = (
                f"of {len(asked)} labels {len(gone)} are neither accepted nor rejected, the "
                f"first is {gone[0]}"
            )
            fix = f"lpad rerun_fws -i {firework['fw_id']} makes those that are missing"
            name = f"{firework['fw_id']} ({firework['name']})"
            ledger.add([Violation("I9", "fireworks", name, what, fix)])
    if counts:
        ledger.note("I9", ", ".join(f"{number} {what}" for what, number in counts.items()))


def _job_of(firework: Stored) -> Stored | None:
    """Return the label job of a Firework, as it is stored; None if it is another job."""
    try:
        job = firework["spec"]["_tasks"][0]["job"]
        return job if job["function"]["@callable"] == LABEL_JOB else None
    except (KeyError, IndexError, TypeError):
        return None


def _asked_of(job: Stored, outputs: Any) -> list[str] | None:
    """Return the labels that a finished job had to make; None if that cannot be known."""
    done = _output(outputs, job["uuid"])
    frames, _, first, last = job["function_args"][:4]
    if isinstance(frames, dict):
        frames = (_output(outputs, frames["uuid"]) or {}).get("frame_ids")
    if done is None or not isinstance(frames, list):
        return None
    if done.get("waiting"):
        return []  # a job of the same name goes on with it
    return [
        label_id(one, key) for one in frames[first : last or None] for key in done["recipe_ids"]
    ]


def _output(outputs: Any, uuid: str) -> Stored | None:
    stored = outputs.find_one({"uuid": uuid}, {"output": 1}, sort=[("index", -1)])
    output = (stored or {}).get("output")
    return output if isinstance(output, dict) else None


def _existing(archive: Archive, noun: type[Label | Rejection], ids: list[str]) -> set[str]:
    return {one for some in batched(ids) for one in archive.existing(noun, some)}
