"""Values from outside, and the small filters that they become.

Owns what a plain value is, and how ranges, ids and tags are asked for. Nothing that is
not plain text, a number, a date or digits of an id gets through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from tm23flows.errors import InputError

ID_DIGITS = 64

_TEXT = re.compile(r"[^$=<>{}\x00-\x1f\x7f][^{}\x00-\x1f\x7f]{0,199}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?", re.ASCII)
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)


def plain_text(text: str) -> str:
    """Refuse text that could be anything else than a value.

    Parameters
    ----------
    text
        From outside.

    Returns
    -------
    The same text.

    Raises
    ------
    InputError
        If it is empty, longer than 200 characters, begins with an operator, or has braces or
        control characters.
    """
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        raise InputError(f"{text!r} is no value; write plain text without $ < > = in front.")
    return text


def parse_moment(text: str | date) -> datetime:
    """Read a moment in ISO form; without a zone it is UTC.

    Parameters
    ----------
    text
        Such as ``2026-11-21`` or ``2026-11-21T16:29:18``; a date is its first moment.

    Returns
    -------
    The moment in UTC, without a zone, as the database keeps it.

    Raises
    ------
    InputError
        If it is no moment.
    """
    iso = text.isoformat() if isinstance(text, date) else text
    moment = text if isinstance(text, datetime) else _from_iso(iso)
    if moment is None:
        raise InputError(
            f"{text!r} is no date; write it as 2026-11-21 or 2026-11-21T16:29:18, in UTC."
        )
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise InputError(f"{text!r} is a date that no calendar holds in UTC.") from None


def number(text: str) -> float | None:
    """Read a finite number.

    Parameters
    ----------
    text
        From outside.

    Returns
    -------
    The number; None if it is none.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def between(path: str, low: Any, high: Any) -> dict[str, Any]:
    """Ask for a range that includes its ends.

    Parameters
    ----------
    path
        Where the value is.
    low, high
        The ends; None leaves a side open.

    Returns
    -------
    The filter.
    """
    bounds = {"$gte": low, "$lte": high}
    given = {key: value for key, value in bounds.items() if value is not None}
    return {path: given} if given else {}


def id_condition(path: str, text: str) -> dict[str, Any]:
    """Ask for an id by its digits, or by the first ones.

    Parameters
    ----------
    path
        Where the id is.
    text
        Hexadecimal digits.

    Returns
    -------
    The filter.
    """
    whole = len(text) == ID_DIGITS
    return {path: text if whole else {"$gte": text, "$lt": text + "g"}}


def tag_condition(text: str) -> dict[str, Any]:
    """Ask for a tag of frames.

    Parameters
    ----------
    text
        Such as ``event=3``. Sources write numbers as numbers or as text; both are found.

    Returns
    -------
    The filter.

    Raises
    ------
    InputError
        If it is no key with a plain value.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _TAG.fullmatch(key):
        raise InputError(f"{text!r} is no tag; write key=value, as in event=3.")
    meant: list[Any] = [plain_text(value)]
    amount = number(value)
    if amount is not None:
        meant.append(amount)
    elif value.lower() in ("true", "false"):
        meant.append(value.lower() == "true")
    return {f"tags.{key}": {"$in": meant}}


def combine(conditions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Join filters so that all of them must fit.

    Parameters
    ----------
    conditions
        Filters; empty ones restrict nothing.

    Returns
    -------
    One filter, flat where no field is in two of them.
    """
    parts = [one for one in conditions if one]
    keys = [key for one in parts for key in one]
    if len(set(keys)) == len(keys):
        return {key: value for one in parts for key, value in one.items()}
    return {"$and": parts}


def _from_iso(text: Any) -> datetime | None:
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
