"""The accounts of labels (I9): what finished jobs were told to make, and what became of it.

Owns the reading of label jobs as FireWorks and jobflow store them. Nothing is decoded.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tm23flows.documents.label import Label, Rejection, label_id
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

LABEL_JOB = "LabelJobMaker.make"

Stored = dict[str, Any]


def check_accounts(
    ledger: Ledger, archive: Archive, fireworks: Database, outputs: Collection
) -> None:
    """Add up the labels that jobs were told to make.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive.
    fireworks
        The launchpad's database.
    outputs
        jobflow's outputs.
    """
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


def _asked_of(job: Stored, outputs: Collection) -> list[str] | None:
    """Return the labels that a finished job had to make; None if that cannot be known."""
    done = _output(outputs, job["uuid"])
    frames, _, first, last = job["function_args"][:4]
    frames = _resolved(outputs, frames)
    if done is None or not isinstance(frames, list):
        return None
    if done.get("waiting"):
        return []  # a job of the same name goes on with it
    asked = [_resolved(outputs, one) for one in frames[first : last or None]]
    if not all(isinstance(one, str) for one in asked):
        return None
    return [label_id(one, key) for one in asked for key in done["recipe_ids"]]


def _resolved(outputs: Collection, given: Any) -> Any:
    """Return what a reference points to, None if that is not there; anything else as it is."""
    if not isinstance(given, dict):
        return given
    found: Any = _output(outputs, given["uuid"])
    try:
        for _, name in given["attributes"]:
            found = found[name]
    except (KeyError, IndexError, TypeError):
        return None
    return found


def _output(outputs: Any, uuid: str) -> Stored | None:
    stored = outputs.find_one({"uuid": uuid}, {"output": 1}, sort=[("index", -1)])
    output = (stored or {}).get("output")
    return output if isinstance(output, dict) else None


def _existing(archive: Archive, noun: type[Label | Rejection], ids: list[str]) -> set[str]:
    return {one for some in batched(ids) for one in archive.existing(noun, some)}
