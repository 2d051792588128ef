"""Folders of VASP runs: fresh ones, what is in finished ones, and a disk that is full."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from tm23flows.errors import DiskFullError, InputError

FULL_BYTES = 1 << 20
"""A disk with less than this left is full."""

TEXT_OUTPUTS = ("vasp.out", "std_err.txt")
COMPLAINT = b"No space left on device"


def fresh_folder(workdir: Path, name: str) -> Path:
    """Make a new folder; an old one of the name is never written into.

    Parameters
    ----------
    workdir
        Where.
    name
        What to call it; a number is added if there is one already.

    Returns
    -------
    The empty folder.
    """
    number, folder = 1, workdir / name
    while folder.exists():
        number += 1
        folder = workdir / f"{name}.{number}"
    folder.mkdir(parents=True)
    return folder


def attempts(workdir: Path, name: str) -> list[Path]:
    """Return the folders that :func:`fresh_folder` made for a name, the newest first.

    Parameters
    ----------
    workdir
        Where.
    name
        What they are called.

    Returns
    -------
    The folders.
    """
    found = [path for path in workdir.glob(f"{name}*") if path.is_dir()]
    numbers = {path: path.name[len(name) :].lstrip(".") or "1" for path in found}
    mine = [path for path in found if numbers[path].isdecimal()]
    return sorted(mine, key=lambda path: -int(numbers[path]))


def output_file(folder: Path) -> Path:
    """Return the file with the numbers of a run.

    Parameters
    ----------
    folder
        A run folder.

    Returns
    -------
    ``vasprun.xml``, which is what every version of VASP writes.

    Raises
    ------
    InputError
        If VASP wrote none.
    """
    for name in ("vasprun.xml", "vasprun.xml.gz"):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"VASP wrote no vasprun.xml in {folder}.")


def raise_if_disk_full(folder: Path) -> None:
    """Stop where nothing more can be written: the next run would only lose more.

    Parameters
    ----------
    folder
        A run folder.

    Raises
    ------
    DiskFullError
        If the disk is full, or VASP said so.
    """
    said = any(
        COMPLAINT in (folder / name).read_bytes()
        for name in TEXT_OUTPUTS
        if (folder / name).is_file()
    )
    if said or shutil.disk_usage(folder).free < FULL_BYTES:
        raise DiskFullError(
            f"The disk of {folder} on {socket.gethostname()} is full (disk_full): free some space, "
            "then run this again; what was finished is kept."
        )
