"""MongoDB's own server as the local database, where it is installed.

Owns starting a ``mongod`` on loopback for a folder and deciding when to: a folder
that already holds data stays with the kind of server that wrote it. Stopping and
finding it works as for the embedded server (`process.py`).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.state import (
    LOG_FILE,
    ServerInfo,
    is_answering,
    make_info,
    write_state,
)

_DATA_FOLDER = "mongod"
_START_PATIENCE_S = 60.0


def is_used_for(path: Path) -> bool:
    """Whether the database of this folder is one for ``mongod``.

    Parameters
    ----------
    path
        Folder of the database.

    Raises
    ------
    DatabaseError
        When the folder was written by a ``mongod`` that is no longer there.
    """
    installed = shutil.which("mongod") is not None
    if (path / "journal").exists():
        return False
    if (path / _DATA_FOLDER).exists() and not installed:
        raise DatabaseError(
            f"The database in {path} was written by mongod, which is not on PATH any more; "
            "install it again, or use another --path."
        )
    return installed


def start(path: Path, port: int) -> ServerInfo:
    """Start ``mongod`` in the background.

    Parameters
    ----------
    path
        Folder of the database; the data go into a folder within.
    port
        TCP port on 127.0.0.1; 0 takes any free one.

    Returns
    -------
        The server, which answers by now.

    Raises
    ------
    DatabaseError
        When it ends or stays silent.
    """
    data = path / _DATA_FOLDER
    data.mkdir(exist_ok=True)
    port = _reserve_port(port)
    command = ["mongod", "--dbpath", str(data), "--bind_ip", "127.0.0.1", "--port", str(port)]
    with (path / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    info = make_info(path, process.pid, port)
    deadline = time.monotonic() + _START_PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        if is_answering(info, timeout_s=1.0):
            # It outlives us on purpose; it is no child to wait for.
            process.returncode = 0
            write_state(info)
            return info
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise DatabaseError(f"mongod did not start; its last words are in {path / LOG_FILE}.")


def _reserve_port(port: int) -> int:
    """Check that a port is free, or choose one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DatabaseError(
                f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}); another program "
                "has probably taken it, choose another one with --port."
            ) from error
        own: int = probe.getsockname()[1]
        return own
