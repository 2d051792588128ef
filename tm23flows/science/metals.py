"""The 27 metals of TM23 and the defaults that belong to each of them.

Owns the reading of the shipped table ``data/metals.json``, in which every value
names its source. Does not build structures (``prototypes``) and does not know
the protocol of the paper (``protocol``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from tm23flows.errors import InputError


@dataclass(frozen=True)
class Metal:
    """One metal with its defaults; every field can be overridden by whoever uses it.

    ``c_over_a`` is set for hexagonal phases and ``alpha_deg`` for rhombohedral ones.
    ``sources`` maps each field to the origin of its value and the confidence in it.
    """

    symbol: str
    atomic_number: int
    group: int
    melting_temperature_K: float
    phase: str
    a_A: float
    potcar_title: str
    c_over_a: float | None = None
    alpha_deg: float | None = None
    sources: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def c_A(self) -> float | None:  # noqa: N802 - the unit keeps its capital
        """The hexagonal lattice constant c in A, or None where the phase has none."""
        return None if self.c_over_a is None else self.a_A * self.c_over_a


@cache
def _table() -> dict[str, Any]:
    text = files("tm23flows.science").joinpath("data/metals.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


METALS: tuple[str, ...] = tuple(_table()["metals"])
"""Symbols of the 27 metals, group by group in the order of the paper."""


@cache
def _build_metal(symbol: str) -> Metal:
    table = _table()
    row = table["metals"][symbol]
    sources = {}
    for name, entry in row.items():
        origin = table["sources"][entry["source"]]
        sources[name] = f"{origin['text']} [{origin['confidence']}]"
    return Metal(symbol=symbol, sources=sources, **{name: row[name]["value"] for name in row})


def _suggestion(name: str) -> str:
    from ase.data import atomic_names, atomic_numbers

    if name.capitalize() in METALS:
        return f"did you mean '{name.capitalize()}'?"
    for symbol in METALS:
        if name.lower() == atomic_names[atomic_numbers[symbol]].lower():
            return f"did you mean '{symbol}'?"
    return f"choose one of {', '.join(METALS)}."


def metal(symbol: str) -> Metal:
    """Return the metal with exactly this symbol.

    Parameters
    ----------
    symbol
        Chemical symbol as printed in the periodic table, such as ``Cu``.

    Returns
    -------
        The metal with its default properties.

    Raises
    ------
    InputError
        The symbol is not one of the 27 metals; the message names the likely one or lists all.

    Examples
    --------
    >>> osmium = metal("Os")
    >>> osmium.phase, osmium.a_A, osmium.melting_temperature_K
    ('hcp', 2.74, 3306)
    """
    name = str(symbol)
    if name not in METALS:
        raise InputError(f"'{name}' is not one of the 27 metals of TM23: {_suggestion(name)}")
    return _build_metal(name)
