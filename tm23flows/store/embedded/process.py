"""Start, find and stop the local database of a folder.

Owns the life of the server process as the rest of the package sees it. It decides
between the embedded server and a ``mongod`` on PATH; the servers themselves are
`server.py` and MongoDB's own.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tm23flows.errors import DatabaseError
from tm23flows.process_group import birth, is_same
from tm23flows.store.embedded import mongod
from tm23flows.store.embedded.state import (
    LOG_FILE,
    ServerInfo,
    is_alive,
    is_answering,
    make_info,
    read_state,
    remove_state,
)

__all__ = ["DEFAULT_PORT", "ServerInfo", "start", "status", "stop"]

DEFAULT_PORT = 27923
_START_PATIENCE_S = 300.0
_STOP_PATIENCE_S = 10.0
_OTHER_PATIENCE_S = 5.0


def start(path: Path, port: int = DEFAULT_PORT) -> ServerInfo:
    """Start the database of a folder in the background, or find it running.

    Parameters
    ----------
    path
        Folder of the database; made when missing.
    port
        TCP port on 127.0.0.1; 0 takes any free one. A server that runs already
        keeps its port.

    Returns
    -------
        The server, which answers by now.

    Raises
    ------
    DatabaseError
        When the port is taken, or the journal is locked, damaged or of another
        version.
    """
    path = path.expanduser().resolve()
    running = status(path)
    if running is not None:
        return running
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"The folder {path} cannot be made ({error.strerror}); choose another --path."
        ) from error
    if mongod.is_used_for(path):
        return mongod.start(path, port)
    try:
        return _start_embedded(path, port)
    except DatabaseError:
        # Somebody else may have started it at the same moment.
        running = _wait_for_other(path)
        if running is None:
            raise
        return running


def stop(path: Path) -> bool:
    """Stop the database of a folder; everything acknowledged stays on disk.

    Parameters
    ----------
    path
        Folder of the database.

    Returns
    -------
        Whether a server was running.
    """
    path = path.expanduser().resolve()
    info = status(path)
    if info is None:
        return False
    born = birth(info.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_same(info.pid, born):
            break
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            break
        if _wait_until_gone(info.pid):
            break
    remove_state(path)
    return True


def status(path: Path) -> ServerInfo | None:
    """Find the server of a folder.

    Parameters
    ----------
    path
        Folder of the database.

    Returns
    -------
        The server, or None when none is running there; a state file that a
        killed server left behind counts for nothing.
    """
    info = read_state(path.expanduser().resolve())
    if info is None or not is_alive(info.pid) or not is_answering(info):
        return None
    return info


def _wait_for_other(path: Path) -> ServerInfo | None:
    """Wait for a server that has the lock of the folder, and may not answer yet."""
    deadline = time.monotonic() + _OTHER_PATIENCE_S
    while (running := status(path)) is None and _is_locked(path):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return running


def _is_locked(path: Path) -> bool:
    try:
        with (path / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _start_embedded(path: Path, port: int) -> ServerInfo:
    reader, writer = os.pipe()
    command = [
        *(sys.executable, "-P", "-m", "tm23flows.store.embedded"),
        *("--path", str(path), "--port", str(port), "--report-fd", str(writer)),
    ]
    try:
        with (path / LOG_FILE).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
                pass_fds=(writer,),
            )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    report = _read_report(reader)
    if "port" in report:
        # The server outlives us on purpose; it is no child to wait for.
        process.returncode = 0
        return make_info(path, process.pid, report["port"])
    process.kill()
    process.wait()
    raise DatabaseError(
        report.get("error")
        or f"The embedded database did not start; its last words are in {path / LOG_FILE}."
    )


def _environment() -> dict[str, str]:
    """Let the new interpreter find this package where we found it."""
    root = Path(__file__).resolve().parents[3]
    inherited = os.environ.get("PYTHONPATH")
    if root.name == "site-packages":
        return dict(os.environ)
    paths = [str(root), inherited] if inherited else [str(root)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _read_report(reader: int) -> dict[str, Any]:
    """Wait for the one line in which the new server says how it went."""
    with os.fdopen(reader, "rb") as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        line = pipe.readline() if selector.select(_START_PATIENCE_S) else b""
    return json.loads(line) if line else {}


def _wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
