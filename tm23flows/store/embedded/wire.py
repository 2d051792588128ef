"""The MongoDB wire protocol, as far as current drivers speak it to one server.

Owns the framing of messages: reading OP_MSG (and the OP_QUERY with which a
driver opens a connection) from a socket into a command, and packing replies.
It does not know what any command means.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

# Dates outside Python's range stay readable instead of making a document unreadable.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_MESSAGE_BYTES = 48_000_000

_HEADER = struct.Struct("<iiii")
_INT = struct.Struct("<i")
_UINT = struct.Struct("<I")
_OP_REPLY = 1
_OP_QUERY = 2004
_OP_MSG = 2013
_CHECKSUM_PRESENT = 1
_MORE_TO_COME = 2
# A message may exceed the announced limit by its own framing.
_MESSAGE_CEILING = MAX_MESSAGE_BYTES + MAX_DOCUMENT_BYTES


class ProtocolError(Exception):
    """The peer sent something that is not a message we understand."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command as it came from the socket."""

    request_id: int
    command: dict[str, Any]
    wants_reply: bool = True
    legacy: bool = False


def read_request(connection: socket.socket) -> Request | None:
    """Read one message; None when the peer has closed the connection.

    Parameters
    ----------
    connection
        Connected stream socket.

    Returns
    -------
        The request, or None at the end of the stream.

    Raises
    ------
    ProtocolError
        When the bytes are no known message.
    """
    header = _receive(connection, _HEADER.size)
    if header is None:
        return None
    length, request_id, _, opcode = _HEADER.unpack(header)
    if not _HEADER.size < length <= _MESSAGE_CEILING:
        raise ProtocolError(f"message length {length} is out of range")
    body = _receive(connection, length - _HEADER.size)
    if body is None:
        return None
    try:
        if opcode == _OP_MSG:
            return _parse_message(request_id, body)
        if opcode == _OP_QUERY:
            return _parse_query(request_id, body)
    except (bson.errors.BSONError, struct.error, ValueError, IndexError) as error:
        raise ProtocolError(f"malformed message: {error}") from error
    raise ProtocolError(f"unknown operation code {opcode}")


def pack_reply(request: Request, reply: dict[str, Any]) -> bytes:
    """Frame a reply in the form in which its request came.

    Parameters
    ----------
    request
        The request that is answered.
    reply
        Body of the answer.

    Returns
    -------
        Bytes to send.
    """
    payload = bson.encode(reply, codec_options=CODEC)
    if request.legacy:
        body = struct.pack("<iqii", 8, 0, 0, 1) + payload
        opcode = _OP_REPLY
    else:
        body = struct.pack("<Ib", 0, 0) + payload
        opcode = _OP_MSG
    return _HEADER.pack(_HEADER.size + len(body), 0, request.request_id, opcode) + body


def ask(port: int, command: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one command to a server on this machine and return its answer.

    Parameters
    ----------
    port
        TCP port on 127.0.0.1.
    command
        Command document without ``$db``; it goes to ``admin``.
    timeout_s
        Limit for each step on the socket, s.

    Returns
    -------
        The reply.

    Raises
    ------
    OSError
        When nobody answers in time.
    ProtocolError
        When the answer is not of this protocol.
    """
    body = struct.pack("<Ib", 0, 0) + bson.encode({**command, "$db": "admin"})
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        answer = read_request(connection)
    if answer is None:
        raise ProtocolError("the connection was closed without an answer")
    return answer.command


def _receive(connection: socket.socket, size: int) -> bytes | None:
    """Read exactly size bytes; None when the stream ends before."""
    buffer = bytearray(size)
    view = memoryview(buffer)
    received = 0
    while received < size:
        count = connection.recv_into(view[received:])
        if count == 0:
            return None
        received += count
    return bytes(buffer)


def _parse_message(request_id: int, body: bytes) -> Request:
    """Parse an OP_MSG body: one command section and any document sequences."""
    (flags,) = _UINT.unpack_from(body)
    end = len(body) - (4 if flags & _CHECKSUM_PRESENT else 0)
    command: dict[str, Any] = {}
    sequences: dict[str, list[dict[str, Any]]] = {}
    position = 4
    while position < end:
        kind = body[position]
        position += 1
        (size,) = _INT.unpack_from(body, position)
        if size < 5 or position + size > end:
            raise ProtocolError("a section runs past the end of its message")
        section = body[position : position + size]
        position += size
        if kind == 0:
            command = bson.decode(section, CODEC)
        elif kind == 1:
            name_end = section.index(b"\0", 4)
            name = section[4:name_end].decode()
            sequences[name] = bson.decode_all(section[name_end + 1 :], CODEC)
        else:
            raise ProtocolError(f"unknown section kind {kind}")
    if not command:
        raise ProtocolError("the message holds no command")
    command.update(sequences)
    return Request(request_id, command, wants_reply=not flags & _MORE_TO_COME)


def _parse_query(request_id: int, body: bytes) -> Request:
    """Parse the legacy OP_QUERY that opens a connection."""
    name_end = body.index(b"\0", 4)
    namespace = body[4:name_end].decode()
    start = name_end + 1 + 8
    (size,) = _INT.unpack_from(body, start)
    command = bson.decode(body[start : start + size], CODEC)
    command.setdefault("$db", namespace.partition(".")[0])
    return Request(request_id, command, legacy=True)
