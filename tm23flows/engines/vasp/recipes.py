"""From a recipe to VASP's input sets and back.

Owns the two directions: what a recipe makes of a set, and what the files of a set say
about the recipe. The second reads INCAR, KPOINTS and POTCAR as they would be written, so
that nothing a user has set, in whatever way, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import fields
from typing import Any

from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Potcar

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.vasp.incar_tags import (
    MOTION_TAGS,
    OUTPUT_TAGS,
    RECIPE_TAGS,
    check_user_incar,
)
from tm23flows.engines.vasp.inputs import input_files
from tm23flows.engines.vasp.kpoints_file import read_kpoints
from tm23flows.engines.vasp.potcars import DEFAULT_FUNCTIONAL, potcar_identity
from tm23flows.errors import InputError
from tm23flows.science import protocol

RECIPE_FIELDS = (
    "cutoff_eV",
    "kmesh",
    "kmesh_offset",
    "smearing_order",
    "sigma_eV",
    "spin_polarized",
    "electron_shift",
)
"""Fields of an input set that come from the recipe, where they have the same names."""

_OPTIONS = ("incar", "potcar_functional", "bands_percent")
_NOT_OPTIONS = frozenset({*RECIPE_TAGS, *MOTION_TAGS, *OUTPUT_TAGS, "NELECT", "NBANDS"})


def with_recipe(generator: VaspInputGenerator, recipe: Recipe) -> VaspInputGenerator:
    """Return a copy of an input set that does what a recipe says.

    Parameters
    ----------
    generator
        One of our sets. Its ``user_incar_settings`` and ``user_kpoints_settings`` win over
        the recipe, as atomate2's users expect; :func:`complete_recipe` reads them back.
    recipe
        The recipe. Its options may hold ``incar``, ``potcar_functional`` and
        ``bands_percent``.

    Returns
    -------
    The copy.

    Raises
    ------
    InputError
        If a field of the set is neither its default nor what the recipe says, or the
        recipe has other options.
    """
    if unknown := set(recipe.options) - set(_OPTIONS):
        raise InputError(
            f"A VASP recipe has no option '{min(unknown)}'; there is {', '.join(_OPTIONS)}."
        )
    new = deepcopy(generator)
    defaults = {one.name: one.default for one in fields(new)}
    for name in RECIPE_FIELDS:
        ours, asked = getattr(new, name), getattr(recipe, name)
        if asked is None or asked == ours:
            continue
        if ours != defaults[name]:
            raise InputError(
                f"The input set says {name} = {ours}, the recipe {asked}; set it in the recipe."
            )
        setattr(new, name, asked)
    if (percent := recipe.options.get("bands_percent")) is not None:
        new.bands_percent = percent
    new.user_potcar_functional = _functional(new, recipe)
    new.user_incar_settings = {**_recipe_tags(new, recipe), **new.user_incar_settings}
    check_user_incar(new.user_incar_settings)
    return new


def complete_recipe(
    generator: VaspInputGenerator, recipe: Recipe, symbols: Iterable[str]
) -> Recipe:
    """Make everything explicit that changes numbers, read from the files to be written.

    Parameters
    ----------
    generator
        One of our sets.
    recipe
        Settings as the user gave them.
    symbols
        Chemical symbols of the atoms.

    Returns
    -------
    A recipe that gives the same files again; completing it changes nothing.

    Raises
    ------
    InputError
        If the recipe is not PBE, a setting belongs elsewhere or is not safe, or a dataset
        is not the one that the recipe names.
    MissingDependencyError
        If a dataset is not in the library.
    """
    if recipe.xc != protocol.XC:
        raise InputError(f"The VASP engine computes {protocol.XC}, not {recipe.xc}.")
    if recipe.smearing != "methfessel-paxton":
        raise InputError(f"The VASP engine smears with Methfessel-Paxton, not {recipe.smearing}.")
    filled = with_recipe(generator, recipe)
    names = sorted(set(symbols))
    files = input_files(filled, Structure(Lattice.cubic(50), names, [[0, 0, 0]] * len(names)))
    incar = files["INCAR"]
    if missing := set(RECIPE_TAGS) - set(incar):
        raise InputError(f"{min(missing)} cannot be left to VASP; a recipe must name it.")
    if incar["ISMEAR"] < 0:
        raise InputError("ISMEAR must be 0 or more: recipes know Methfessel-Paxton smearing only.")
    kmesh, offset = read_kpoints(files["KPOINTS"])
    functional = filled.user_potcar_functional
    return recipe.model_copy(
        update={
            "cutoff_eV": float(incar["ENCUT"]),
            "smearing_order": int(incar["ISMEAR"]),
            "sigma_eV": float(incar["SIGMA"]),
            "spin_polarized": incar["ISPIN"] == 2,
            "kmesh": kmesh,
            "kmesh_offset": offset,
            "pseudopotentials": _identities(names, files["POTCAR"], functional, recipe),
            "options": {
                "incar": _other_tags(filled, incar),
                "potcar_functional": functional,
                "bands_percent": filled.resolved_bands_percent,
            },
        }
    )


def _functional(generator: VaspInputGenerator, recipe: Recipe) -> str:
    ours, asked = generator.user_potcar_functional, recipe.options.get("potcar_functional")
    return asked if asked and ours == DEFAULT_FUNCTIONAL else ours


def _recipe_tags(generator: VaspInputGenerator, recipe: Recipe) -> dict[str, Any]:
    """Return the recipe's own tags; a complete recipe names all, so others are taken out."""
    asked = dict(recipe.options.get("incar") or {})
    if not recipe.pseudopotentials:
        return asked
    plain = deepcopy(generator)
    plain.user_incar_settings = {}
    plain.structure = Structure(Lattice.cubic(50), [min(recipe.pseudopotentials)], [[0, 0, 0]])
    written = {tag for tag in plain.incar_updates if tag not in _NOT_OPTIONS}
    return {**dict.fromkeys(sorted(written - set(asked))), **asked}


def _other_tags(generator: VaspInputGenerator, incar: dict[str, Any]) -> dict[str, Any]:
    chosen = {tag: incar[tag] for tag in sorted(incar) if tag not in _NOT_OPTIONS}
    if generator.user_incar_settings.get("NBANDS") is not None:
        chosen["NBANDS"] = incar["NBANDS"]
    return chosen


def _identities(
    names: list[str], potcar: Potcar, functional: str, recipe: Recipe
) -> dict[str, str]:
    found = {}
    for symbol, dataset in zip(names, potcar, strict=True):
        found[symbol] = potcar_identity(dataset.symbol, functional)
        asked = recipe.pseudopotentials.get(symbol, found[symbol])
        if asked != found[symbol]:
            raise InputError(
                f"The recipe asks for the dataset {asked} of {symbol}, but here VASP has "
                f"{found[symbol]}; take the pseudopotentials out of the recipe to use that one."
            )
    return found
