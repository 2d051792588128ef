"""Members of a dump, one after the other, taken from a compressed stream without trusting it.

Owns the container: a tar file in the old, plain layout (ustar) of ordinary files alone, packed by
xz. Reading never goes back, holds one piece at a time, and gives up on links, on other kinds of
entries and on what unpacks to far more than it may. What members mean is in
:mod:`tm23flows.store.exchange.dump_file`.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tm23flows.errors import InputError
from tm23flows.store.exchange.members import CHUNK, MAX_RATIO

MAGIC = b"\xfd7zXZ\x00"
PRESET = 6
"""Of xz: 94 MB of memory to pack and 9 MB to unpack; higher ones gain a percent on arrays."""

MAX_UNPACKING_BYTES = 100_000_000
"""Memory that unpacking may ask for."""

BLOCK = tarfile.BLOCKSIZE


class Member:
    """One member: its name, its length, and its bytes, which can be read once.

    Parameters
    ----------
    name
        Its name.
    size
        Its length in bytes.
    stream
        The unpacked stream, which is at its first byte.
    """

    def __init__(self, name: str, size: int, stream: IO[bytes]) -> None:
        self.name = name
        self.size = size
        self._stream = stream
        self._left = size
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Checksum of what was read of it so far."""
        return self._digest.hexdigest()

    def read(self, count: int) -> bytes:
        """Read the next bytes.

        Parameters
        ----------
        count
            How many, at most.

        Returns
        -------
        The bytes; none at the end of the member.

        Raises
        ------
        InputError
            If the file ends before the member does.
        """
        wanted = min(count, self._left)
        data = self._stream.read(wanted)
        if len(data) != wanted:
            raise InputError(f"The file ends in the middle of {self.name}: get it again.")
        self._left -= wanted
        self._digest.update(data)
        return data

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left, piece by piece."""
        while piece := self.read(CHUNK):
            yield piece


def iterate_members(path: Path) -> Iterator[Member]:
    """Read the members of a dump in their order.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    Members. What is not read of one is passed over when the next is asked for.

    Raises
    ------
    InputError
        If it is no such file, is damaged, or a member is not what it may be.
    """
    try:
        with path.open("rb") as file, io.BufferedReader(_Unpacked(path, file), CHUNK) as stream:
            while (header := stream.read(BLOCK)).strip(b"\0"):
                entry = tarfile.TarInfo.frombuf(header, "ascii", "strict")
                if entry.type != tarfile.REGTYPE:
                    raise InputError(f"{path.name}: {entry.name!r} is no plain file.")
                if entry.size < 0:
                    raise InputError(f"{path.name}: {entry.name!r} has no length.")
                member = Member(entry.name, entry.size, stream)
                yield member
                for _ in member.pieces():
                    pass
                stream.read(-entry.size % BLOCK)
            if len(header) != BLOCK:
                raise InputError(f"{path.name} ends too early: get it again.")
            while rest := stream.read(CHUNK):  # to its end, where xz has its own checksum
                if rest.strip(b"\0"):
                    raise InputError(f"{path.name} goes on after its last member.")
    except (tarfile.TarError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path.name} is no dump, or damaged: {error}.") from error


@contextmanager
def member_writer(path: Path) -> Iterator[Writer]:
    """Write members into a file, the same bytes for the same members.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    What takes them.
    """
    with (
        lzma.open(path, "wb", preset=PRESET, check=lzma.CHECK_CRC64) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        yield Writer(tar)


class Writer:
    """Takes the members of a dump.

    Parameters
    ----------
    tar
        Where they go.
    """

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        """Write a member; neither times nor owners are in it.

        Parameters
        ----------
        name
            Its name, at most 100 bytes of ASCII.
        size
            Its length.
        content
            At least so many bytes.
        """
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o644
        self._tar.addfile(entry, content)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Write a member whose bytes are at hand."""
        self.add(name, len(data), io.BytesIO(data))


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a file, as many as are asked for, with a limit to all and to memory."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._name = path.name
        self._file = file
        self._limit = max(CHUNK, MAX_RATIO * path.stat().st_size)
        self._unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_UNPACKING_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = b""
        try:
            while not data and not self._unpacker.eof:
                packed = self._file.read(CHUNK) if self._unpacker.needs_input else b""
                if self._unpacker.needs_input and not packed:
                    raise InputError(f"{self._name} ends too early: get it again.")
                data = self._unpacker.decompress(packed, len(buffer))
        except (lzma.LZMAError, OSError) as error:
            raise InputError(f"{self._name} is no dump, or damaged: {error}.") from error
        if not data and (self._unpacker.unused_data or self._file.read(1)):
            raise InputError(f"{self._name} goes on after its end: it is no dump of an archive.")
        self._limit -= len(data)
        if self._limit < 0:
            raise InputError(f"{self._name} unpacks to far more than it may.")
        buffer[: len(data)] = data
        return len(data)
