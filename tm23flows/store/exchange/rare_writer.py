"""Folders with rare events, written: ``DATA.json`` and a zip of POSCAR files.

Owns the writer of the layout that :mod:`tm23flows.store.exchange.rare_folder` reads. Conventions
are stated in the file: ``r`` is the plain distance to the nearest migrating atom, ``r_v`` that to
the nearest lattice site, and the k-mesh of a label is its own, whatever its name says in the files
of the authors.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science.event_frames import CONVENTION
from tm23flows.science.label_arrays import FloatArray
from tm23flows.store.exchange.rare_folder import KMESHES

if TYPE_CHECKING:
    from ase import Atoms

ZIP = "POSCAR.zip"


@dataclass(frozen=True)
class RareFrame:
    """One frame to write.

    Parameters
    ----------
    atoms
        The geometry.
    energies_eV, forces_eV_per_A
        By name of the label; energies may be of fewer labels.
    r_A, r_v_A
        Distances, (atoms,), A; None for a frame without an event.
    vacant_sites_A
        Vacant sites, (sites, 3), A.
    """

    atoms: Atoms
    energies_eV: Mapping[str, float]
    forces_eV_per_A: Mapping[str, FloatArray]
    r_A: Sequence[float] | None
    r_v_A: Sequence[float] | None
    vacant_sites_A: Sequence[Sequence[float]] = ()


def write_rare_events(
    folder: Path, frames: Sequence[RareFrame], facts: Mapping[str, Any]
) -> tuple[Path, ...]:
    """Write a folder with rare events.

    Parameters
    ----------
    folder
        A folder that is new or empty.
    frames
        Frames, all with the same labels out of ``DFT_K4``, ``DFT_K2`` and ``DFT_K1``, the first
        one the truth.
    facts
        What is stated besides, such as the k-mesh of each label and the rule of the events.

    Returns
    -------
    The files.

    Raises
    ------
    InputError
        If the folder is not empty, there is no frame, frames have different or unknown labels, or
        numbers do not fit the atoms.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: name a new folder.")
    data = {"convention": CONVENTION, "r_unit": "angstrom", **facts, **_content(frames)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "DATA.json").write_text(json.dumps(data, allow_nan=False), encoding="utf-8")
    with zipfile.ZipFile(folder / ZIP, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, one in enumerate(frames):
            packed.writestr(f"{number}.POSCAR.vasp", _poscar(one.atoms))
            if len(one.vacant_sites_A):
                name = f"{number}_vacancies.POSCAR.vasp"
                packed.writestr(name, _poscar(_sites(one)))
    return folder / "DATA.json", folder / ZIP


def _content(frames: Sequence[RareFrame]) -> dict[str, Any]:
    if not frames:
        raise InputError("There is no frame to write.")
    labels, energies = set(frames[0].forces_eV_per_A), set(frames[0].energies_eV)
    if not labels or labels - set(KMESHES) or energies - labels:
        raise InputError(f"The labels of such a folder are {', '.join(KMESHES)}.")
    for number, one in enumerate(frames):
        if set(one.forces_eV_per_A) != labels or set(one.energies_eV) != energies:
            raise InputError(f"Frame {number} has other labels than the first one.")
        _check_shapes(number, one)
    order = [one for one in KMESHES if one in labels]
    return {
        "Energies": {
            name: [float(one.energies_eV[name]) for one in frames]
            for name in order
            if name in energies
        },
        "Forces": {
            name: [np.asarray(one.forces_eV_per_A[name], float).tolist() for one in frames]
            for name in order
        },
        "r": [_row(one.r_A) for one in frames],
        "r_v": [_row(one.r_v_A) for one in frames],
    }


def _check_shapes(number: int, one: RareFrame) -> None:
    n_atoms = len(one.atoms)
    if any(np.shape(forces) != (n_atoms, 3) for forces in one.forces_eV_per_A.values()):
        raise InputError(f"Frame {number} has {n_atoms} atoms and forces on others.")
    if any(row is not None and np.shape(row) != (n_atoms,) for row in (one.r_A, one.r_v_A)):
        raise InputError(f"Frame {number} has {n_atoms} atoms and distances of others.")


def _row(values: Sequence[float] | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]


def _sites(one: RareFrame) -> Atoms:
    from ase import Atoms as AseAtoms

    sites = [list(site) for site in one.vacant_sites_A]
    symbols = [one.atoms.symbols[0]] * len(sites)
    return AseAtoms(symbols, positions=sites, cell=one.atoms.cell, pbc=True)


def _poscar(atoms: Atoms) -> str:
    from ase.io import write

    if list(atoms.symbols) != sorted(atoms.symbols, key=list(dict.fromkeys(atoms.symbols)).index):
        raise InputError("A POSCAR holds elements one after the other: sort the atoms first.")
    text = StringIO()
    write(text, atoms, format="vasp", direct=False)
    return text.getvalue()
