import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gridfs
import pymongo
import pytest

PROBE = Path(__file__).resolve().parents[3].parent / "shared" / "checks" / "wire_probe.py"


def test_unknown_commands_and_transactions_are_refused(run):
    assert run(frobnicate=1)["code"] == 59
    reply = run(insert="c", documents=[{"_id": 1}], txnNumber=1, autocommit=False)
    assert reply["code"] == 20
    assert run(count="c")["n"] == 0


def test_a_write_that_is_sent_twice_inserts_once(run):
    # as a client does after a lost acknowledgement: the same _id and transaction number
    for _ in range(2):
        run(insert="c", documents=[{"_id": 1}], lsid={"id": b"x"}, txnNumber=1)
    assert run(count="c")["n"] == 1


def test_engine_trouble_becomes_an_error_reply(run):
    run(insert="c", documents=[{"_id": 1, "s": "text"}])
    assert run(aggregate="c", pipeline=[{"$project": {"x": {"$year": "$s"}}}], cursor={})["code"]
    assert run(find="c", filter=[1])["ok"] == 0.0
    assert run(find="c$", filter={})["ok"] == 0.0
    assert run(ping=1)["ok"] == 1.0


def test_the_probe_of_all_commands_in_use(server):
    if not PROBE.exists():
        pytest.skip(f"no {PROBE.name} beside the repository")
    command = [sys.executable, str(PROBE), server.uri]
    output = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=600
    ).stdout
    failed = [line for line in output.splitlines() if line.startswith("FAIL")]
    assert [line.split()[1] for line in failed] == ["transaction"]
    assert "43 ok, 1 fail" in output


def test_a_driver_pages_counts_and_reports(db):
    db["c"].insert_many([{"_id": n, "x": "y" * 2000} for n in range(2500)])
    assert [d["_id"] for d in db["c"].find().sort("_id", -1).batch_size(70)][-1] == 0
    assert db["c"].count_documents({"_id": {"$gte": 2000}}) == 500
    assert db["c"].estimated_document_count() == 2500
    with pytest.raises(pymongo.errors.BulkWriteError) as caught:
        db["c"].insert_many([{"_id": n} for n in (1, 2, -1)], ordered=False)
    errors = caught.value.details["writeErrors"]
    assert [(e["index"], e["code"]) for e in errors] == [(0, 11000), (1, 11000)]
    assert db["c"].find_one({"_id": -1}) is not None


def test_unacknowledged_writes_arrive(db):
    unsafe = db["c"].with_options(write_concern=pymongo.WriteConcern(w=0))
    unsafe.insert_one({"_id": 1})
    # nothing was sent back for it: the next answer on this connection is that of the count
    deadline = time.monotonic() + 10
    while db["c"].count_documents({}) == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert db["c"].find_one() == {"_id": 1}


def test_documents_over_16_mb_are_refused(db):
    db["c"].insert_one({"_id": 1, "parts": [b"x" * 10_000_000]})
    with pytest.raises(pymongo.errors.WriteError) as caught:
        db["c"].update_one({"_id": 1}, {"$push": {"parts": b"x" * 10_000_000}})
    assert caught.value.code == 10334
    with pytest.raises(pymongo.errors.DocumentTooLarge):
        db["c"].insert_one({"_id": 2, "x": b"x" * 16_800_000})
    assert db["c"].count_documents({}) == 1


@pytest.mark.parametrize("size", [3_000_000, 20_000_000])
def test_gridfs_files(db, size):
    content = os.urandom(size)
    files = gridfs.GridFS(db, "blobs")
    name = files.put(content, metadata={"kind": "model"})
    assert files.get(name).read() == content
    with files.get(name) as part:
        part.seek(size - 100_000)
        assert part.read() == content[-100_000:]
    files.delete(name)
    assert db["blobs.chunks"].estimated_document_count() == 0


@pytest.mark.filterwarnings("ignore::FutureWarning")  # the URI stores got new names
def test_maggma_stores(server, client):
    from maggma.stores import MongoURIStore
    from maggma.stores.gridfs import GridFSURIStore

    with MongoURIStore(server.uri, "tasks", database="test", key="task_id") as store:
        store.ensure_index("task_id", unique=True)
        store.update([{"task_id": n, "v": n, "metal": "Cu"} for n in range(30)])
        store.update([{"task_id": 3, "v": -1, "metal": "Ti"}])
        assert store.count() == 30
        assert store.query_one({"task_id": 3})["v"] == -1
        found = store.query({"v": {"$gte": 25}}, properties=["v"], sort={"v": -1}, limit=3)
        assert [document["v"] for document in found] == [29, 28, 27]
        assert sorted(store.distinct("metal")) == ["Cu", "Ti"]
        groups = {key["metal"]: len(group) for key, group in store.groupby("metal")}
        assert groups == {"Cu": 29, "Ti": 1}
        store.remove_docs({"v": {"$lt": 10}})
        assert store.count() == 20
    with GridFSURIStore(server.uri, "blobs", database="test", key="name") as blobs:
        blobs.update([{"name": "a", "data": "x" * 600_000}])
        assert len(blobs.query_one({"name": "a"})["data"]) == 600_000


@pytest.mark.fireworks
def test_a_launchpad(server, client, monkeypatch):
    from fireworks import Firework, FWAction, FWorker, LaunchPad, ScriptTask, Workflow
    from fireworks.utilities.fw_serializers import SAVED_FW_MODULES

    # else the name is sought by importing all of FireWorks, its own tests included
    monkeypatch.setitem(SAVED_FW_MODULES, "ScriptTask", ScriptTask.__module__)
    host = f"{server.uri}/fireworks"
    launchpad = LaunchPad(host=host, uri_mode=True, name="fireworks", strm_lvl="CRITICAL")
    launchpad.reset("", require_password=False)
    works = [Firework(ScriptTask.from_str("true"), name=f"work {n}") for n in range(6)]
    launchpad.add_wf(Workflow(works))

    def check_out_all(_):
        claimed = []
        while True:
            work, launch = launchpad.checkout_fw(FWorker(name="local"), "/")
            if work is None:
                return claimed
            claimed.append(work.fw_id)
            launchpad.complete_launch(launch, FWAction(), "COMPLETED")

    with ThreadPoolExecutor(2) as pool:
        claimed = [number for part in pool.map(check_out_all, range(2)) for number in part]
    assert sorted(claimed) == sorted(work.fw_id for work in works)
    assert launchpad.get_fw_ids({"state": "COMPLETED"}, count_only=True) == 6
    assert launchpad.detect_lostruns() == ([], [], [])
    assert launchpad.detect_unreserved() == []
