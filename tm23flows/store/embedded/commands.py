"""One command in, one reply out.

Owns the list of commands the server knows and the common course of each: resolve
the time, run the handler, turn failures into error replies. It is called under the
server's lock; journalling comes after it, in `server.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from pymongo.errors import PyMongoError

from tm23flows.store.embedded import admin, handshake, index_commands, reads, writes
from tm23flows.store.embedded.clock import resolve_times, utc_now
from tm23flows.store.embedded.failures import ENGINE_ERRORS, describe
from tm23flows.store.embedded.host import Command, Host, Reply

_log = logging.getLogger(__name__)
_COMMAND_NOT_FOUND = 59
_ILLEGAL_OPERATION = 20

# They touch no documents, so a client need not wait for a long query to hear them.
WITHOUT_LOCK = frozenset({"hello", "ismaster", "ping", "buildinfo", "serverstatus"})

Handler = Callable[[Host, str, Command], Reply]

HANDLERS: dict[str, Handler] = {
    "hello": handshake.hello,
    "ismaster": handshake.hello,
    "ping": handshake.ping,
    "endsessions": handshake.ping,
    "buildinfo": handshake.build_info,
    "serverstatus": handshake.server_status,
    "listdatabases": admin.list_databases,
    "dropdatabase": admin.drop_database,
    "listcollections": admin.list_collections,
    "create": admin.create,
    "drop": admin.drop,
    "renamecollection": admin.rename_collection,
    "createindexes": index_commands.create_indexes,
    "listindexes": index_commands.list_indexes,
    "dropindexes": index_commands.drop_indexes,
    "deleteindexes": index_commands.drop_indexes,
    "collstats": admin.collection_stats,
    "dbstats": admin.database_stats,
    "find": reads.find,
    "getmore": reads.get_more,
    "killcursors": reads.kill_cursors,
    "count": reads.count,
    "distinct": reads.distinct,
    "aggregate": reads.aggregate,
    "insert": writes.insert,
    "update": writes.update,
    "delete": writes.delete,
    "findandmodify": writes.find_and_modify,
}


def execute(host: Host, command: Command) -> Reply:
    """Run one command.

    Parameters
    ----------
    host
        Engine and cursors; nobody else may use them meanwhile.
    command
        The command with its ``$db``; it is changed in place.

    Returns
    -------
        The reply, with ``ok`` 1 or 0.
    """
    name = next(iter(command))
    handler = HANDLERS.get(name.lower())
    if handler is None:
        message = f"no such command: '{name}'"
        return {"ok": 0.0, "errmsg": message, "code": _COMMAND_NOT_FOUND}
    if "autocommit" in command:
        message = "transactions are not available in the embedded database"
        return {"ok": 0.0, "errmsg": message, "code": _ILLEGAL_OPERATION}
    try:
        resolve_times(command, utc_now())
        return {**handler(host, command.get("$db", "admin"), command), "ok": 1.0}
    except PyMongoError as error:
        return {"ok": 0.0, **describe(error)}
    except ENGINE_ERRORS as error:
        _log.warning("command %s failed in the engine", name, exc_info=True)
        return {"ok": 0.0, **describe(error)}
