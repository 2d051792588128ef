"""What every job of a worker shares: the open archive and the run folder.

Jobs get ids, never connections; this is where a worker finds its database.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.settings import get_settings
from tm23flows.store.connect import resolve_uri

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def open_archive() -> Archive:
    """Return the archive that this worker's settings mean, opened once per process.

    Returns
    -------
    The archive.

    Raises
    ------
    DatabaseError
        If no database answers.
    """
    return _open(resolve_uri(), get_settings().database)


@lru_cache(maxsize=4)
def _open(uri: str, database: str) -> Archive:
    from tm23flows.store.archive import Archive

    return Archive.open(uri, database)


def run_folder() -> Path:
    """Return the folder for text output: the one that the launcher made for this job.

    Returns
    -------
    The working directory.
    """
    return Path.cwd()
