"""Bytes of the journal file.

Owns the file header with its format version, the framing of records, and the
decision whether a file is whole, ends in a torn record, or is damaged. It does not
know what a record says and never writes.

A record is ``marker, length, checksum, content``; the checksum covers the
position in the file too, so a copy of a record elsewhere is not taken for one. Since
format 2 the content is packed: one byte says how, then follows the payload. Files of
format 1, whose contents are the payloads, are read and go on in their own format.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tm23flows.errors import DatabaseError

VERSION = 2
OLDEST = 1
_MAGIC = b"tm23flows journal "
HEADER = _MAGIC + b"%05d\n" % VERSION
_PLAIN, _DEFLATED = b"\0", b"\1"
_SMALL_BYTES = 256
_LEVEL = 1  # arrays of floats do not shrink more with more effort, and text hardly
_MARKER = b"\xd1\x9c\x23\x4a"
_FRAME = struct.Struct("<4sII")


def frame(payload: bytes, offset: int) -> bytes:
    """Wrap a payload into a record for a place in the file.

    Parameters
    ----------
    payload
        Content of the record.
    offset
        Position at which the record will start, bytes.

    Returns
    -------
        The whole record.
    """
    return _FRAME.pack(_MARKER, len(payload), _checksum(payload, offset)) + payload


def pack(payload: bytes, version: int) -> bytes:
    """Make the content of a record.

    Parameters
    ----------
    payload
        What the record says.
    version
        Format of the file.

    Returns
    -------
        The content, deflated where that makes it shorter.
    """
    if version < VERSION:
        return payload
    if len(payload) > _SMALL_BYTES:
        short = zlib.compress(payload, _LEVEL)
        if len(short) < len(payload):
            return _DEFLATED + short
    return _PLAIN + payload


def unpack(content: bytes, version: int, path: Path) -> bytes:
    """Read the payload in the content of a record.

    Parameters
    ----------
    content
        What :func:`pack` made.
    version
        Format of the file.
    path
        Its name, for messages.

    Returns
    -------
        The payload.

    Raises
    ------
    DatabaseError
        When it is packed in a way that is not known here.
    """
    if version < VERSION:
        return content
    if content[:1] == _DEFLATED:
        return zlib.decompress(memoryview(content)[1:])
    if content[:1] == _PLAIN:
        return content[1:]
    raise DatabaseError(
        f"{path} holds a record that this version of tm23flows cannot unpack; "
        "use the tm23flows that wrote it."
    )


def check_header(data: bytes | memoryview, path: Path) -> int:
    """Decide whether a file is a journal that can be read here.

    Parameters
    ----------
    data
        The file's bytes.
    path
        Its name, for messages.

    Returns
    -------
        Format of the journal; 0 when the file ends within its header.

    Raises
    ------
    DatabaseError
        When it is of another version or no journal at all.
    """
    start = bytes(data[: len(HEADER)])
    for version in range(OLDEST, VERSION + 1):
        if start == _MAGIC + b"%05d\n" % version:
            return version
    if HEADER.startswith(start):
        return 0
    if start.startswith(_MAGIC):
        written = start[len(_MAGIC) :].decode("ascii", "replace").strip().lstrip("0")
        raise DatabaseError(
            f"{path} was written in journal format {written} and this version of tm23flows "
            f"reads formats {OLDEST} to {VERSION}; use the tm23flows that wrote it, or another "
            "--path."
        )
    raise DatabaseError(
        f"{path} is not a journal of tm23flows; move it away or use another --path."
    )


class Scan:
    """Walk over the records of a journal; knows afterwards where the good part ends."""

    def __init__(self, data: bytes | memoryview, path: Path) -> None:
        self._data = data
        self._path = path
        self.end = len(HEADER)

    def __iter__(self) -> Iterator[bytes]:
        """Yield payloads up to the end or to a torn tail; raise on damage before it."""
        size = len(self._data)
        while self.end < size:
            payload = self._payload_at(self.end)
            if payload is None:
                self._require_torn_tail()
                return
            yield payload
            self.end += _FRAME.size + len(payload)

    def _payload_at(self, offset: int) -> bytes | None:
        start = offset + _FRAME.size
        if start > len(self._data):
            return None
        marker, length, checksum = _FRAME.unpack_from(self._data, offset)
        if marker != _MARKER or start + length > len(self._data):
            return None
        payload = bytes(self._data[start : start + length])
        return payload if _checksum(payload, offset) == checksum else None

    def _require_torn_tail(self) -> None:
        """Refuse the file when a whole record follows the broken one."""
        rest = bytes(self._data[self.end + 1 :])
        found = rest.find(_MARKER)
        while found >= 0:
            if self._payload_at(self.end + 1 + found) is not None:
                raise DatabaseError(
                    f"{self._path} is damaged at byte {self.end}, before its last record, and was "
                    "left as it is; restore it from a copy, or use another --path."
                )
            found = rest.find(_MARKER, found + 1)


def _checksum(payload: bytes, offset: int) -> int:
    return zlib.crc32(payload, zlib.crc32(offset.to_bytes(8, "little")))
