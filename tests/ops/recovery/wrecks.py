"""What is left when everything dies at once."""

from failing_jobs import job, run_all
from fireworks import FWAction, Workflow
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import WFLock

from tm23flows.ops.launchpad import job_states
from tm23flows.store import claims
from tm23flows.store.outbox import Recorder, keep

MENDED = {
    "failed": "READY", "other": "FIZZLED", "reserved": "READY", "running": "READY",
    "locked": "READY", "told": "COMPLETED", "orphan": "ARCHIVED",
}  # fmt: skip
"""States of the jobs when all is mended."""

STEPS = ["outbox", "locks", *["jobs"] * 4, "claims", "failures"]


def make_wreck(archive, launchpad, folder, frame):
    """Leave one thing for each step; the outbox is in the folder."""
    recorder = Recorder()
    recorder.put(frame)
    keep(folder / "outbox", "task", archive.database.name, recorder.records)
    claims.acquire(archive, "lost", {"kind": "labels"}, 900.0)
    archive.database["claims"].update_one({"_id": "lost"}, {"$set": {"process_start": "0.00"}})
    for name in ("failed", "other"):
        kind = "pymongo.errors.AutoReconnect" if name == "failed" else "ValueError"
        launchpad.add_wf(Workflow([job(name, kind, "gone")]))
    run_all(launchpad, folder)
    for name in ("reserved", "running", "locked", "told", "orphan"):
        launchpad.add_wf(Workflow([job(name)]))
    number = {one["name"]: one["fw_id"] for one in launchpad.fireworks.find()}
    launchpad._get_a_fw_to_run(fw_id=number["reserved"])
    launchpad.checkout_fw(FWorker(), str(folder), fw_id=number["running"])
    _, launch = launchpad.checkout_fw(FWorker(), str(folder), fw_id=number["told"])
    refresh, launchpad._refresh_wf = launchpad._refresh_wf, lambda _: None
    launchpad.complete_launch(launch, FWAction())
    launchpad._refresh_wf = refresh
    launchpad.workflows.delete_one({"nodes": number["orphan"]})
    WFLock(launchpad, number["locked"]).__enter__()


def states(launchpad):
    """Say which job is in which state."""
    return {one.name: one.state for one in job_states(launchpad)}


def everything(archive, launchpad):
    """Read the whole content of both databases, but the claim by which a recovery is alone."""
    found = {}
    for database in (archive.database, launchpad.db):
        for name in sorted(database.list_collection_names()):
            stored = database[name].find({"_id": {"$ne": "recovery"}}).sort("_id", 1)
            found[database.name, name] = list(stored)
    return found
