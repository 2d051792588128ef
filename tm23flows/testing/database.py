"""A throw-away local database for tests.

Owns starting the embedded database in a temporary folder on a free port and
stopping it whatever happens. The database itself is `tm23flows.store.embedded`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tm23flows.store.embedded.process import ServerInfo, start, stop


@contextmanager
def local_database(path: Path | None = None) -> Iterator[ServerInfo]:
    """Run a local database while the block lasts.

    Parameters
    ----------
    path
        Folder of the database; a temporary one by default.

    Yields
    ------
        The running server.
    """
    with tempfile.TemporaryDirectory(prefix="tm23-database-") as temporary:
        folder = path or Path(temporary)
        try:
            yield start(folder, 0)
        finally:
            stop(folder)
