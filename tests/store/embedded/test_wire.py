import contextlib
import socket
import struct
import threading

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.store.embedded.wire import ProtocolError, Request, ask, pack_reply, read_request


def over_socket(data: bytes):
    """What the reader makes of these bytes followed by the end of the stream."""
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=lambda: (left.sendall(data), left.close()))
        sender.start()
        try:
            return read_request(right)
        finally:
            right.close()
            sender.join()


def message(sections: bytes, flags: int = 0, opcode: int = 2013) -> bytes:
    body = struct.pack("<I", flags) + sections
    return struct.pack("<iiii", 16 + len(body), 7, 0, opcode) + body


def sequence(name: str, documents: list[dict]) -> bytes:
    payload = name.encode() + b"\0" + b"".join(map(bson.encode, documents))
    return b"\x01" + struct.pack("<i", 4 + len(payload)) + payload


COMMAND = b"\0" + bson.encode({"insert": "a", "$db": "d"})


def test_document_sequences_become_fields_of_the_command():
    request = over_socket(message(COMMAND + sequence("documents", [{"x": 1}, {"x": 2}])))
    assert request.command == {"insert": "a", "$db": "d", "documents": [{"x": 1}, {"x": 2}]}
    assert request.wants_reply


def test_sequences_may_come_before_the_command():
    request = over_socket(message(sequence("documents", [{"x": 1}]) + COMMAND))
    assert request.command["documents"] == [{"x": 1}]


def test_a_checksum_is_skipped_and_no_reply_is_wanted_when_more_comes():
    request = over_socket(message(COMMAND + b"\1\2\3\4", flags=1 | 2))
    assert request.command["insert"] == "a"
    assert not request.wants_reply


def test_legacy_query_opens_a_connection():
    body = b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson.encode({"isMaster": 1})
    request = over_socket(message(body, opcode=2004))
    assert request.legacy
    assert request.command == {"isMaster": 1, "$db": "admin"}
    reply = pack_reply(request, {"ok": 1.0})
    assert struct.unpack_from("<iiii", reply)[2:] == (7, 1)
    assert bson.decode(reply[36:]) == {"ok": 1.0}


def test_the_reply_names_its_request():
    reply = pack_reply(Request(41, {}), {"ok": 1.0})
    assert struct.unpack_from("<iiii", reply) == (len(reply), 0, 41, 2013)


def test_end_of_stream():
    assert over_socket(b"") is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        struct.pack("<iiii", 2**31 - 1, 1, 0, 2013),
        struct.pack("<iiii", 16, 1, 0, 2013),
        message(b""),
        message(COMMAND, opcode=2001),
        message(b"\x05" + COMMAND[1:]),
        message(b"\0" + struct.pack("<i", 10_000)),
        message(b"\0\xff\0\0\0\2"),
    ],
)
def test_garbage_is_refused(data):
    with pytest.raises(ProtocolError):
        over_socket(data)


@given(st.binary(max_size=80))
def test_no_bytes_do_anything_worse_than_a_protocol_error(data):
    with contextlib.suppress(ProtocolError):
        over_socket(message(data))


def test_ask_a_running_server(server):
    assert ask(server.port, {"ping": 1})["ok"] == 1.0


def test_a_client_that_sends_garbage_harms_nobody(server, db):
    with socket.create_connection(("127.0.0.1", server.port)) as bad:
        bad.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"\0" * 64)
        assert bad.recv(10) == b""
    assert db.command("ping")["ok"] == 1.0
