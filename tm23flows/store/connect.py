"""Finding and reaching the database.

Owns which URI is used and the clear sentence when nothing answers there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tm23flows.errors import DatabaseError
from tm23flows.settings import get_settings

if TYPE_CHECKING:
    from pymongo import MongoClient

SELECTION_TIMEOUT_MS = 5000

ANSWER_TIMEOUT_MS = 600_000
"""No question of ours takes a database longer."""


def resolve_uri() -> str:
    """Return the URI of the database that the settings mean.

    Returns
    -------
    ``mongo_uri`` where it is set, otherwise the URI of the running embedded database.

    Raises
    ------
    DatabaseError
        If neither is there.
    """
    settings = get_settings()
    if settings.mongo_uri is not None:
        return settings.mongo_uri.get_secret_value()
    from tm23flows.store.embedded.process import status

    info = status(settings.db_path.expanduser())
    if info is None:
        raise DatabaseError(
            "No database is running; start one with 'tm23 db start', or set TM23_MONGO_URI."
        )
    return info.uri


def connect(uri: str) -> MongoClient[dict[str, Any]]:
    """Open a client and make sure that a database answers.

    Parameters
    ----------
    uri
        A MongoDB URI.

    Returns
    -------
    The client.

    Raises
    ------
    DatabaseError
        If the URI is malformed or nothing answers within a few seconds.
    """
    from pymongo import MongoClient
    from pymongo.errors import ConfigurationError, PyMongoError

    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            uri,
            serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
            # A server that hangs must not hold a worker for ever.
            socketTimeoutMS=ANSWER_TIMEOUT_MS,
            # What was acknowledged stays, also when a primary steps down or loses its power.
            w="majority",
            journal=True,
        )
        client.admin.command("ping")
    except (ConfigurationError, ValueError) as error:
        # Of a URI with a password nothing is repeated: the message may quote a piece of it.
        reason = "" if "@" in uri else f" ({error})"
        raise DatabaseError(
            f"The database URI is malformed{reason}; write mongodb://user:password@host:port, "
            "with special characters of the password percent-encoded."
        ) from None
    except PyMongoError:
        raise DatabaseError(
            f"The database at {without_password(uri)} does not answer; is it running "
            "('tm23 db status'), and is the URI right?"
        ) from None
    return client


def without_password(text: str) -> str:
    """Blank out a password in a URI, so that it never reaches a log.

    Parameters
    ----------
    text
        Text that may hold ``mongodb://user:password@host``.

    Returns
    -------
    The text with ``***`` in the place of the password.
    """
    return re.sub(r"(://[^:/@\s]*:)\S*@", r"\1***@", text)
