"""From where a VASP run starts and goes on: POSCAR with velocities, and CONTCAR.

Owns the first POSCAR of a run and the judgement after which step a CONTCAR goes on.
CONTCAR goes on as it is, byte by byte: it holds the state of the thermostat in a form that
is VASP's own. Its positions are those of the step that is done; the predictor-corrector
block after the velocities begins with those of the next step, and a run that reads the
block begins there, so that no step is there twice (seen in outputs of VASP 5.4.4 and 6.4.2).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

from tm23flows.engines.dynamics import set_initial_velocities

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.io.vasp import Poscar

    from tm23flows.documents.trajectory import Dynamics

SAME_PLACE = 1e-7
"""Fractional; VASP writes eight digits, so equal geometries agree better."""

VELOCITY_MISFIT = 0.5
"""Largest part of the displacement that the velocities may leave unexplained.

The velocities of CONTCAR are those that lead to the next positions; in outputs of VASP what
they leave is rounding. A CONTCAR of another step is off by 100 %.
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


def read_contcar(content: bytes, n_atoms: int) -> Poscar | None:
    """Read a CONTCAR, if it is whole.

    Parameters
    ----------
    content
        Of the file.
    n_atoms
        Atoms that it must have.

    Returns
    -------
    What is in it; None if it is cut, or has no velocities or no predictor-corrector block,
    without which the thermostat would start anew.
    """
    from pymatgen.io.vasp import Poscar
    from pymatgen.io.vasp.inputs import BadPoscarWarning

    try:
        text = content.decode("ascii")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contcar = Poscar.from_str(text)
    except (ValueError, LookupError, BadPoscarWarning):  # pymatgen raises that warning
        return None
    parts = (contcar.structure.frac_coords, contcar.velocities, contcar.predictor_corrector)
    if not text.endswith("\n") or any(part is None or len(part) != n_atoms for part in parts):
        return None
    try:
        sound = all(np.isfinite(np.array(part, dtype=float)).all() for part in parts)
    except ValueError:  # a line has too few numbers
        return None
    return contcar if sound else None


def first_positions(poscar: Poscar) -> np.ndarray:
    """Return where a run begins that reads a POSCAR.

    Parameters
    ----------
    poscar
        A POSCAR, or the CONTCAR of a run that is continued.

    Returns
    -------
    Fractional positions of its first step, shape (n, 3).
    """
    block = poscar.predictor_corrector
    return poscar.structure.frac_coords if block is None else np.array(block, dtype=float)[:, 0]


def age(contcar: Poscar, fractional: np.ndarray, cell: np.ndarray, timestep_fs: float) -> Age:
    """Say how a CONTCAR stands to a complete step.

    Parameters
    ----------
    contcar
        What VASP wrote for its next run.
    fractional
        Fractional positions of the step, shape (n, 3).
    cell
        Rows are the vectors, in angstrom.
    timestep_fs
        Time step in fs.

    Returns
    -------
    ``next`` if a run from it begins with the step after, ``same`` if with the step itself
    (VASP was killed between writing the step and CONTCAR), ``other`` if neither.
    """
    away = first_positions(contcar) - fractional
    away -= np.rint(away)
    if np.abs(away).max() < SAME_PLACE:
        return "same"
    moved = away @ cell
    expected = np.array(contcar.velocities, dtype=float) * timestep_fs
    misfit = np.linalg.norm(moved - expected)
    return "next" if misfit < VELOCITY_MISFIT * np.linalg.norm(expected) else "other"
