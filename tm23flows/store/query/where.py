"""Conditions written as text: ``FIELD OP VALUE``, as in ``step >= 1010``.

Owns the fields that may be asked for, their types, and the reading of conditions.
Field, operator and value are each checked against a list or a type, and only then
translated, so that no database operator ever comes from outside.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tm23flows.documents.recipe import Recipe, parse_kmesh
from tm23flows.errors import InputError
from tm23flows.store.query.filters import number, parse_moment, plain_text

Kind = Literal["text", "whole number", "number", "yes or no", "k-mesh", "date"]


@dataclass(frozen=True)
class Asked:
    """A field that conditions may name: its type and where it is."""

    kind: Kind
    frames: str | None = None
    """Path in the collection of frames; None where frames do not have it."""
    labels: str | None = None
    """Path in the collection of labels."""
    recipe: str | None = None
    """Name in the recipe of a label."""


def _both(kind: Kind, path: str) -> Asked:
    return Asked(kind, frames=path, labels=path)


def _label(kind: Kind, path: str) -> Asked:
    return Asked(kind, labels=path)


FIELDS: dict[str, Asked] = {
    "element": _both("text", "element"),
    "regime": _both("text", "regime"),
    "temperature_K": _both("number", "temperature_K"),
    "trajectory_id": _both("text", "trajectory_id"),
    "step": _both("whole number", "step"),
    "frame_id": Asked("text", frames="_id", labels="frame_id"),
    "n_atoms": Asked("whole number", frames="numbers.shape", labels="n_atoms"),
    "time_fs": Asked("number", frames="time_fs"),
    "origin": Asked("text", frames="origin"),
    "label_id": _label("text", "_id"),
    "recipe_id": _label("text", "recipe_id"),
    **{
        f"energies.{kind}": _label("number", f"energies.{kind}")
        for kind in ("free", "sigma0", "without_entropy", "unspecified")
    },
    **{
        f"magnitudes.{name}": _label("number", f"magnitudes.{name}")
        for name in ("energy_per_atom", "max_force", "max_stress")
    },
    "effort.scf_iterations": _label("whole number", "effort.scf_iterations"),
    "effort.cpu_s": _label("number", "effort.cpu_s"),
    "effort.wall_s": _label("number", "effort.wall_s"),
    "effort.program": _label("text", "effort.program"),
    "recipe.engine": Asked("text", recipe="engine"),
    "recipe.xc": Asked("text", recipe="xc"),
    "recipe.cutoff_eV": Asked("number", recipe="cutoff_eV"),
    "recipe.kmesh": Asked("k-mesh", recipe="kmesh"),
    "recipe.smearing": Asked("text", recipe="smearing"),
    "recipe.smearing_order": Asked("whole number", recipe="smearing_order"),
    "recipe.sigma_eV": Asked("number", recipe="sigma_eV"),
    "recipe.electron_shift": Asked("number", recipe="electron_shift"),
    "recipe.spin_polarized": Asked("yes or no", recipe="spin_polarized"),
    "provenance.created": _both("date", "provenance.created"),
    "provenance.host": _both("text", "provenance.host"),
}
"""Everything that a condition may ask for."""

_MONGO = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS = tuple(_PYTHON)

_ORDERED: tuple[Kind, ...] = ("number", "whole number", "date")
_EXPRESSION = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_YES_OR_NO = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Condition:
    """One condition that was read and checked."""

    name: str
    operator: str
    value: Any

    @property
    def field(self) -> Asked:
        """What is asked for."""
        return FIELDS[self.name]

    def mongo(self, path: str) -> dict[str, Any]:
        """Translate for the database; a field without a value fits no condition.

        Parameters
        ----------
        path
            Where the field is in the collection.

        Returns
        -------
        A filter.
        """
        if self.operator == "!=":
            return {path: {"$nin": [self.value, None]}}
        return {path: {_MONGO[self.operator]: self.value}}

    def fits(self, recipe: Recipe) -> bool:
        """Say whether a recipe fits; a setting that is not known fits no condition.

        Parameters
        ----------
        recipe
            The recipe of a label.

        Returns
        -------
        Whether it does; True for conditions that do not ask for recipes.
        """
        if self.field.recipe is None:
            return True
        value = getattr(recipe, self.field.recipe)
        return value is not None and _PYTHON[self.operator](value, self.value)


def parse_condition(text: str) -> Condition:
    """Read a condition such as ``recipe.cutoff_eV >= 400``.

    Parameters
    ----------
    text
        Field, operator and value.

    Returns
    -------
    The condition.

    Raises
    ------
    InputError
        If the text is no condition, the field or operator is not allowed, or the value is
        not of the field's type.

    Examples
    --------
    >>> parse_condition("step >= 1010")
    Condition(name='step', operator='>=', value=1010)
    """
    parts = _EXPRESSION.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise InputError(
            f"{text!r} is no condition; write FIELD OP VALUE, as in 'step>=1010', with OP one "
            f"of {' '.join(OPERATORS)}."
        )
    name, sign, value = parts.groups()
    if name not in FIELDS:
        raise InputError(
            f"Conditions know no field '{name}'; they know {', '.join(sorted(FIELDS))}."
        )
    kind = FIELDS[name].kind
    if sign not in ("=", "!=") and kind not in _ORDERED:
        raise InputError(f"'{name}' is {kind}: it can be compared with = and != only.")
    return Condition(name, sign, _read(name, kind, value))


def _read(name: str, kind: Kind, text: str) -> Any:
    if kind == "text":
        return plain_text(text)
    if kind == "date":
        return parse_moment(text)
    if kind == "k-mesh":
        return parse_kmesh(text)
    value: Any = None
    if kind == "yes or no":
        value = _YES_OR_NO.get(text.lower())
    elif kind == "whole number":
        value = int(text) if _WHOLE.fullmatch(text) else None
    else:
        value = number(text)
    if value is None:
        raise InputError(f"'{name}' is a {kind}, and {text!r} is none.")
    return value
