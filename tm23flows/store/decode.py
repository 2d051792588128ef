"""Documents that would turn into program when they are decoded.

Owns the allow-list. A dictionary with ``@module`` makes monty, and with it jobflow, maggma,
atomate2 and pymatgen, import that module, which runs it; one with ``_fw_name`` does the same in
FireWorks. What comes from elsewhere is looked at here first, as plain data, and refused before
anything decodes it.

What this cannot protect: FireWorks decodes a Firework before any code of this package runs.
Whoever can write to the launchpad's database can run programs as its workers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tm23flows.errors import DecodeRefusedError

MODULES = (
    "tm23flows.documents",
    "tm23flows.jobs",
    "tm23flows.flows",
    "tm23flows.engines",
    "tm23flows.science",
    "jobflow.core",
    "atomate2.vasp",
    "custodian.vasp",
    "pymatgen.core",
    "pymatgen.io.vasp",
    "emmet.core",
    "numpy",
    "datetime",
    "uuid",
)
"""Modules whose classes a document may name, with all that is below them."""

CALLABLES = re.compile(r"tm23flows\.jobs\.[a-z_]+:(?:[A-Z][A-Za-z0-9]*JobMaker\.make|[a-z][a-z_]*)")
"""Functions that a document may name, as ``module:name``: the jobs of this package."""

FIREWORKS = ("{{jobflow.managers.fireworks.JobFiretask}}",)
"""Tasks that a document may name."""

CLASS = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
OPEN_FIELDS = (
    ("provenance", "inputs"), ("recipe", "options"), ("base_recipe", "options"), ("tags",),
    ("hyperparameters",), ("summary",), ("query",), ("split_options",),
)  # fmt: skip
"""Fields of the nouns that take any JSON; all others are closed, and take no such key."""

DEEPEST = 100
"""Levels of nesting: more than our documents have, less than what a decoder survives."""


def refuse_code(value: Any, modules: Iterable[str] = MODULES) -> None:
    """Refuse a document that names something to import which is not on the allow-list.

    Parameters
    ----------
    value
        Dictionaries, lists and scalars, not decoded.
    modules
        Modules whose classes may be named.

    Raises
    ------
    DecodeRefusedError
        If there is such a thing anywhere in it, or it is nested too deeply.
    """
    allowed = tuple(f"{one}." for one in modules)
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            raise DecodeRefusedError(f"A document is nested more than {DEEPEST} levels deep.")
        if isinstance(one, dict):
            if "@module" in one or "_fw_name" in one:
                _check(one, allowed)
            waiting.extend((inner, depth + 1) for inner in one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            waiting.extend((inner, depth + 1) for inner in one)


def refuse_code_in(stored: dict[str, Any]) -> None:
    """Refuse a stored document of a noun in whose open fields there is something to import.

    Parameters
    ----------
    stored
        The document; only :data:`OPEN_FIELDS` are looked at.

    Raises
    ------
    DecodeRefusedError
        If there is anything to import in it: these fields are for plain values.
    """
    for path in OPEN_FIELDS:
        value: Any = stored
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            refuse_code(value, ())


def decode(value: Any, modules: Iterable[str] = MODULES) -> Any:
    """Decode a document as monty does, after looking at it.

    Parameters
    ----------
    value
        Dictionaries, lists and scalars.
    modules
        Modules whose classes may be named.

    Returns
    -------
    The objects.

    Raises
    ------
    DecodeRefusedError
        If it names what is not on the allow-list; nothing was imported then.
    """
    from monty.json import MontyDecoder

    refuse_code(value, modules)
    return MontyDecoder().process_decoded(value)


def _check(one: dict[str, Any], allowed: tuple[str, ...]) -> None:
    # FireWorks' own tasks run commands and scripts, so they are not for documents either.
    if "_fw_name" in one and one["_fw_name"] not in FIREWORKS:
        raise _refused(f"the task {one['_fw_name']!r}")
    if "@module" not in one:
        return
    module = one["@module"]
    if not isinstance(module, str) or not f"{module}.".startswith(allowed):
        raise _refused(f"the module {module!r}")
    if "@class" in one and not (isinstance(one["@class"], str) and CLASS.fullmatch(one["@class"])):
        raise _refused(f"the class {one['@class']!r}")
    name = f"{module}:{one.get('@callable')}"
    if "@callable" in one and not CALLABLES.fullmatch(name):
        raise _refused(f"the function {name!r}")


def _refused(what: str) -> DecodeRefusedError:
    return DecodeRefusedError(
        f"A document would import {what[:120]}, which is not on the list of what may be; find out "
        "who wrote it, and do not run it."
    )
