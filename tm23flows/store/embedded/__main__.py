"""The server process of the embedded database.

Owns its command line, its log and its signals. It is started by `process.py`,
which learns through a pipe either the port or the reason of the failure.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.server import DatabaseServer
from tm23flows.store.embedded.state import make_info, remove_state, write_state

_log = logging.getLogger("tm23flows.store.embedded")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the database of a folder until SIGTERM.

    Parameters
    ----------
    arguments
        Command line; that of the process by default.

    Returns
    -------
        Exit code.
    """
    options = _parse(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        server = DatabaseServer(
            options.path, options.port, options.host, fsync=not options.no_fsync
        )
        write_state(make_info(options.path, os.getpid(), server.port))
    except (DatabaseError, OSError) as error:
        sentence = _sentence(error, options.path)
        _log.error("%s", sentence)
        _report(options.report_fd, {"error": sentence})
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stopping.set())
    _log.info("serving %s on port %d", options.path, server.port)
    _report(options.report_fd, {"port": server.port})
    server.serve()
    remove_state(options.path)
    _log.info("stopped")
    return 1 if server.failure else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tm23flows.store.embedded")
    parser.add_argument("--path", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--no-fsync", action="store_true")
    parser.add_argument("--report-fd", type=int)
    return parser.parse_args(arguments)


def _sentence(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return f"The database in {path} cannot be opened ({error}); check the folder and the disk."
    return str(error)


def _report(descriptor: int | None, message: dict[str, Any]) -> None:
    """Tell the process that started us how it went, then let it go."""
    if descriptor is None:
        return
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
