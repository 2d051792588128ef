"""How a failure inside the server reads for the client.

Owns the translation of exceptions of the engine into MongoDB's error documents
with their codes. Every failed command gives such a reply; none ends the server.
"""

from __future__ import annotations

import re
from typing import Any

from bson.errors import BSONError
from pymongo.errors import OperationFailure, PyMongoError

# What the engine raises on commands that are wrong or beyond it.
ENGINE_ERRORS = (
    BSONError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    re.error,
)

_BAD_VALUE = 2
_TYPE_MISMATCH = 14
_NOT_IMPLEMENTED = 238


def describe(error: BaseException) -> dict[str, Any]:
    """Describe a failure by code and message.

    Parameters
    ----------
    error
        One of `ENGINE_ERRORS` or an error of pymongo.

    Returns
    -------
        Fields of an error reply or of one entry in ``writeErrors``.
    """
    if isinstance(error, PyMongoError):
        details = getattr(error, "details", None) or {}
        extra = {name: details[name] for name in ("keyPattern", "keyValue") if name in details}
        code = error.code if isinstance(error, OperationFailure) else None
        # The driver's exception repeats its details in its text.
        message = str(error).partition(", full error:")[0]
        return {"code": code or _BAD_VALUE, "errmsg": message, **extra}
    if isinstance(error, NotImplementedError):
        text = f"The embedded database does not offer this: {error}"
        return {"code": _NOT_IMPLEMENTED, "errmsg": text}
    code = _TYPE_MISMATCH if isinstance(error, TypeError) else _BAD_VALUE
    return {"code": code, "errmsg": f"{type(error).__name__}: {error}"}
