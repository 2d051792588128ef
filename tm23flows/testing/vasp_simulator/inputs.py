"""What a run is asked for, read from its folder.

Owns the putting together of INCAR, KPOINTS, POSCAR and POTCAR, and the sentences for what is
missing or does not fit. Computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.electrons import Electrons
from tm23flows.testing.vasp_simulator.kpoints import Mesh, read_kpoints
from tm23flows.testing.vasp_simulator.motion import A_PER_FS2, Ensemble
from tm23flows.testing.vasp_simulator.poscar import Poscar, read_poscar
from tm23flows.testing.vasp_simulator.potcar import Potcar, read_potcars
from tm23flows.testing.vasp_simulator.tags import Value, complete, read_incar


@dataclass(frozen=True)
class Inputs:
    """The whole problem.

    ``given`` are the tags of the INCAR, ``tags`` all of them; ``potcars`` are one per block of
    the POSCAR and ``guess`` says whether wave functions or a charge of before are used.
    """

    build: str
    given: dict[str, Value]
    tags: dict[str, Value]
    mesh: Mesh
    poscar: Poscar
    potcars: list[Potcar]
    guess: bool

    @property
    def per_atom(self) -> list[Potcar]:
        """The POTCAR of every atom."""
        blocks = zip(self.potcars, self.poscar.counts, strict=True)
        return [potcar for potcar, count in blocks for _ in range(count)]

    @property
    def reported(self) -> dict[str, Value]:
        """The tags as VASP reports them: SMASS = 0 has become a mass, in units of u ``|a|^2``."""
        told = {"PREC": str(self.tags["PREC"]).lower()[:6], "GGA": str(self.tags["GGA"]).upper()}
        told["LREAL"] = bool(self.tags["LREAL"])
        if self.is_md and self.tags["SMASS"] == 0:
            length = float(np.linalg.norm(self.poscar.cell[0]))
            told["SMASS"] = float(self.ensemble.inertia) * A_PER_FS2 / length**2
        return {**self.tags, **told}

    @property
    def is_md(self) -> bool:
        """Whether atoms move."""
        return self.tags["NSW"] > 0 and self.tags["IBRION"] == 0

    @property
    def electrons(self) -> Electrons:
        """The electronic problem."""
        neutral = sum(potcar.valence for potcar in self.per_atom)
        return Electrons(
            mesh=self.mesh.divisions,
            offset=self.mesh.offset,
            sigma_eV=self.tags["SIGMA"],
            order=self.tags["ISMEAR"],
            cutoff_ratio=self.tags["ENMAX"] / max(potcar.enmax_eV for potcar in self.potcars),
            shift=self.tags["NELECT"] - neutral,
            neutral=neutral,
        )

    @property
    def ensemble(self) -> Ensemble:
        """What the dynamics holds."""
        return Ensemble(
            masses=np.array([potcar.mass_u for potcar in self.per_atom]),
            temperature_K=self.tags["TEBEG"],
            timestep_fs=self.tags["POTIM"],
            thermostat=self.tags["SMASS"] >= 0,
        )


def read_inputs(folder: Path, build: str) -> Inputs:
    """Read the four input files of a folder.

    Parameters
    ----------
    folder
        Where VASP was started.
    build
        std or gam.

    Returns
    -------
    The problem.

    Raises
    ------
    InputError
        If a file is missing, cannot be understood, or does not fit the others.
    """
    given = read_incar(_text(folder, "INCAR"))
    poscar = read_poscar(_text(folder, "POSCAR"))
    potcars = read_potcars(_text(folder, "POTCAR"))
    mesh = read_kpoints(_text(folder, "KPOINTS"))
    if build == "gam" and not mesh.is_gamma_only:
        raise InputError("This is the Gamma-point only version: the mesh must be 1 1 1 at Gamma.")
    if tuple(potcar.element for potcar in potcars) != poscar.symbols:
        found = " ".join(potcar.element for potcar in potcars)
        raise InputError(f"POSCAR has {' '.join(poscar.symbols)} and POTCAR has {found}.")
    tags = _filled(complete(given), given, poscar, potcars)
    _choose_start(tags, given, folder)
    if tags["NSW"] and poscar.thermostat and poscar.timestep_fs != tags["POTIM"]:
        raise InputError("POTIM differs from that of the predictor-corrector block of the POSCAR.")
    if tags["NSW"] and tags["SMASS"] >= 0 and not tags["TEBEG"] > 0:
        raise InputError("A thermostat needs a temperature: set TEBEG.")
    guess = (tags["ISTART"] > 0 and _is_of(folder / "WAVECAR", poscar)) or (
        tags["ICHARG"] == 1 and _is_of(folder / "CHGCAR", poscar)
    )
    return Inputs(build, given, tags, mesh, poscar, potcars, guess)


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(f"The file {name} is missing.") from None


def _filled(
    tags: dict[str, Value], given: dict[str, Value], poscar: Poscar, potcars: list[Potcar]
) -> dict[str, Value]:
    """Give the values that follow from the POTCAR to the tags that need them."""
    blocks = list(zip(potcars, poscar.counts, strict=True))
    electrons = sum(potcar.valence * count for potcar, count in blocks)
    cutoff = max(potcar.enmax_eV for potcar in potcars)
    n = sum(poscar.counts)
    follow = {
        "NELECT": electrons,
        "ENMAX": cutoff,
        "ENAUG": 2 * cutoff,
        "NBANDS": int(electrons / 2 + max(n / 2, 3)) + 1,
        "MAGMOM": [1.0] * n,
    }
    names = {"ENCUT": "ENMAX"}
    asked = {names.get(tag, tag) for tag in given}
    return {**tags, **{tag: value for tag, value in follow.items() if tag not in asked}}


def _choose_start(tags: dict[str, Value], given: dict[str, Value], folder: Path) -> None:
    """Set ISTART and ICHARG as VASP does when they are not given."""
    if "ISTART" not in given:
        wavecar = folder / "WAVECAR"
        tags["ISTART"] = int(wavecar.exists() and wavecar.stat().st_size > 0)
    if "ICHARG" not in given:
        tags["ICHARG"] = 0 if tags["ISTART"] else 2


def _is_of(file: Path, poscar: Poscar) -> bool:
    """Whether a file of wave functions or charge belongs to atoms of the same kinds."""
    head = describe(poscar)
    try:
        return file.read_text(encoding="utf-8", errors="replace").startswith(head)
    except FileNotFoundError:
        return False


def describe(poscar: Poscar) -> str:
    """Write the first line of WAVECAR and CHGCAR.

    Parameters
    ----------
    poscar
        The atoms.

    Returns
    -------
    Elements and counts.
    """
    pairs = zip(poscar.symbols, poscar.counts, strict=True)
    return "simulator " + " ".join(f"{symbol}{count}" for symbol, count in pairs)
