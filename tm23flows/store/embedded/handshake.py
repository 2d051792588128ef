"""What a driver asks when it connects, and whether the server lives.

Owns the introduction of the server: limits, version, time. These commands touch no
documents and are answered without waiting for the lock.
"""

from __future__ import annotations

import os

from mongomock_ng import SERVER_VERSION

from tm23flows.store.embedded.clock import utc_now
from tm23flows.store.embedded.host import Command, Host, Reply
from tm23flows.store.embedded.wire import MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES

# MongoDB 7.0; sessions and transactions are not announced, so drivers use none.
_MAX_WIRE_VERSION = 21
_MAX_WRITE_BATCH = 100_000


def hello(_host: Host, _database: str, _command: Command) -> Reply:
    """Introduce the server: a single writable one, without sessions."""
    return {
        "ismaster": True,
        "isWritablePrimary": True,
        "helloOk": True,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
        "maxWriteBatchSize": _MAX_WRITE_BATCH,
        "localTime": utc_now(),
        "minWireVersion": 0,
        "maxWireVersion": _MAX_WIRE_VERSION,
        "readOnly": False,
    }


def ping(_host: Host, _database: str, _command: Command) -> Reply:
    """Answer that the server lives."""
    return {}


def build_info(_host: Host, _database: str, _command: Command) -> Reply:
    """Tell which MongoDB version is imitated."""
    numbers = [int(part) for part in SERVER_VERSION.split(".")]
    return {
        "version": SERVER_VERSION,
        "versionArray": [*numbers, 0],
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "modules": [],
        "tm23flows": True,
    }


def server_status(host: Host, _database: str, _command: Command) -> Reply:
    """Tell process number and age."""
    now = utc_now()
    return {
        "process": "tm23flows embedded database",
        "pid": os.getpid(),
        "version": SERVER_VERSION,
        "uptime": (now - host.started).total_seconds(),
        "localTime": now,
    }
