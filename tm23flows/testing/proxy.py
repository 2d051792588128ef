"""A bad line to the database, for tests of ours and of users.

Owns a TCP proxy between clients and a MongoDB (or the embedded database), which loses, delays
and cuts what goes through it. It reads the messages of clients, so that a test can choose which.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Literal

Command = dict[str, Any]

Fate = Literal["pass", "cut", "lose_answer", "half_close", "not_primary"]
"""What becomes of a command: it passes; the line is cut before the server has it; the server
has it and the answer is lost; the client may say nothing more and is told nothing; the server
says that it is no primary any more."""

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_MORE_TO_COME = 2
NOT_PRIMARY = {"ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary"}


def passes(command: Command) -> Fate:
    """Let everything pass."""
    del command
    return "pass"


class Proxy:
    """The line, while it is open; made by :func:`database_proxy`.

    Parameters
    ----------
    port
        Port of the server on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._lines: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.is_down = False
        """Whether new connections are cut at once."""
        self.delay_s = 0.0
        """Every command is held for so long."""
        self.cut_after: int | None = None
        """Bytes from clients after which all lines are cut, once."""
        self.rule: Callable[[Command], Fate] = passes
        """What becomes of a command; it is asked in another thread."""
        self.fates: list[tuple[str, Fate]] = []
        """Names of commands that did not pass, and what became of them."""

    @property
    def uri(self) -> str:
        """URI of the database through this line."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def drop(self) -> None:
        """Cut all lines, and take no new ones until :meth:`restore`."""
        self.is_down = True
        self._call(self._close_all)

    def restore(self) -> None:
        """Let everything pass again."""
        self.is_down, self.delay_s, self.cut_after, self.rule = False, 0.0, None, passes

    def start(self) -> None:
        """Open the line, in a thread of its own."""
        ready = threading.Event()
        serve = partial(self._loop.run_until_complete, self._serve(ready))
        self._thread = threading.Thread(target=serve, daemon=True, name="proxy")
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Close everything."""
        self._call(self._over.set)
        self._thread.join()
        # Lines that were cut end by themselves; one that is held for a while is not waited for.
        if left := asyncio.all_tasks(self._loop):
            _, held = self._loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            for task in held:
                task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _call(self, what: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (what(), done.set()))
        done.wait()

    def _close_all(self) -> None:
        for line in self._lines:
            line.transport.abort()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._open, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._over.wait()
        server.close()
        self._close_all()

    async def _open(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.is_down:
            client.transport.abort()
            return
        # a line that breaks is what this is for
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                answers, server = await asyncio.open_connection("127.0.0.1", self._server_port)
                self._lines |= {client, server}
                try:
                    if self.is_down:  # meanwhile
                        return
                    await self._talk(reader, client, answers, server)
                finally:
                    self._lines -= {client, server}
                    server.transport.abort()
        finally:
            # also where the server did not take the line: a client must not wait for it
            client.transport.abort()

    async def _talk(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        while True:
            message = await _read_message(reader)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if await self._is_cut_in(message, server):
                return
            command, is_asked = _decode(message)
            fate = self.rule(command) if command else "pass"
            if fate != "pass":
                self.fates.append((next(iter(command)), fate))
            if fate == "not_primary":
                client.write(_answer(message, NOT_PRIMARY))
            elif fate == "cut":
                return
            else:
                server.write(message)
                if fate == "half_close":
                    client.write_eof()
                answer = await _read_message(answers) if is_asked else b""
                if fate != "pass":
                    return
                client.write(answer)
            await client.drain()

    async def _is_cut_in(self, message: bytes, server: asyncio.StreamWriter) -> bool:
        """Cut all lines, when the time has come; the server gets the beginning of the message."""
        if self.cut_after is None:
            return False
        self.cut_after -= len(message)
        if self.cut_after > 0:
            return False
        kept, self.cut_after = message[: self.cut_after - 1], None  # not again by another line
        server.write(kept)
        await server.drain()
        self._close_all()
        return True


@contextmanager
def database_proxy(port: int) -> Iterator[Proxy]:
    """Have a line to a database while the block lasts.

    Parameters
    ----------
    port
        Port of the server on 127.0.0.1.

    Yields
    ------
    The line; its attributes are set to make it bad, while it is used.
    """
    proxy = Proxy(port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def heartbeat_of_claim(command: Command) -> bool:
    """Say whether a command is nothing but the heartbeat of a claim.

    Parameters
    ----------
    command
        The command.

    Returns
    -------
    Whether it is.
    """
    if command.get("update") != "claims":
        return False
    return all(set(one["u"]) == {"$currentDate"} for one in command.get("updates", ()))


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(_HEADER.size)
    return head + await reader.readexactly(_HEADER.unpack(head)[0] - _HEADER.size)


def _decode(message: bytes) -> tuple[Command, bool]:
    """Return the command of a message, {} if it is of another kind, and whether it is answered."""
    import bson

    if _HEADER.unpack_from(message)[3] != _OP_MSG:
        return {}, True
    (flags,) = struct.unpack_from("<I", message, _HEADER.size)
    command: Command = {}
    at, end = _HEADER.size + 4, len(message) - (4 if flags & 1 else 0)
    while at < end:
        kind, at = message[at], at + 1
        (size,) = struct.unpack_from("<i", message, at)
        if kind == 0:
            command = {**bson.decode(message[at : at + size]), **command}
        else:
            name, _, documents = message[at + 4 : at + size].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        at += size
    named = next((key for key in command if key not in {"documents", "updates", "deletes"}), "")
    return {named: command.get(named), **command}, not flags & _MORE_TO_COME


def _answer(message: bytes, document: Command) -> bytes:
    import bson

    body = struct.pack("<I", 0) + b"\0" + bson.encode(document)
    asked = _HEADER.unpack_from(message)[1]
    return _HEADER.pack(_HEADER.size + len(body), 0, asked, _OP_MSG) + body
