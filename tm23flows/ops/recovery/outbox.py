"""The first step: results that wait in files are taken into the archive.

Owns which files are for this archive. Their format is that of :mod:`tm23flows.store.outbox`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.errors import TM23Error
from tm23flows.ops.recovery.record import Mended, Work
from tm23flows.settings import get_settings
from tm23flows.store import outbox

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def take_in_results(work: Work) -> Iterator[Mended]:
    """Take what waits in the outbox of this user into the archive.

    Parameters
    ----------
    work
        Where, and what may be done.

    Yields
    ------
    One for each file. One that is not whole is left where it is.
    """
    for path in outbox.pending(get_settings().outbox.expanduser()):
        found = Mended("outbox", str(path), "its results wait for the archive", "taken in")
        try:
            if outbox.database_of(path) != work.archive.database.name:
                continue
        except (TM23Error, OSError) as error:
            yield Mended(found.step, found.subject, found.what, "nothing", str(error))
            continue
        yield work.mend(found, lambda path=path: _commit(work.archive, path))


def _commit(archive: Archive, path: Path) -> str | None:
    try:
        outbox.commit(archive, path)
    except (TM23Error, ValueError, LookupError, OSError) as error:
        return f"it is left where it is ({type(error).__name__}: {' '.join(str(error).split())})"
    return None


def waiting_files(database: str) -> list[Path]:
    """List the files of this user's outbox for a database, and those that nobody can read.

    Parameters
    ----------
    database
        Name of the archive's database.

    Returns
    -------
    The files.
    """
    found = []
    for path in outbox.pending(get_settings().outbox.expanduser()):
        try:
            if outbox.database_of(path) == database:
                found.append(path)
        except (TM23Error, OSError):
            found.append(path)
    return found
