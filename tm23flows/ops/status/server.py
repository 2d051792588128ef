"""The server of ``tm23 status --serve``: one page and its data, on loopback only.

Owns who may ask for what. It changes nothing and knows no path but these two. Everybody who has
an account on the machine can reach a loopback port, so what it shows holds no secret.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tm23flows.errors import DatabaseError, InputError
from tm23flows.ops.status.overview import Overview
from tm23flows.ops.status.page import policy, render
from tm23flows.store.connect import without_password

HOST = "127.0.0.1"
CLIENT_PATIENCE_S = 20.0

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Latest:
    """The newest look, shared by all who ask: many browsers are no more work than one.

    Parameters
    ----------
    look
        Looks once.
    every_s
        A look that is not older is good enough, in s.
    """

    def __init__(self, look: Callable[[], Overview], every_s: float) -> None:
        self._look, self._every_s = look, every_s
        self._lock = threading.Lock()
        self._asked = -every_s
        self.view: Overview | None = None
        self.problem: str | None = None

    def get(self) -> tuple[Overview | None, str | None]:
        """Return the newest look, and why there is no newer one.

        Returns
        -------
        The look, None before the first; and the problem, None where the database answered.
        """
        from pymongo.errors import PyMongoError

        with self._lock:
            if time.monotonic() - self._asked >= self._every_s:
                try:
                    self.view, self.problem = self._look(), None
                except (PyMongoError, DatabaseError) as error:
                    words = without_password(str(error)).split(", Timeout")[0]
                    self.problem = f"{type(error).__name__}: {words}"
                self._asked = time.monotonic()
            return self.view, self.problem


def make_server(look: Callable[[], Overview], port: int, every_s: int) -> ThreadingHTTPServer:
    """Make the server; it serves when it is told to.

    Parameters
    ----------
    look
        Looks once.
    port
        Port on loopback; 0 for a free one.
    every_s
        How often a page is refreshed, and how old a look may be, in s.

    Returns
    -------
    The server; its port is ``server_address[1]``.

    Raises
    ------
    InputError
        If the port cannot be had.
    """
    # A little less than the page's own pause, so that each of its refreshes is a new look.
    latest = Latest(look, 0.8 * every_s)
    handler = type("Handler", (_Handler,), {"latest": latest, "every_s": every_s})
    try:
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise InputError(
            f"Port {port} cannot be had ({error.strerror}); choose another with --port."
        ) from error
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    latest: ClassVar[Latest]
    every_s: ClassVar[int]
    server_version, sys_version = "tm23", ""
    timeout = CLIENT_PATIENCE_S

    def do_GET(self) -> None:
        """Answer with the page or its data."""
        if self.headers.get("Host") not in self._names():
            # A foreign page that has its own name lead here must not read this one.
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "This is not the name of this server.")
        elif self.path == "/":
            page = render(*self.latest.get(), self.every_s)
            self._send(HTTPStatus.OK, "text/html", page)
        elif self.path == "/status.json":
            view, problem = self.latest.get()
            data = {**(view.as_dict() if view else {}), "problem": problem}
            text = json.dumps(data, default=str)
            self._send(HTTPStatus.OK, "application/json", text)
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "There is only / and /status.json.")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: the terminal is for people."""

    def _names(self) -> set[str]:
        port = self.server.server_address[1]
        return {f"{name}:{port}" for name in (HOST, "localhost")}

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy())
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
