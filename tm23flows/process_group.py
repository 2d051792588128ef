"""Signals to processes of ours, and to no other that has their number by now.

Owns the test whether a number still belongs to the process that it was noted for. Numbers of
processes are used again; the time at which a process began tells one from the next. Where the
system does not tell that time (no ``/proc``), the number alone decides.
"""

from __future__ import annotations

import os
from pathlib import Path

_START_FIELD = 19  # "starttime" of proc(5), counted behind the name of the program
_STATE_FIELD = 0


def is_zombie(pid: int) -> bool:
    """Say whether a process has ended and its parent has not taken notice.

    Parameters
    ----------
    pid
        Its number.

    Returns
    -------
    Whether it is one; False where there is no such process, or the system does not tell.
    """
    fields = _stat(pid)
    return bool(fields) and fields[_STATE_FIELD] in {"Z", "X"}


def birth(pid: int) -> int | None:
    """Return when a process began.

    Parameters
    ----------
    pid
        Its number.

    Returns
    -------
    Clock ticks since the machine was started; None if there is no such process, or the system
    does not tell.
    """
    fields = _stat(pid)
    return int(fields[_START_FIELD]) if fields else None


def is_same(pid: int, born: int | None) -> bool:
    """Say whether a number can still be that of the process it was noted for.

    Parameters
    ----------
    pid
        The number.
    born
        What :func:`birth` said when it was noted.

    Returns
    -------
    False only if the number is that of a process that began at another time.
    """
    now = birth(pid)
    return born is None or now is None or now == born


def signal_group(leader: int, born: int | None, number: int) -> bool:
    """Send a signal to the group that a process of ours has begun.

    Parameters
    ----------
    leader
        Number of its first process, which is that of the group.
    born
        What :func:`birth` said of it right after its start.
    number
        The signal; 0 sends none.

    Returns
    -------
    Whether the group has members. A group that a later process has begun is not ours: it gets
    nothing, and the answer is False.
    """
    if not is_same(leader, born):
        return False
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _stat(pid: int) -> list[str]:
    """Read the fields behind the name of the program; none where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
