"""Members of foreign zip and tar files, taken out without trusting them.

Owns the refusals: names that leave the folder, links, devices, members that unpack to more than
they may. Nothing is unpacked by the archive's own methods.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from tm23flows.errors import InputError

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 1_000_000_000
MAX_BYTES = 20_000_000_000
MAX_RATIO = 500
"""Unpacked over packed size; text of numbers reaches 10, a bomb thousands."""

CHUNK = 1 << 20

BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError)


def take_out(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> dict[str, Path]:
    """Unpack some members of an archive into a folder.

    Every member is looked at before the first is unpacked, also the ones that are not wanted.

    Parameters
    ----------
    archive
        A zip or tar file, the latter plain or compressed.
    folder
        An existing folder; members keep their paths below it.
    wanted
        Says by its name whether a member is wanted.

    Returns
    -------
    Where the wanted members are, by their names.

    Raises
    ------
    InputError
        If it is no such archive, is damaged, or a member is not what it may be.
    """
    found: dict[str, Path] = {}
    total = 0
    try:
        for name, stream, packed in _members(archive):
            if not wanted(name):
                continue
            path = folder / name
            if name in found:
                raise InputError(f"{archive.name} holds {name} twice.")
            path.parent.mkdir(parents=True, exist_ok=True)
            total += _copy(archive.name, name, stream, path, packed)
            if total > MAX_BYTES:
                raise InputError(f"{archive.name} unpacks to more than {MAX_BYTES} bytes.")
            found[name] = path
    except BROKEN as error:
        raise InputError(f"{archive.name} is no readable zip or tar file: {error}.") from error
    return found


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes], int | None]]:
    """Yield name, content and packed size of the files of an archive."""
    if not archive.is_file():
        raise InputError(f"There is no file {archive}.")
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    else:
        yield from _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[tuple[str, IO[bytes], int | None]]:
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        _check_count(archive.name, len(entries))
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{archive.name}: {entry.filename!r} is a link or no plain file.")
            if entry.flag_bits & 1:
                raise InputError(f"{archive.name}: {entry.filename!r} is encrypted.")
            _check_member(archive.name, entry.filename, entry.file_size)
        for entry in entries:
            if not entry.is_dir():
                with packed.open(entry) as stream:
                    yield entry.filename, stream, entry.compress_size


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes], int | None]]:
    limit, total = max(CHUNK, MAX_RATIO * archive.stat().st_size), 0
    with tarfile.open(archive) as packed:
        entries = []
        for entry in packed:
            entries.append(entry)
            total += entry.size
            if total > limit:  # to find the next entry, this one would be unpacked
                raise InputError(f"{archive.name}: {entry.name!r} unpacks to far more than it may.")
            _check_count(archive.name, len(entries))
            if not (entry.isreg() or entry.isdir()):
                raise InputError(f"{archive.name}: {entry.name!r} is a link or no plain file.")
            _check_member(archive.name, entry.name, entry.size)
        for entry in entries:
            stream = packed.extractfile(entry) if entry.isreg() else None
            if stream is not None:
                yield entry.name, stream, None


def _check_count(archive: str, count: int) -> None:
    if count > MAX_MEMBERS:
        raise InputError(f"{archive} has more than {MAX_MEMBERS} members.")


def _check_member(archive: str, name: str, size: int) -> None:
    path = PurePosixPath(name)
    strange = "\\" in name or "\0" in name or ":" in name or name.startswith("~")
    if not name or strange or path.is_absolute() or ".." in path.parts:
        raise InputError(f"{archive}: the name {name!r} leads out of the folder.")
    if size > MAX_MEMBER_BYTES:
        raise InputError(f"{archive}: {name!r} has {size} bytes, more than {MAX_MEMBER_BYTES}.")


def _copy(archive: str, name: str, stream: IO[bytes], path: Path, packed: int | None) -> int:
    """Copy a member; what it really unpacks to counts, not what it says."""
    written = 0
    with path.open("xb") as file:
        while chunk := stream.read(CHUNK):
            written += len(chunk)
            too_dense = packed is not None and written > CHUNK and written > MAX_RATIO * packed
            if written > MAX_MEMBER_BYTES or too_dense:
                raise InputError(f"{archive}: {name!r} unpacks to far more than it may.")
            file.write(chunk)
    return written
