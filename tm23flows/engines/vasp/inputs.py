"""VASP's inputs: sets that write what the recipe says and nothing else.

Owns atomate2 input sets for statics and molecular dynamics, and the way from a recipe to
a set and back. Nothing is inherited from other sets, from earlier runs or from the
structure. The article is silent on the tags of accuracy (PREC, EDIFF, ALGO, NELM, ...);
they are defaults that ``user_incar_settings`` overrides, and a complete recipe names them.

LASPH and ADDGRID are left at VASP's defaults, for the article mentions neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any

from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Kpoints, Potcar, VaspInput

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.vasp.incar_tags import (
    MOTION_TAGS,
    OUTPUT_TAGS,
    RECIPE_TAGS,
    check_user_incar,
)
from tm23flows.engines.vasp.kpoints_file import read_kpoints, write_kpoints
from tm23flows.engines.vasp.potcars import (
    DEFAULT_FUNCTIONAL,
    potcar_identity,
    potcar_title,
    read_potcar,
)
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


def _empty_config() -> dict[str, Any]:
    return {"INCAR": {}, "KPOINTS": {}, "POTCAR": {}, "POTCAR_FUNCTIONAL": DEFAULT_FUNCTIONAL}


@dataclass
class _TM23Set(VaspInputGenerator):
    """What statics and molecular dynamics share."""

    config_dict: dict = field(default_factory=_empty_config)
    # Each of these would let something else into the INCAR or move atoms.
    inherit_incar: bool | list[str] = False
    auto_ismear: bool = False
    auto_metal_kpoints: bool = False
    sort_structure: bool = False
    validate_magmom: bool = False

    cutoff_eV: float = protocol.CUTOFF_EV
    kmesh: tuple[int, int, int] = (1, 1, 1)
    kmesh_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    smearing_order: int = protocol.SMEARING_ORDER
    sigma_eV: float = protocol.SIGMA_EV
    spin_polarized: bool = protocol.SPIN_POLARISED
    electron_shift: float = 0.0
    bands_percent: int | None = None

    def __post_init__(self) -> None:
        """Write tags as VASP does and meshes as recipes do."""
        super().__post_init__()
        self.user_incar_settings = {
            str(tag).strip().upper(): value for tag, value in self.user_incar_settings.items()
        }
        self.kmesh = tuple(self.kmesh)
        self.kmesh_offset = tuple(self.kmesh_offset)

    @property
    def incar_updates(self) -> dict[str, Any]:
        """The tags that both kinds of runs have."""
        check_user_incar(self.user_incar_settings)
        tags = {
            "ENCUT": self.cutoff_eV,
            "ISMEAR": self.smearing_order,
            "SIGMA": self.sigma_eV,
            "ISPIN": 2 if self.spin_polarized else 1,
            # Sampled frames have no point group; k and -k remain one point.
            "ISYM": 0,
            "LREAL": False,
            "ALGO": "Normal",
            # pymatgen would add it by the same rule; here it is said.
            "LMAXMIX": 6 if any(element.Z > 56 for element in self.structure.composition) else 4,
        }
        if self.electron_shift:
            tags["NELECT"] = self.nelect + self.electron_shift
        if percent := self.resolved_bands_percent:
            tags["NBANDS"] = self._count_bands(percent)
        return tags

    @property
    def resolved_bands_percent(self) -> int:
        """How many bands there are, in percent of the occupied ones; 0 is VASP's default.

        Inference: a large smearing fills bands that VASP's default does not have, and the
        article does not say what it did. The steps are those of the GPAW engine.
        """
        if self.user_incar_settings.get("NBANDS") is not None:
            return 0
        if self.bands_percent is not None:
            return self.bands_percent
        if self.sigma_eV_written <= 0.5:
            return 0
        return 160 if self.sigma_eV_written <= 1.0 else 200

    @property
    def sigma_eV_written(self) -> float:  # noqa: N802 - the unit keeps its capital
        """The smearing width that the INCAR will have."""
        return float(self.user_incar_settings.get("SIGMA") or self.sigma_eV)

    def _count_bands(self, percent: int) -> int:
        """Return a share of the occupied bands, but never fewer than VASP's default.

        The default is that of the VASP wiki, NBANDS.
        """
        electrons, atoms = self.nelect + self.electron_shift, len(self.structure)
        default = max(int(electrons + 2.5) // 2 + max(atoms // 2, 3), int(0.6 * electrons))
        share = math.ceil(percent / 100 * electrons / 2)
        # Two spins need room for the bands that a moment of 1 per atom (VASP's default) moves.
        return max(default, share) + (math.ceil(atoms / 2) if self.spin_polarized else 0)

    @property
    def kpoints(self) -> Kpoints:
        """The mesh, whoever set it, in one way of writing."""
        if self.user_kpoints_settings:
            return write_kpoints(*read_kpoints(self.user_kpoints_settings))
        return write_kpoints(self.kmesh, self.kmesh_offset)

    @property
    def potcar_symbols(self) -> list[str]:
        """Titles of the datasets: the user's, else those of the package."""
        return [
            self.user_potcar_settings.get(symbol)
            or potcar_title(symbol, self.user_potcar_functional)
            for symbol in self.poscar.site_symbols
        ]

    @property
    def potcar(self) -> Potcar:
        """The datasets, from the library that is set now."""
        functional = self.user_potcar_functional
        if not functional.startswith("PBE"):
            raise InputError(f"The datasets {functional} are not PBE; use those of PBE_54 or PBE.")
        potcar = Potcar(functional=functional)
        potcar.extend(read_potcar(title, functional) for title in self.potcar_symbols)
        return potcar


@dataclass
class TM23StaticSet(_TM23Set):
    """Inputs of one label: energy, forces and stress of one geometry.

    The fields with units are those of a recipe; ``bands_percent`` is the number of bands in
    percent of the occupied ones, where None means by the smearing.
    """

    @property
    def incar_updates(self) -> dict[str, Any]:
        """The whole INCAR.

        pymatgen writes neither IBRION nor ISIF where NSW is 0. VASP's defaults then are -1
        and 2 (VASP wiki, IBRION and ISIF), so that the stress is computed.
        """
        return {
            **super().incar_updates,
            "PREC": "Accurate",
            "EDIFF": 1e-6,
            "NELM": 100,
            "NSW": 0,
            # The next frame of a batch and the next smearing start from these.
            "LWAVE": True,
            "LCHARG": True,
        }


@dataclass
class TM23MDSet(_TM23Set):
    """Inputs of a run of molecular dynamics with VASP's Nose thermostat.

    Besides the fields of :class:`TM23StaticSet`: ``n_steps`` of this run, ``temperature_K``
    and ``timestep_fs``. SMASS=0 is a Nose mass with a period of 40 steps (VASP wiki, SMASS).
    """

    n_steps: int = protocol.N_STEPS
    temperature_K: float = 300.0
    timestep_fs: float = protocol.TIMESTEP_FS

    @property
    def incar_updates(self) -> dict[str, Any]:
        """The whole INCAR."""
        return {
            **super().incar_updates,
            "PREC": "Normal",
            "EDIFF": 1e-5,
            "NELMIN": 4,
            "NELM": 60,
            "LWAVE": False,
            "LCHARG": False,
            "IBRION": 0,
            # Builds of VASP 5 without -Dtbdyn do not know MDALGO: remove it there with None.
            "MDALGO": 2,
            "SMASS": 0,
            "ISIF": 2,
            "POTIM": self.timestep_fs,
            "NSW": self.n_steps,
            "TEBEG": self.temperature_K,
            "TEEND": self.temperature_K,
        }


def input_files(generator: VaspInputGenerator, structure: Structure) -> VaspInput:
    """Return INCAR, KPOINTS, POSCAR and POTCAR of a structure.

    Parameters
    ----------
    generator
        An input set; it is left as it is.
    structure
        Atoms in the order that the files will have.

    Returns
    -------
    pymatgen's objects.
    """
    return deepcopy(generator).get_input_set(structure)


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


_NOT_OPTIONS = frozenset({*RECIPE_TAGS, *MOTION_TAGS, *OUTPUT_TAGS, "NELECT", "NBANDS"})


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
