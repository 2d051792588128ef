"""Moments as FireWorks and MongoDB store them, in UTC without a zone.

Owns their reading, and the server's clock: workers and people have clocks of their own, and
ages and rates are measured by one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.database import Database


def moment(stored: Any) -> datetime | None:
    """Read a moment.

    Parameters
    ----------
    stored
        A datetime, or ISO text as FireWorks writes it; without a zone it is UTC.

    Returns
    -------
    UTC without a zone; None if it is none.
    """
    if not isinstance(stored, datetime):
        try:
            stored = datetime.fromisoformat(str(stored))
        except ValueError:
            return None
    return _plain(stored)


def server_now(database: Database) -> datetime:
    """Ask the database what time it is.

    Parameters
    ----------
    database
        Any database of the server.

    Returns
    -------
    Its clock, UTC without a zone.
    """
    return _plain(database.client.admin.command("hello")["localTime"])


def seconds_between(earlier: datetime | None, later: datetime | None) -> float | None:
    """Return the time between two moments.

    Parameters
    ----------
    earlier, later
        The moments.

    Returns
    -------
    Seconds, never less than 0 (clocks differ); None where a moment is not known.
    """
    if earlier is None or later is None:
        return None
    return max(0.0, (later - earlier).total_seconds())


def _plain(when: datetime) -> datetime:
    return when if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)
