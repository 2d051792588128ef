"""The server process: sockets, one lock, and the journal behind the replies.

Owns accepting connections, the order "run, journal, force to disk, reply", and
stopping cleanly. One thread serves each connection and one lock makes every command
atomic. It offers no authentication and therefore listens on loopback only.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import socketserver
import threading
from pathlib import Path

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded import replay
from tm23flows.store.embedded.commands import WITHOUT_LOCK, execute
from tm23flows.store.embedded.engine import Engine
from tm23flows.store.embedded.host import Command, Host, Reply
from tm23flows.store.embedded.journal import Journal
from tm23flows.store.embedded.wire import ProtocolError, Request, pack_reply, read_request

_log = logging.getLogger(__name__)
_SHUTTING_DOWN = 91
_POLL_S = 0.05


class DatabaseServer:
    """A database in a folder, served on a port of this machine.

    Parameters
    ----------
    directory
        Folder with the journal.
    port
        TCP port; 0 takes any free one.
    host
        Loopback address to listen on.
    fsync
        Whether a write is on the disk before it is acknowledged.
    """

    def __init__(
        self, directory: Path, port: int, host: str = "127.0.0.1", *, fsync: bool = True
    ) -> None:
        require_loopback(host)
        self._journal = Journal(directory, fsync=fsync)
        try:
            self._socket_server = _listen(self, host, port)
            self._host = Host(Engine(replay.load(self._journal)))
        except BaseException:
            self._journal.close()
            raise
        self._lock = threading.Lock()
        self._closed = False
        self.stopping = threading.Event()
        self.failure: str | None = None
        if self._journal.dropped_bytes:
            _log.warning("dropped a torn tail of %d bytes", self._journal.dropped_bytes)

    @property
    def port(self) -> int:
        """TCP port on which the server listens."""
        return self._socket_server.server_address[1]

    def serve(self) -> None:
        """Answer until `stopping` is set, then flush and close everything."""
        acceptor = threading.Thread(
            target=self._socket_server.serve_forever, args=(_POLL_S,), daemon=True
        )
        acceptor.start()
        self.stopping.wait()
        self._socket_server.shutdown()
        self._socket_server.server_close()
        with self._lock:
            self._closed = True
            self._journal.close()

    def answer(self, command: Command) -> Reply:
        """Run a command; when this returns, its changes are as safe as promised."""
        if next(iter(command)).lower() in WITHOUT_LOCK:
            return execute(self._host, command)
        try:
            with self._lock:
                if self._closed or self.failure:
                    return _refusal(self.failure or "The database is shutting down.")
                reply = execute(self._host, command)
                operations = self._host.catalog.changes.take()
                ticket = self._journal.append(operations) if operations else 0
                if ticket:
                    replay.compact_if_grown(self._journal, self._host.catalog)
            if ticket:
                self._journal.sync(ticket)
        except OSError as error:
            return self._give_up(error)
        return reply

    def _give_up(self, error: OSError) -> Reply:
        """Stop for good: memory and journal may differ now, only a restart heals that."""
        self.failure = (
            f"The journal {self._journal.path} cannot be written ({error.strerror or error}); "
            "make room or repair the disk, then run `tm23 db start` again."
        )
        _log.error("%s", self.failure)
        self.stopping.set()
        return _refusal(self.failure)


def require_loopback(host: str) -> None:
    """Refuse any address that other machines could reach.

    Parameters
    ----------
    host
        Address or name to listen on.

    Raises
    ------
    DatabaseError
        When it is not a loopback address.
    """
    try:
        allowed = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise DatabaseError(
            f"The embedded database has no passwords and listens on loopback only, not on {host}; "
            "use 127.0.0.1 here, or a MongoDB for several machines."
        )


class _Connection(socketserver.BaseRequestHandler):
    """One client connection."""

    server: _SocketServer

    def handle(self) -> None:
        """Answer messages until the client leaves."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (request := read_request(self.request)) is not None:
                self._handle_one(request)
        except ProtocolError as error:
            _log.warning("closed a connection: %s", error)
        except OSError as error:
            _log.info("lost a connection: %s", error)

    def _handle_one(self, request: Request) -> None:
        reply = self.server.database.answer(request.command)
        if request.wants_reply:
            self.request.sendall(pack_reply(request, reply))


class _SocketServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, database: DatabaseServer, address: tuple[str, int]) -> None:
        self.database = database
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Connection)


def _listen(database: DatabaseServer, host: str, port: int) -> _SocketServer:
    try:
        return _SocketServer(database, (host, port))
    except OSError as error:
        raise DatabaseError(
            f"Port {port} on {host} cannot be used ({error.strerror}); another program has "
            "probably taken it, choose another one with --port."
        ) from error


def _refusal(message: str) -> Reply:
    return {"ok": 0.0, "errmsg": message, "code": _SHUTTING_DOWN}
