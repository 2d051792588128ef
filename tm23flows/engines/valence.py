"""How many electrons a program treats per atom, as far as it is known before it runs.

Owns the number for each engine's dataset of an element; the sizes of runs are counted in them.
"""

from __future__ import annotations

import re

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.science.metals import METALS, metal

SEMICORE = {"pv": 6, "sv": 8}
"""Electrons below the valence that the suffix of a VASP dataset adds: p^6, or s^2 p^6."""


def valence_electrons(engine: str, element: str, dataset: str | None = None) -> int | None:
    """Return the electrons of an atom that a program treats.

    Parameters
    ----------
    engine
        Name of the engine.
    element
        Chemical symbol.
    dataset
        Title of VASP's dataset as a recipe or a POTCAR has it; None for the one of our table.

    Returns
    -------
    The number. Of VASP's datasets it follows from the title, because a d metal has as many
    valence electrons as its group says; no POTCAR is read. None where there are no electrons, or
    GPAW is not here to say.
    """
    if element not in METALS:
        return None
    if engine == "gpaw":
        return _of_gpaw(element)
    if engine not in ("vasp", "imported"):
        return None
    title = dataset or metal(element).potcar_title
    suffix = re.search(rf"\b{element}_(pv|sv)\b", title)
    return metal(element).group + (SEMICORE[suffix[1]] if suffix else 0)


def _of_gpaw(element: str) -> int | None:
    from tm23flows.engines.gpaw_setups import electrons_of_dataset

    try:
        return electrons_of_dataset(element)
    except (ImportError, InputError, MissingDependencyError):
        return None
