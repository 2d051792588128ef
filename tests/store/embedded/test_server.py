import datetime as dt
import errno
import math
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pymongo
import pytest
from bson import Int64

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded import server as server_module
from tm23flows.store.embedded.process import start, status, stop
from tm23flows.store.embedded.server import DatabaseServer, require_loopback
from tm23flows.testing.database import local_database

SPAWN = multiprocessing.get_context("spawn")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_only_loopback_is_served(tmp_path, host):
    with pytest.raises(DatabaseError, match="loopback only"):
        DatabaseServer(tmp_path, 0, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_addresses(host):
    require_loopback(host)


def insert_until_killed(uri, acknowledged):
    collection = pymongo.MongoClient(uri)["test"]["stream"]
    number = 0
    try:
        while True:
            collection.insert_one({"_id": number, "x": "y" * (number % 50)})
            acknowledged.send(number)
            number += 1
    except pymongo.errors.PyMongoError:
        acknowledged.send(None)


def test_a_killed_server_loses_nothing_acknowledged(tmp_path):
    info = start(tmp_path, 0)
    receiver, sender = SPAWN.Pipe(duplex=False)
    writer = SPAWN.Process(target=insert_until_killed, args=(info.uri, sender))
    writer.start()
    last = -1
    while last < 150:
        last = receiver.recv()
    os.kill(info.pid, signal.SIGKILL)
    while (number := receiver.recv()) is not None:
        last = number
    writer.join()
    assert status(tmp_path) is None
    again = start(tmp_path, 0)
    try:
        with pymongo.MongoClient(again.uri) as client:
            found = {document["_id"] for document in client["test"]["stream"].find({}, {"_id": 1})}
        assert set(range(last + 1)) <= found <= set(range(last + 2))
    finally:
        assert stop(tmp_path)


def test_types_indexes_and_times_survive_a_restart(tmp_path):
    document = {
        "_id": "a",
        "date": dt.datetime.fromisoformat("2026-01-02T03:04:05.678"),
        "floats": [math.inf, -0.0, 0.1],
        "long": Int64(2**50),
        "bytes": b"\x00\x01",
        "nested": {"list": [{"x": None}, [1, 2]]},
    }
    with local_database(tmp_path) as info, pymongo.MongoClient(info.uri) as client:
        collection = client["test"]["things"]
        collection.insert_one(document)
        collection.insert_one({"_id": "nan", "v": math.nan})
        collection.create_index("n", unique=True, partialFilterExpression={"n": {"$gt": 0}})
        collection.create_index("expires", expireAfterSeconds=100_000)
        collection.update_one({"_id": "a"}, {"$currentDate": {"t": True}, "$set": {"n": 1}})
        collection.update_one({"_id": "nan"}, [{"$set": {"t": "$$NOW"}}])
        indexes = collection.index_information()
    with local_database(tmp_path) as info, pymongo.MongoClient(info.uri) as client:
        collection = client["test"]["things"]
        found = collection.find_one({"_id": "a"}, {"t": 0, "n": 0})
        assert found == document
        assert math.isnan(collection.find_one({"_id": "nan"})["v"])
        assert collection.index_information() == indexes
        assert indexes["n_1"]["partialFilterExpression"] == {"n": {"$gt": 0}}
        assert indexes["expires_1"]["expireAfterSeconds"] == 100_000
        with pytest.raises(pymongo.errors.DuplicateKeyError):
            collection.insert_one({"n": 1})
        hour = dt.timedelta(hours=1)
        now = dt.datetime.now(dt.UTC)
        window = {"$gt": now - hour, "$lt": now + hour}
        assert collection.count_documents({"t": window}) == 2
        assert collection.count_documents({"t": {"$lt": now - hour}}) == 0
        assert collection.count_documents({"$expr": {"$lte": ["$t", "$$NOW"]}}) == 2


def claim_all(uri, name, results):
    collection = pymongo.MongoClient(uri)["test"]["jobs"]
    claimed = []
    change = {"$set": {"state": "RUNNING", "owner": name}, "$currentDate": {"since": True}}
    while (job := collection.find_one_and_update({"state": "READY"}, change)) is not None:
        claimed.append(job["_id"])
    results.send(claimed)


def test_four_clients_claim_each_document_once(server, db):
    db["jobs"].insert_many([{"_id": n, "state": "READY"} for n in range(200)])
    db["jobs"].create_index("state")
    receiver, sender = SPAWN.Pipe(duplex=False)
    claimants = [SPAWN.Process(target=claim_all, args=(server.uri, n, sender)) for n in range(4)]
    for process in claimants:
        process.start()
    claimed = [number for _ in claimants for number in receiver.recv()]
    for process in claimants:
        process.join()
    assert sorted(claimed) == list(range(200))
    assert db["jobs"].count_documents({"state": "RUNNING", "since": {"$exists": True}}) == 200


def daemon(path, *options, **arguments):
    command = [sys.executable, "-m", "tm23flows.store.embedded", "--path", str(path)]
    return subprocess.Popen(
        [*command, "--port", "0", *options], stderr=subprocess.PIPE, text=True, **arguments
    )


def wait_for(path):
    deadline = time.monotonic() + 30
    while (info := status(path)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return info


def test_sigterm_ends_it_cleanly(tmp_path):
    process = daemon(tmp_path, "--no-fsync")
    info = wait_for(tmp_path)
    with pymongo.MongoClient(info.uri) as client:
        client["test"]["c"].insert_one({"_id": 1})
        process.terminate()
        _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    assert log.strip().endswith("stopped")
    assert not (tmp_path / "server.json").exists()
    with local_database(tmp_path) as info, pymongo.MongoClient(info.uri) as client:
        assert client["test"]["c"].count_documents({}) == 1


def test_a_full_disk_stops_the_server_and_loses_nothing(tmp_path):
    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    process = daemon(tmp_path, preexec_fn=limit_files)
    info = wait_for(tmp_path)
    acknowledged = []

    def fill(collection):
        while True:
            collection.insert_one({"_id": len(acknowledged), "x": "y" * 50_000})
            acknowledged.append(None)

    with pymongo.MongoClient(info.uri) as client:
        with pytest.raises(pymongo.errors.PyMongoError, match="cannot be written") as caught:
            fill(client["test"]["c"])
        assert os.strerror(errno.EFBIG) in str(caught.value)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "make room" in log
    with local_database(tmp_path) as info, pymongo.MongoClient(info.uri) as client:
        assert client["test"]["c"].count_documents({}) == len(acknowledged) > 0


def test_a_long_command_does_not_silence_the_heartbeat(tmp_path, monkeypatch):
    entered, go = threading.Event(), threading.Event()

    def slow(host, command):
        if "find" in command:
            entered.set()
            assert go.wait(200)
        return {"ok": 1.0}

    monkeypatch.setattr(server_module, "execute", slow)
    server = DatabaseServer(tmp_path, 0)
    thread = threading.Thread(target=server.answer, args=({"find": "c"},))
    thread.start()
    entered.wait(200)
    assert server.answer({"hello": 1}) == {"ok": 1.0}
    go.set()
    thread.join()
    server.stopping.set()
    server.serve()
    assert server.answer({"count": "c"})["ok"] == 0.0
