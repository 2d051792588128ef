"""Jobs that tell more than they should; workers import them from here."""

from __future__ import annotations

from jobflow import job

from tm23flows.errors import DatabaseError
from tm23flows.jobs.context import open_archive
from tm23flows.settings import get_settings


@job
def tell_the_uri() -> None:
    """What a careless job does: its error quotes the settings and the connection."""
    raise DatabaseError(f"cannot be reached: {get_settings()!r} {open_archive().database!r}")
