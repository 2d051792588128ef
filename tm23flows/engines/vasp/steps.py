"""One ionic step of VASP: the value type, and what its numbers mean.

Owns the energy identities and the conversion of the stress. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

KBAR_PER_EV_A3 = 1602.1766208
"""1 eV/angstrom^3 in kbar (CODATA 2014, as ASE's reader of vasprun.xml)."""

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class VaspStep:
    """One complete ionic step. Numbers that the file does not say are nan.

    Parameters
    ----------
    number
        1-based number within the file.
    fractional
        Positions in units of the cell vectors, shape (n, 3).
    cell
        Cell vectors as rows, shape (3, 3), in angstrom.
    energy_free, energy_sigma0, energy_without_entropy
        F, extrapolated to zero smearing, and F without the entropy term, in eV per cell.
    forces
        Shape (n, 3), in eV/angstrom; derivatives of F.
    stress
        Shape (6,), in eV/angstrom^3, ASE sign, order xx yy zz yz xz xy, without the kinetic
        part; None where VASP did not compute it.
    n_scf
        Electronic steps; 0 if there are none, as in steps of a machine-learned force field,
        and -1 if the file does not tell.
    converged
        Whether the electrons are known to have converged: fewer steps than NELM.
    kinetic_eV
        Kinetic energy of the ions; None outside molecular dynamics.
    thermostat_eV
        Potential and kinetic energy of the thermostat; None where there is none.
    """

    number: int
    fractional: np.ndarray
    cell: np.ndarray
    energy_free: float
    energy_sigma0: float
    energy_without_entropy: float
    forces: np.ndarray
    stress: np.ndarray | None
    n_scf: int
    converged: bool
    kinetic_eV: float | None = None
    thermostat_eV: float | None = None

    @property
    def positions(self) -> np.ndarray:
        """Cartesian positions, shape (n, 3), in angstrom."""
        return self.fractional @ self.cell


def number(text: str | bytes) -> float:
    """Read a number as Fortran wrote it.

    Parameters
    ----------
    text
        The digits.

    Returns
    -------
    The number; nan for asterisks and everything else that is no number.
    """
    try:
        # Python takes 1_000 for a number.
        return nan if ("_" if isinstance(text, str) else b"_") in text else float(text)
    except ValueError:
        return nan


def energies(ionic: Mapping[str, float], electronic: Mapping[str, float]) -> dict[str, float]:
    """Find the three energies of a step.

    VASP 5 writes the energy without entropy and the extrapolated energy of an ionic step
    wrongly, and the last electronic step lacks what VASP adds after it. F of the ionic step
    has both right, so that E0 = e_0(last electronic) + F(ionic) - F(last electronic), and
    the energy without entropy likewise (pymatgen issues 2367 and 2369).

    Parameters
    ----------
    ionic
        Energies of the step by VASP's names, in eV.
    electronic
        Those of its last electronic step; empty if there is none.

    Returns
    -------
    The energy fields of :class:`VaspStep`.
    """
    free = ionic["e_fr_energy"]
    last = electronic or ionic
    correction = free - last.get("e_fr_energy", nan)
    return {
        "energy_free": free,
        "energy_sigma0": last.get("e_0_energy", nan) + correction,
        "energy_without_entropy": last.get("e_wo_entrp", nan) + correction,
    }


def motion(ionic: Mapping[str, float]) -> dict[str, float | None]:
    """Find the energies of ions and thermostat.

    Parameters
    ----------
    ionic
        Energies of the step by VASP's names, in eV.

    Returns
    -------
    The fields of :class:`VaspStep`.
    """
    bath = [ionic.get(name) for name in ("nosepot", "nosekinetic")]
    return {
        "kinetic_eV": ionic.get("kinetic"),
        "thermostat_eV": None if None in bath else sum(bath),
    }


def ase_stress(kbar: np.ndarray) -> np.ndarray:
    """Convert VASP's stress, which is positive under compression.

    Parameters
    ----------
    kbar
        Shape (3, 3), in kbar, VASP's sign.

    Returns
    -------
    Shape (6,), in eV/angstrom^3, ASE sign, order xx yy zz yz xz xy.
    """
    return np.array([kbar[place] for place in _VOIGT]) / -KBAR_PER_EV_A3


def has_converged(n_scf: int, n_max: int) -> bool:
    """Say whether the electrons are known to have converged.

    Parameters
    ----------
    n_scf
        Electronic steps done.
    n_max
        NELM. A step that took all of them may have converged in the last one; the file does
        not tell, so it counts as not converged.

    Returns
    -------
    Whether there were some, and fewer than NELM.
    """
    return 0 < n_scf < n_max
