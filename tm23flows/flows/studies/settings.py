"""Settings of a study from the words of a user.

Owns the way from text to the fields of a Maker, by the types that these have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from tm23flows.errors import InputError

NOT_SET = {"name"}
"""Fields that are no settings."""


def read_settings(maker: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read fields of a Maker.

    Parameters
    ----------
    maker
        Class of the Maker, a dataclass.
    given
        Values by field; text as on a command line: JSON, or values with commas between them.

    Returns
    -------
    Values of the types that the fields have.

    Raises
    ------
    InputError
        If there is no such field, or a value does not fit.
    """
    known = [one.name for one in fields(maker) if one.name not in NOT_SET]
    kinds = get_type_hints(maker)
    read = {}
    for name, value in given.items():
        if name not in known:
            raise InputError(f"The study has no setting '{name}'; it has {', '.join(known)}.")
        try:
            read[name] = TypeAdapter(kinds[name]).validate_python(_value(value, kinds[name]))
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise InputError(f"The setting '{name}' cannot be {value}: {what}.") from None
    return read


def _value(given: Any, kind: Any) -> Any:
    value = _parse(given) if isinstance(given, str) else given
    return [value] if get_origin(kind) in (tuple, list) and not isinstance(value, list) else value


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        parts = text.split(",")
        return text if len(parts) == 1 else [_parse(part.strip()) for part in parts]
