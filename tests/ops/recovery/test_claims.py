"""Tasks of lost workers are given back, once; those of living ones are not."""

from tm23flows.ops.recovery.claims import give_back_tasks
from tm23flows.ops.recovery.record import Work
from tm23flows.store import claims

ABOUT = {"kind": "labels", "element": "Cu"}


def test_only_the_tasks_of_lost_workers_are_given_back(archive):
    claims.acquire(archive, "lost", ABOUT, 900.0)
    claims.acquire(archive, "alive", ABOUT, 900.0)
    dead = {"$set": {"process_start": "0.00"}}
    archive.database["claims"].update_one({"_id": "lost"}, dead)
    assert len(list(give_back_tasks(Work(archive, None, dry_run=True)))) == 1
    (one,) = give_back_tasks(Work(archive, None))
    assert (one.subject, one.problem) == ("Cu labels lost", None)
    found = {one["_id"]: one["state"] for one in archive.database["claims"].find()}
    assert found == {"lost": "ready", "alive": "running"}
    assert list(give_back_tasks(Work(archive, None))) == []
