"""A launchpad and an archive in one state, and time that passes in them."""

from datetime import timedelta

from failing_jobs import job, run_all
from fireworks import Workflow

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Rejection
from tm23flows.documents.recipe import Recipe
from tm23flows.ops.moments import server_now

DATABASE = "pymongo.errors.AutoReconnect"


def fill_launchpad(launchpad, folder):
    """Cu: two labels done, one failed, a trajectory that waits for it; Ti: all but one ready."""
    failing = job("Cu labels 3/3", DATABASE, "gone", "Cu", "label")
    ready = [job("Ti trajectory", stage="aimd", element="Ti"), job("Ti labels", element="Ti")]
    launchpad.add_wf(Workflow([
        job("Cu labels 1/3"), job("Cu labels 2/3"), failing,
        job("Cu later", stage="analyse", parents=[failing]),
    ]))  # fmt: skip
    run_all(launchpad, folder)
    launchpad.add_wf(Workflow(ready))


def refusal(frame, reason, **recipe):
    """A label of a frame that was refused."""
    given = Recipe(**{"engine": "emt", "xc": "none", **recipe})
    return Rejection(provenance=Provenance.now(), frame_id=frame.id, recipe=given, reason=reason)


def claimed(archive, job_uuid="", ago_s=5.0, lease_s=600.0, **about):
    """Have a worker claim something, and be heard of some time ago; return the time that is."""
    now = server_now(archive.database)
    archive.database["claims"].insert_one({
        "_id": f"task-{job_uuid or about.get('name')}", "state": "running", "host": "node7",
        "owner": "node7:1:2", "token": 1, "attempt": 1, "lease_s": lease_s,
        "beat": now - timedelta(seconds=ago_s), "begun": now - timedelta(seconds=90),
        "about": {"job": job_uuid, **about},
    })  # fmt: skip
    return now
