"""From where a VASP run starts and goes on: POSCAR with velocities, and CONTCAR.

Owns the first POSCAR of a run and the judgement whether a CONTCAR belongs to the last
complete step. CONTCAR goes on as it is, byte by byte: it holds the state of the
thermostat in a form that is VASP's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tm23flows.engines.dynamics import set_initial_velocities

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.io.vasp import Poscar

    from tm23flows.documents.trajectory import Dynamics

SAME_PLACE = 1e-7
"""Fractional; VASP writes more digits than this, so equal geometries agree better."""

VELOCITY_MISFIT = 0.5
"""Largest part of the displacement that the velocities may leave unexplained.

With the velocities of CONTCAR the next positions are one step away to within
acceleration x step^2 / 2, some ten per cent; a CONTCAR of another step is off by 100 %.
"""

Age = Literal["next", "same", "other"]


def first_poscar(atoms: Atoms, dynamics: Dynamics) -> str:
    """Write the POSCAR of a new run, with seeded velocities in angstrom/fs.

    Parameters
    ----------
    atoms
        Initial geometry.
    dynamics
        Temperature and seed.

    Returns
    -------
    The text. Positions and velocities have sixteen digits.
    """
    from ase import units
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.io.vasp import Poscar

    moving = atoms.copy()
    set_initial_velocities(moving, dynamics)
    structure = AseAtomsAdaptor.get_structure(atoms)
    velocities = moving.get_velocities() * units.fs
    # pymatgen writes eight digits of velocities.
    lines = "".join(f"{x: .16E} {y: .16E} {z: .16E}\n" for x, y, z in velocities)
    return f"{Poscar(structure).get_str(significant_figures=16).rstrip()}\n\n{lines}"


def read_contcar(path: Path, n_atoms: int) -> Poscar | None:
    """Read a CONTCAR, if it is whole.

    Parameters
    ----------
    path
        The file.
    n_atoms
        Atoms that it must have.

    Returns
    -------
    What is in it; None if it is missing, cut, or has no velocities.
    """
    from pymatgen.io.vasp import Poscar

    try:
        text = path.read_text(encoding="ascii")
        contcar = Poscar.from_str(text)
    except (OSError, ValueError, IndexError, KeyError):
        return None
    velocities = contcar.velocities
    whole = text.endswith("\n") and len(contcar.structure) == n_atoms
    if not whole or velocities is None or len(velocities) != n_atoms:
        return None
    return contcar if np.isfinite(np.array(velocities, dtype=float)).all() else None


def age(contcar: Poscar, fractional: np.ndarray, cell: np.ndarray, timestep_fs: float) -> Age:
    """Say how a CONTCAR stands to the last complete step.

    Parameters
    ----------
    contcar
        What VASP wrote for its next run.
    fractional
        Fractional positions of the last complete step, shape (n, 3).
    cell
        Rows are the vectors, in angstrom.
    timestep_fs
        Time step in fs.

    Returns
    -------
    ``next`` if it holds the positions of the step after, ``same`` if those of the step
    itself (VASP was killed between writing the step and CONTCAR), ``other`` if neither.
    """
    away = contcar.structure.frac_coords - fractional
    away -= np.rint(away)
    if np.abs(away).max() < SAME_PLACE:
        return "same"
    moved = away @ cell
    expected = np.array(contcar.velocities, dtype=float) * timestep_fs
    misfit = np.linalg.norm(moved - expected)
    return "next" if misfit < VELOCITY_MISFIT * np.linalg.norm(expected) else "other"
