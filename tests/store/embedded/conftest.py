"""An engine without a socket for single commands, and one real server for all socket tests."""

import bson
import pymongo
import pytest

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.commands import execute
from tm23flows.store.embedded.engine import Engine
from tm23flows.store.embedded.host import Host
from tm23flows.testing.database import local_database


@pytest.fixture
def run():
    """Run one command against an empty database in memory."""
    host = Host(Engine(Catalog()))

    def run_command(**command):
        reply = execute(host, {**command, "$db": "test"})
        return bson.decode(bson.encode(reply))  # as it reaches a client

    run_command.host = host
    return run_command


@pytest.fixture(scope="session")
def server():
    with local_database() as info:
        yield info


@pytest.fixture
def client(server):
    with pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=5000) as client:
        for name in client.list_database_names():
            client.drop_database(name)
        yield client


@pytest.fixture
def db(client):
    return client["test"]
