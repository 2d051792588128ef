"""States with projections, as VASP writes them when LORBIT is 10 or 11.

Owns a ladder of bands that holds the electrons of the cell, in the order that the periodic table
has: p-like semi-core states far below, s-like bands that are wide, ten d-like states per atom in
between, p-like bands above. Filling them from below puts the d band of late metals below the
Fermi level and that of early ones on both sides of it. There are NBANDS of them at each k-point;
all are shifted so that the Fermi level is that of ``bands``. Nothing depends on the positions.

As in VASP, energies and projections have four decimals, the projections of a state sum to less
than 1, and states of runs with two spins are written twice.
"""

from __future__ import annotations

from math import erf
from typing import Final

import numpy as np

from tm23flows.testing.vasp_simulator.bands import FERMI_EV, fields, levels, write_dos
from tm23flows.testing.vasp_simulator.inputs import Inputs
from tm23flows.testing.vasp_simulator.kpoints import points
from tm23flows.testing.vasp_simulator.potcar import SEMI_CORE

ORBITALS: Final = {
    10: ("s", "p", "d"),
    11: ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "x2-y2"),
}
"""Columns by LORBIT."""

CORE_EV: Final = -35.0
S_BAND_EV: Final = (-9.0, 7.0)
D_BAND_EV: Final = (-5.0, -1.5)
P_BAND_EV: Final = (4.0, 14.0)
"""Where the bands of a kind begin and end; states lie evenly in between."""

DISPERSION_EV: Final = 0.3
IN_SPHERES: Final = 0.8
"""Part of a state that is in the spheres of the atoms."""


def block(inputs: Inputs) -> str:
    """Write eigenvalues, density of states and projections.

    Parameters
    ----------
    inputs
        The problem; its LORBIT is one of ``ORBITALS``.

    Returns
    -------
    The text of ``<eigenvalues>``, ``<dos>`` and ``<projected>``.
    """
    energies, kinds = states(inputs)
    occupations = occupy(energies, inputs.tags["SIGMA"])
    spins = int(inputs.tags["ISPIN"])
    same = "\n".join(levels(energies, occupations, spins))
    names = ORBITALS[inputs.tags["LORBIT"]]
    n_atoms = sum(inputs.poscar.counts)
    lines = [same, *write_dos(), "  <projected>", same, "   <array>"]
    lines += fields("ion", "band", "kpoint", "spin")
    lines += [f"    <field>{name:>5}</field>" for name in names] + ["    <set>"]
    for spin in range(1, spins + 1):
        lines.append(f'     <set comment="spin{spin}">')
        for k, row in enumerate(kinds, start=1):
            lines.append(f'      <set comment="kpoint {k}">')
            for b, kind in enumerate(row, start=1):
                lines.append(f'       <set comment="band {b}">')
                lines += [_row(kind, names, n_atoms)] * n_atoms
                lines.append("       </set>")
            lines.append("      </set>")
        lines.append("     </set>")
    return "\n".join([*lines, "    </set>", "   </array>", "  </projected>"]) + "\n"


def states(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return the bands.

    Parameters
    ----------
    inputs
        The problem.

    Returns
    -------
    Energies in eV, shape (k, NBANDS), rising, and the letter of each, shape (k, NBANDS).
    """
    n_bands, n_atoms = int(inputs.tags["NBANDS"]), sum(inputs.poscar.counts)
    semi_core = sum(SEMI_CORE[_variant(one.title)] for one in inputs.per_atom) // 2
    ladder = [(CORE_EV, CORE_EV + 1.0, semi_core, "p"), (*S_BAND_EV, n_atoms, "s")]
    ladder += [(*D_BAND_EV, 5 * n_atoms, "d"), (*P_BAND_EV, n_bands, "p")]
    places = np.concatenate([low + (high - low) * _even(n) for low, high, n, _ in ladder])
    letters = np.concatenate([np.full(n, letter) for *_, n, letter in ladder])
    where, weights = points(inputs.mesh)
    shape = np.cos(2 * np.pi * where).mean(axis=1)[:, None]
    # Every kind of band moves its own way, so that points differ in more than a shift.
    way = np.array([{"s": 1.0, "p": 0.5, "d": -0.3}[letter] for letter in letters])
    energies = places - DISPERSION_EV * shape * way
    order = np.argsort(energies, axis=1, kind="stable")[:, :n_bands]
    energies = np.take_along_axis(energies, order, axis=1)
    level = _fermi_level(energies, weights, inputs.tags["NELECT"], inputs.tags["SIGMA"])
    return energies + FERMI_EV - level, letters[order]


def occupy(energies_eV: np.ndarray, sigma_eV: float) -> np.ndarray:
    """Occupy states by Gaussian smearing.

    Parameters
    ----------
    energies_eV
        Any shape.
    sigma_eV
        SIGMA.

    Returns
    -------
    Occupations of the same shape; 1 is full.
    """
    away = (energies_eV - FERMI_EV) / max(sigma_eV, 1e-6)
    return 0.5 * (1 - np.vectorize(erf)(away))


def _even(n: int) -> np.ndarray:
    return (np.arange(n) + 0.5) / max(n, 1)


def _variant(title: str) -> str:
    return next((one for one in SEMI_CORE if one and f"{one} " in f"{title} "), "")


def _fermi_level(
    energies: np.ndarray, weights: np.ndarray, electrons: float, sigma_eV: float
) -> float:
    """Find by halving where the states hold the electrons."""
    low, high = energies.min() - 10.0, energies.max() + 10.0
    for _ in range(60):
        level = (low + high) / 2
        held = 2 * weights @ occupy(energies + FERMI_EV - level, sigma_eV).sum(axis=1)
        low, high = (level, high) if held < electrons else (low, level)
    return (low + high) / 2


def _row(kind: str, names: tuple[str, ...], n_atoms: int) -> str:
    columns = [name.startswith(kind) or (kind == "d" and name == "x2-y2") for name in names]
    share = IN_SPHERES / n_atoms / sum(columns)
    return f"        <r>{''.join(f'{share * one:8.4f}' for one in columns)} </r>"
