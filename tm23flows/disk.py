"""Whether the disk takes anything more.

Owns the one question that a quota leaves: nothing but writing answers it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

SPACE_BYTES = 1 << 24
"""A disk that does not take so much is full."""

_REPEATS = 16
"""Random bytes are slow to make; a file system that compresses sees no repeat from so far away."""


def has_space(folder: Path) -> bool:
    """Say whether something can be written; what a quota leaves is known in no other way.

    Parameters
    ----------
    folder
        Where.

    Returns
    -------
    Whether :data:`SPACE_BYTES` went to the disk; they are removed again.

    Raises
    ------
    OSError
        If it is another error than a full disk.
    """
    probe = folder / f"space-{os.getpid()}.part"
    try:
        with probe.open("wb") as file:
            file.write(os.urandom(SPACE_BYTES // _REPEATS) * _REPEATS)
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True
