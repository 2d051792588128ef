"""Folders of VASP runs: fresh ones, what is in finished ones, and a disk that is full.

Owns the patience with file systems that are late. Does not judge what it reads.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tm23flows.engines.vasp.header import RunHeader, read_header
from tm23flows.engines.vasp.outputs import VaspStep, iter_steps
from tm23flows.errors import DiskFullError, InputError

T = TypeVar("T")

FULL_BYTES = 1 << 20
"""A disk with less than this left is full."""

TEXT_OUTPUTS = ("vasp.out", "std_err.txt")
COMPLAINTS = (b"No space left on device", b"Disk quota exceeded")

PATIENCE_S = (0.5, 1.0, 2.0)
"""Waits before a file is looked for again that another machine may have written."""


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
    # The PAW datasets in it are licensed: others of this machine have no business there.
    workdir.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
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
    found = [path for path in workdir.glob(f"{name}.*") if path.suffix[1:].isdecimal()]
    first = [workdir / name]
    later = sorted(found, key=lambda path: -int(path.suffix[1:]))
    # A link may lead out of the folder that was found to be ours.
    return [path for path in later + first if path.is_dir() and not path.is_symlink()]


def write_here(folder: Path, name: str, text: str) -> None:
    """Write a file of a folder, and nothing that a link in its place leads to.

    Parameters
    ----------
    folder
        The folder.
    name
        Of the file.
    text
        Its content, ASCII.

    Raises
    ------
    OSError
        If it cannot be written, or is a link.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(folder / name, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def await_file(path: Path) -> None:
    """Wait a little for a file that a shared file system may not show yet.

    Parameters
    ----------
    path
        The file. Nothing happens if it is not there in the end: whoever reads it says so.
    """
    for wait in PATIENCE_S:
        try:
            with path.open("rb"):
                return
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                return
            time.sleep(wait)


def read_output(folder: Path) -> tuple[RunHeader, list[VaspStep]]:
    """Read what a run has left in ``vasprun.xml``, which every version of VASP writes.

    Parameters
    ----------
    folder
        A run folder.

    Returns
    -------
    Its settings, and its complete steps.

    Raises
    ------
    InputError
        If VASP wrote none, if it is damaged, or if the file system does not give it.
    """
    path = folder / "vasprun.xml"
    return patiently(lambda: (read_header(path), list(iter_steps(path))))


def patiently(read: Callable[[], T]) -> T:
    """Read again after a moment where a shared file system has lost its handle.

    Parameters
    ----------
    read
        Reads a file.

    Returns
    -------
    What it returns.

    Raises
    ------
    InputError
        What it raises, in the end.
    """
    for wait in PATIENCE_S:
        try:
            return read()
        except InputError as error:
            if getattr(error.__cause__, "errno", None) != errno.ESTALE:
                raise
            time.sleep(wait)
    return read()


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
    texts = [(folder / name).read_bytes() for name in TEXT_OUTPUTS if (folder / name).is_file()]
    said = any(complaint in text for text in texts for complaint in COMPLAINTS)
    if said or shutil.disk_usage(folder).free < FULL_BYTES:
        raise DiskFullError(
            f"The disk of {folder} on {socket.gethostname()} is full (disk_full): free some space, "
            "then run this again; what was finished is kept."
        )
