"""VASP's inputs: sets that write what the recipe says and nothing else.

Owns atomate2 input sets for statics and molecular dynamics. The way from a recipe to a set
and back is ``recipes``. Nothing is inherited from other sets, from earlier runs or from the
structure. The article is silent on the tags of accuracy (PREC, EDIFF, ALGO, NELM, ...);
they are defaults that ``user_incar_settings`` overrides, and a complete recipe names them.

LASPH and ADDGRID are left at VASP's defaults, for the article mentions neither.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.core import Structure
from pymatgen.io.vasp import Kpoints, Potcar, VaspInput

from tm23flows.engines.vasp.incar_tags import check_user_incar
from tm23flows.engines.vasp.kpoints_file import read_kpoints, write_kpoints
from tm23flows.engines.vasp.potcars import DEFAULT_FUNCTIONAL, potcar_title, read_potcar
from tm23flows.errors import InputError
from tm23flows.science import protocol


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
