"""Secrets in places where they must not be.

Owns what a secret looks like. It says where one is, never what it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote

from tm23flows.settings import get_settings

VARIABLES = ("MP_API_KEY", "PMG_MAPI_KEY")
"""Environment variables whose value is a secret."""

SHORTEST = 6
"""A password shorter than this is found in a URI or under its name only, not in any text."""

_IN_URI = re.compile(r"\w://[^:/@\s]*:([^@\s]+)@")
_NAMED = re.compile(
    r"(password|passwd|secret|api_?key|private_?key|access_?token|auth_?token)$", re.IGNORECASE
)
_TOKEN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:ghp|gho|ghs|github_pat|glpat)[_-][A-Za-z0-9_-]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bBearer [A-Za-z0-9._~+/-]{20,}"
)
_BLANKED = {"", "***", "**********"}


def known_secrets() -> set[str]:
    """Return the secrets of this user on this machine, to look for.

    Returns
    -------
    The password of the database's URI, as it is and percent-encoded, and keys of services.
    """
    found = {os.environ.get(name, "") for name in VARIABLES}
    uri = get_settings().mongo_uri
    if uri is not None and (match := _IN_URI.search(uri.get_secret_value())):
        found |= {match[1], unquote(match[1])}
    return {one for one in found if len(one) >= SHORTEST}


def find_secrets(value: Any, known: Collection[str] = (), path: str = "") -> Iterator[str]:
    """Find secrets in a document, however deep.

    Parameters
    ----------
    value
        Dictionaries, lists and scalars.
    known
        Secrets to look for, besides what looks like one.
    path
        Where the value is.

    Yields
    ------
    Names of the fields that hold one, such as ``provenance.inputs.uri``.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if any(one in str(key) for one in known):
                yield path or "the name of a field"
            if isinstance(inner, str) and _NAMED.search(str(key)) and inner not in _BLANKED:
                yield here
            else:
                yield from find_secrets(inner, known, here)
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from find_secrets(inner, known, f"{path}[{place}]")
    elif isinstance(value, str) and is_secret(value, known):
        yield path


def is_secret(text: str, known: Collection[str] = ()) -> bool:
    """Say whether a text holds a secret.

    Parameters
    ----------
    text
        Any text.
    known
        Secrets to look for.

    Returns
    -------
    True if it holds one of them, a URI with a password, a private key or a token.
    """
    if any(one in text for one in known):
        return True
    # Cheap questions first: most texts are ids and hold none of this.
    in_uri = _IN_URI.search(text) if "@" in text else None
    return bool((in_uri and in_uri[1] not in _BLANKED) or _TOKEN.search(text))
