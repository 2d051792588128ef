"""The bytes of a vasprun.xml, plain or compressed, piece by piece.

Owns decompression, and the refusal of files that are something else or bring their own
document type: what a DTD can do to a reader has no use here. It knows nothing of steps.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from tm23flows.errors import InputError

CHUNK_BYTES = 1 << 18
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_GZIP_MAGIC = b"\x1f\x8b"
_ROOT = b"<modeling"
_PROLOG_BYTES = 1 << 12
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)""")
_ENCODINGS = (b"iso-8859-1", b"utf-8", b"us-ascii", b"ascii")

BOMB_BYTES, BOMB_RATIO = 1 << 26, 400
"""What unpacks to more than the first and to so many times its size is no output of VASP: text of
numbers reaches 10, and the most that gzip can do is 1000."""


def first_bytes(path: Path) -> bytes:
    """Read the bytes that tell what kind of file this is.

    Parameters
    ----------
    path
        Any file.

    Returns
    -------
    The first eight bytes, fewer if there are no more.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(HDF5_MAGIC))
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def read_chunks(path: Path) -> Iterator[bytes]:
    """Read a vasprun.xml from its beginning to wherever it ends.

    A compressed file that was cut gives all that can be decompressed.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed with gzip, whatever its name.

    Yields
    ------
    Pieces of about 256 KiB.

    Raises
    ------
    InputError
        If this is no vasprun.xml, has a document type or an encoding that could hide one, is
        damaged where it is compressed, or unpacks to far more than VASP writes.
    """
    compressed = first_bytes(path).startswith(_GZIP_MAGIC)
    library = _gzip_library()
    try:
        with path.open("rb", buffering=0) as file:
            pieces = (
                _not_too_dense(_inflate(file, lambda: library.decompressobj(wbits=31)), path)
                if compressed
                else iter(lambda: file.read(CHUNK_BYTES), b"")
            )
            head = b""
            for piece in pieces:
                head += piece
                if len(head) >= _PROLOG_BYTES:
                    break
            _check_prolog(head, path.name)
            yield head
            del head
            yield from pieces
    except library.error as error:
        raise InputError(f"{path.name} is damaged: it cannot be decompressed.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _inflate(file: BinaryIO, new_inflater: Callable[[], Any]) -> Iterator[bytes]:
    """Decompress, member after member, never more than one piece at a time."""
    packed, inflater = b"", new_inflater()
    while packed := packed or file.read(CHUNK_BYTES // 4):
        if inflater.eof:
            packed = packed.lstrip(b"\0")  # what some writers fill the last block with
            inflater = new_inflater()
            continue
        if piece := inflater.decompress(packed, CHUNK_BYTES):
            yield piece
        packed = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    # Of a cut file something may be left inside.
    if not inflater.eof and (piece := inflater.flush()):
        yield piece


def _not_too_dense(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    limit, done = max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size), 0
    for piece in pieces:
        done += len(piece)
        if done > limit:
            raise InputError(f"{path.name} unpacks to far more than VASP writes; it is not read.")
        yield piece


def _gzip_library() -> ModuleType:
    """Return isal where it is installed, which is faster, and the standard library else."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


def _check_prolog(head: bytes, name: str) -> None:
    prolog, root, _ = head[:_PROLOG_BYTES].partition(_ROOT)
    if not root:
        raise InputError(f"{name} is no vasprun.xml; its content does not begin with <modeling>.")
    if b"<!" in prolog:
        raise InputError(
            f"{name} has a document type or comments before its content, which VASP never "
            "writes; it is not read."
        )
    declared = _ENCODING.search(prolog)
    if declared and declared[1].lower() not in _ENCODINGS:
        # In some encodings these bytes are other characters, and a document type is not seen.
        raise InputError(f"{name} has an encoding that VASP never writes; it is not read.")
