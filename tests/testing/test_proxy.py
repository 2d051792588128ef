"""A bad line: what becomes of a command on it, seen with a real client and a real server."""

import socket
import struct
import time
from contextlib import suppress

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, ConnectionFailure, NotPrimaryError

from tm23flows.store.archive import Archive
from tm23flows.store.claims import acquire, heartbeat, release
from tm23flows.testing.proxy import database_proxy, heartbeat_of_claim


@pytest.fixture
def line(database):
    with database_proxy(database.port) as proxy:
        yield proxy


@pytest.fixture
def client(line):
    with MongoClient(line.uri, serverSelectionTimeoutMS=20_000) as client:
        yield client


@pytest.fixture
def things(client, archive):
    """A collection through the line, and the same past it."""
    name = archive.database.name
    return client[name]["things"], archive.database["things"]


def is_insert(command):
    return "insert" in command


def test_a_good_line_changes_nothing(things, line):
    there, direct = things
    there.insert_many([{"_id": number, "text": "x" * 10_000} for number in range(50)])
    assert list(there.find()) == list(direct.find())
    assert line.fates == []


@pytest.mark.parametrize(
    ("fate", "n_written"), [("cut", 0), ("lose_answer", 1), ("half_close", 1), ("not_primary", 0)]
)
def test_the_fate_of_a_command(things, line, fate, n_written):
    there, direct = things
    line.rule = lambda command: fate if is_insert(command) else "pass"
    expected = NotPrimaryError if fate == "not_primary" else AutoReconnect
    with pytest.raises(expected):
        there.insert_one({"_id": 1})
    end = time.monotonic() + 20.0  # a client may hear of its line before the server has written
    while direct.count_documents({}) < n_written and time.monotonic() < end:
        time.sleep(0.01)
    assert direct.count_documents({}) == n_written
    assert line.fates == [("insert", fate)]
    assert there.count_documents({}) == n_written  # other commands pass
    line.restore()
    there.insert_one({"_id": 2})
    assert direct.count_documents({}) == n_written + 1


def test_a_line_that_is_down_comes_back(things, line):
    there, _ = things
    there.insert_one({"_id": 1})
    line.drop()
    with pytest.raises(ConnectionFailure):
        there.insert_one({"_id": 2})
    line.restore()
    assert there.count_documents({}) == 1


def test_a_line_that_is_cut_in_the_middle_of_a_message(things, line):
    there, direct = things
    there.insert_one({"_id": 0})
    line.cut_after = 1000
    with pytest.raises(ConnectionFailure):
        there.insert_one({"_id": 1, "text": "x" * 5000})
    assert direct.count_documents({}) == 1
    there.insert_one({"_id": 1, "text": "x" * 5000})
    assert direct.count_documents({}) == 2


def test_a_line_is_cut_once_although_the_server_is_slow():
    """What other lines say, while it takes its part of the message, cuts nothing more."""
    size = 32 << 20  # more than a server has room for before it reads
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        database_proxy(server.getsockname()[1]) as line,
        socket.create_connection(("127.0.0.1", line.port)) as client,
    ):
        line.cut_after = size - 1000
        client.sendall(struct.pack("<iiii", size, 1, 0, 2013) + bytes(size - 16))
        end = time.monotonic() + 60.0
        while line.cut_after is not None and time.monotonic() < end:
            time.sleep(0.01)
        assert line.cut_after is None


def test_a_slow_line_is_slow(things, line):
    there, _ = things
    there.insert_one({"_id": 1})
    line.delay_s = 0.2
    begun = time.monotonic()
    there.find_one()
    assert time.monotonic() - begun >= 0.2


def test_heartbeats_of_claims_are_told_from_other_writes(line, archive):
    through = Archive(line.uri, archive.database.name)
    line.rule = lambda command: "cut" if heartbeat_of_claim(command) else "pass"
    claim = acquire(through, "a" * 64, {}, 60)
    assert claim is not None
    with pytest.raises(AutoReconnect):
        heartbeat(through, claim)
    assert release(through, claim, "done")
    assert line.fates == [("update", "cut")]


def test_a_server_that_takes_no_line_leaves_no_client_waiting():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        with (
            database_proxy(nobody.getsockname()[1]) as line,
            socket.create_connection(("127.0.0.1", line.port)) as client,
        ):
            client.settimeout(300.0)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
