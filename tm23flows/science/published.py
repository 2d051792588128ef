"""What the TM23 paper publishes and reports print beside their own numbers.

Owns the reading of ``data/published.json``, where every set of numbers says how sure its reading
is. Nothing here is a target: no verdict and no test compares with a number that is less than sure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from tm23flows.errors import InputError

DOI = "10.1038/s41524-024-01264-z"


@dataclass(frozen=True)
class Published:
    """A set of published numbers.

    Parameters
    ----------
    what
        What they are, with the unit.
    model
        Which model they are of, as far as it is known.
    figure
        Where they stand in the article.
    confidence
        How sure their reading is, in words.
    values
        By chemical symbol, or by model.
    """

    what: str
    model: str
    figure: str
    confidence: str
    values: dict[str, Any]


def published(name: str) -> Published:
    """Return a set of published numbers.

    Parameters
    ----------
    name
        Such as ``force_percent``.

    Returns
    -------
        The numbers.

    Raises
    ------
    InputError
        There is no such set.
    """
    sets = _read()
    if name not in sets:
        raise InputError(f"Nothing is published as '{name}'; there are {', '.join(sets)}.")
    return sets[name]


@cache
def _read() -> dict[str, Published]:
    text = resources.files("tm23flows.science").joinpath("data/published.json").read_text("utf-8")
    return {
        name: Published(**fields)
        for name, fields in json.loads(text).items()
        if not name.startswith("_")
    }
