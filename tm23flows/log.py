"""One line of JSON per event, with ids, and never a secret.

Owns how events are written. Every line has the time (UTC), the level, the event, the host and
the process; the rest are ids and numbers that whoever tells of the event gives.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.settings import get_settings

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_PASSWORD = re.compile(r"(\w://[^:/@\s]*:)\S*@")
_SECRET_NAME = re.compile(r"(password|passwd|secret|token|api_?key|uri)$", re.IGNORECASE)
_FENCES = {"claim_token"}
"""Names that look like secrets and are none."""


def get_log() -> FilteringBoundLogger:
    """Return the logger of this package.

    Returns
    -------
    A logger of structlog: ``get_log().info("labels.stored", task=..., accepted=...)``. It appends
    whole lines to the file of the setting ``log_file``; without one it tells standard error of
    warnings and errors only.
    """
    import structlog

    path = get_settings().log_file
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr) if path is None else _Appender(path),
        processors=[
            _origin,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            blank_secrets,
            structlog.processors.JSONRenderer(sort_keys=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if path is None else logging.INFO
        ),
    )
    return logger


def blank_secrets(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank passwords in URIs, known secrets, and everything that is called one.

    Parameters
    ----------
    logger, method
        What structlog hands to a processor.
    event
        The event; it is changed.

    Returns
    -------
    The event.
    """
    del logger, method
    known = _known_secrets()
    blanked = _without(dict(event), known)
    event.clear()
    event.update(blanked)
    return event


def _without(value: Any, known: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {
            _without(str(name), known): "***" if _is_secret(str(name)) else _without(inner, known)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_without(inner, known) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = _PASSWORD.sub(r"\1***@", str(value))
    for secret in known:
        text = text.replace(secret, "***")
    return text


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and name not in _FENCES


def _known_secrets() -> tuple[str, ...]:
    """Return the password of the database, as it is written in its URI and as it is meant."""
    from urllib.parse import unquote

    uri = get_settings().mongo_uri
    found = _PASSWORD.search(uri.get_secret_value()) if uri is not None else None
    if found is None:
        return ()
    password = found[0][len(found[1]) : -1]
    return tuple({one for one in (password, unquote(password)) if len(one) >= 6})


def _origin(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    del logger, method
    return {"host": socket.gethostname(), "pid": os.getpid(), **event}


class _Appender:
    """Writes whole lines at the end of a file, whoever else does so at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser()

    def msg(self, message: str) -> None:
        """Append one line in one write; where that fails, standard error has it.

        A disk that is too full for a line of the log must not end what is under way.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{message}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            sys.stderr.write(f"{message}\n{self._path}: {error.strerror}\n")

    debug = info = warning = error = critical = exception = msg
