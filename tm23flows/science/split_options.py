"""Options of splits, which come as numbers from Python and as text from the command line.

Owns reading them. A ValueError says what an option is, for a sentence that begins with its name.
"""

from __future__ import annotations

from typing import Any

from tm23flows.errors import InputError


def read_whole(value: Any) -> int:
    """Read a whole number.

    Parameters
    ----------
    value
        A value or its text.

    Returns
    -------
        The number.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    number = read_number(value)
    if not number.is_integer():
        raise ValueError(f"is a whole number, not '{value}'")
    return int(number)


def read_number(value: Any) -> float:
    """Read a number.

    Parameters
    ----------
    value
        A value or its text.

    Returns
    -------
        The number.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        return float("none" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ValueError(f"is a number, not '{value}'") from None


def read_whole_or_all(value: Any) -> int | None:
    """Read a whole number, or ``all``.

    Parameters
    ----------
    value
        A value or its text.

    Returns
    -------
        The number; None for all.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    return None if value is None or value == "all" else read_whole(value)


def read_words(value: Any) -> tuple[str, ...]:
    """Read a list of names, written as ``cold,warm``.

    Parameters
    ----------
    value
        A value or its text.

    Returns
    -------
        The names.

    Raises
    ------
    InputError
        If it is anything else.
    """
    words = value.split(",") if isinstance(value, str) else value
    try:
        read = tuple(str(one).strip() for one in words)
    except TypeError:
        read = ("",)
    if not all(read):
        raise InputError(f"'{value}' is no list of names; write them as cold,warm.")
    return read


def read_wholes(value: Any) -> tuple[int, ...]:
    """Read a list of whole numbers, written as ``100,300``.

    Parameters
    ----------
    value
        A value or its text.

    Returns
    -------
        The numbers.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if isinstance(value, int | float):
        return (read_whole(value),)
    return tuple(read_whole(one) for one in (value.split(",") if isinstance(value, str) else value))
