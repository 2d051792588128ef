"""Which server runs in a folder.

Owns the state file ``server.json`` and the test whether what it says is true: the
process lives and the port is answered by that very process. It starts and stops
nothing.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tm23flows.store.embedded.wire import ProtocolError, ask

STATE_FILE = "server.json"
LOG_FILE = "server.log"


@dataclass(frozen=True)
class ServerInfo:
    """A running server: process id, TCP port, folder and MongoDB URI."""

    pid: int
    port: int
    path: Path
    uri: str


def make_info(path: Path, pid: int, port: int) -> ServerInfo:
    """Describe a server on this machine."""
    return ServerInfo(pid=pid, port=port, path=path, uri=f"mongodb://127.0.0.1:{port}")


def write_state(info: ServerInfo) -> None:
    """Write the state file in one step.

    Parameters
    ----------
    info
        Server that is about to answer.
    """
    state = {
        "pid": info.pid,
        "port": info.port,
        "uri": info.uri,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
    }
    part = info.path / f"{STATE_FILE}.part"
    part.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    part.replace(info.path / STATE_FILE)


def remove_state(path: Path) -> None:
    """Remove the state file; it may be gone already."""
    (path / STATE_FILE).unlink(missing_ok=True)


def read_state(path: Path) -> ServerInfo | None:
    """Read what the state file says, true or not.

    Parameters
    ----------
    path
        Folder of the database.

    Returns
    -------
        The server it names; None without a readable state file.
    """
    try:
        state = json.loads((path / STATE_FILE).read_text(encoding="utf-8"))
        return make_info(path, int(state["pid"]), int(state["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie; reaps it when it is a child of ours.

    Parameters
    ----------
    pid
        Process id.
    """
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_answering(info: ServerInfo, timeout_s: float = 5.0) -> bool:
    """Whether the server's port is answered by the server's own process.

    Parameters
    ----------
    info
        Server to ask.
    timeout_s
        Limit for each step on the socket, s.
    """
    try:
        answer = ask(info.port, {"serverStatus": 1}, timeout_s)
    except (OSError, ProtocolError):
        return False
    return answer.get("pid") == info.pid
