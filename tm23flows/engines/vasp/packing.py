"""Packing the run folders of a finished batch into one checked file.

Owns what goes into the pack and the order that loses nothing: write beside, read
back and compare, rename, only then delete. PAW datasets are licensed and stay out,
wave functions and densities are large and can be computed again.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from hashlib import file_digest
from pathlib import Path
from typing import IO

from tm23flows.engines.base import RawOutputs
from tm23flows.errors import TM23Error

NOT_PACKED = ("POTCAR", "WAVECAR", "CHGCAR", "CHG", "PROCAR", "EIGENVAL", "DOSCAR", "PCDAT")
"""Beginnings of the names of files that are left out; ``POTCAR.spec`` has no licensed content."""


def pack(workdir: Path, folders: list[Path]) -> RawOutputs | None:
    """Pack run folders into ``vasp-runs.tar.gz`` and delete them.

    Parameters
    ----------
    workdir
        Folder that holds them.
    folders
        What to pack; folders that are not there are left out.

    Returns
    -------
    Where the pack is and what is in it; None if there was nothing to pack.

    Raises
    ------
    TM23Error
        If the pack cannot be written, or what is read back is not what was written; the
        folders are then still there.
    """
    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        return None
    target = _free_name(workdir)
    partial = target.with_name(target.name + ".part")
    try:
        members = _list_members(workdir, there)
        _write(partial, workdir, members)
    except (TM23Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise TM23Error(f"The runs in {workdir} are not packed, and kept: {error}") from error
    partial.replace(target)
    for folder in there:
        shutil.rmtree(folder)
    return RawOutputs(path=target, sha256=_sha256(target), members=members)


def _list_members(workdir: Path, folders: list[Path]) -> dict[str, str]:
    """Return the checksum of every file that goes into a pack, by name."""
    return {
        str(path.relative_to(workdir)): _sha256(path)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and is_packed(path.name)
    }


def _write(pack_file: Path, workdir: Path, members: dict[str, str]) -> None:
    """Write files into a pack, and see that they are in it."""
    with tarfile.open(pack_file, "w:gz") as tar:
        for name in members:
            tar.add(workdir / name, arcname=name)
    if read_back(pack_file) != members:
        raise TM23Error(f"The pack {pack_file} is not what was written to it.")


def is_packed(name: str) -> bool:
    """Say whether a file of a run folder goes into the pack.

    Parameters
    ----------
    name
        Its name.

    Returns
    -------
    False for licensed and for large files.
    """
    return name == "POTCAR.spec" or not name.startswith(NOT_PACKED)


def read_back(pack_file: Path) -> dict[str, str]:
    """Read a pack to its end.

    Parameters
    ----------
    pack_file
        A file of :func:`pack`.

    Returns
    -------
    sha256 of every file in it, by name.

    Raises
    ------
    TM23Error
        If it is cut or damaged.
    """
    found = {}
    try:
        with gzip.open(pack_file) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                if member.isfile() and (content := tar.extractfile(member)):
                    found[member.name] = _digest(content)
            # gzip's own checksum comes after what tarfile reads.
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise TM23Error(f"The pack {pack_file} is damaged: {error}.") from error
    return found


def _free_name(workdir: Path) -> Path:
    number, path = 1, workdir / "vasp-runs.tar.gz"
    while path.exists():
        number += 1
        path = workdir / f"vasp-runs-{number}.tar.gz"
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: IO[bytes]) -> str:
    return file_digest(file, "sha256").hexdigest()
