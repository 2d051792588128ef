"""Folders of earlier attempts that a database names: followed only where they are our own.

Owns the mark by which a folder is known again. A path that comes out of the database may lead
anywhere; what is done there (VASP is told to stop, steps are taken over) must not be done to
other people's files. The mark is an empty file with the id of the trajectory in its name, made
by this user when the attempt began.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tm23flows.log import get_log

_MARK = ".tm23-{}"


def mark_folder(folder: Path, trajectory_id: str) -> None:
    """Leave the mark of a trajectory in the folder where it is computed.

    Parameters
    ----------
    folder
        The folder of this job.
    trajectory_id
        Whose mark.
    """
    (folder / _MARK.format(trajectory_id)).touch(mode=0o600)


def own_folder(place: str | None, trajectory_id: str) -> Path | None:
    """Follow ``host:path`` to the folder of an earlier attempt, if it is ours.

    Parameters
    ----------
    place
        What the database says; the host does not count, for file systems are shared.
    trajectory_id
        Whose attempt it must be.

    Returns
    -------
    The folder, without links on the way; None where this machine does not see it, and where
    it has no mark of this trajectory that this user made, or others may write into it. Then
    the steps in it are computed again, and the log says why.
    """
    path = Path((place or "").partition(":")[2])
    if place is None or not path.is_absolute() or not path.is_dir():
        return None
    folder = path.resolve()
    why = _foreign(folder, trajectory_id)
    if why:
        get_log().warning("folder.foreign", folder=str(folder), reason=why, task=trajectory_id)
        return None
    return folder


def _foreign(folder: Path, trajectory_id: str) -> str | None:
    """Say why a folder is not ours."""
    if not trajectory_id.isalnum():
        return "the id of the trajectory is none"
    try:
        mark = (folder / _MARK.format(trajectory_id)).lstat()
        about = folder.stat()
    except OSError:
        return "it has no mark of this trajectory"
    if not stat.S_ISREG(mark.st_mode) or {mark.st_uid, about.st_uid} != {os.geteuid()}:
        return "it is of somebody else"
    if about.st_mode & stat.S_IWOTH:
        return "everybody may write into it"
    return None
