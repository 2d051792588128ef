"""A few bands that make every metal a metal.

Owns the eigenvalues and the density of states that stand at the end of vasprun.xml, because
programs that read a whole run expect them. They are ``BANDS`` cosine bands around the Fermi
level, the same for every metal and independent of NBANDS and of the energies; where LORBIT asks
for projections, those of ``projections`` take their place.
"""

from __future__ import annotations

from math import erf
from typing import Final

import numpy as np

from tm23flows.testing.vasp_simulator.kpoints import Mesh, points

FERMI_EV: Final = 5.0
BANDS: Final = 8
WIDTH_EV: Final = 1.5


def eigenvalues(mesh: Mesh) -> np.ndarray:
    """Return the bands.

    Parameters
    ----------
    mesh
        The k-mesh.

    Returns
    -------
    Shape (k, ``BANDS``), in eV.
    """
    where, _ = points(mesh)
    shape = np.cos(2 * np.pi * where).mean(axis=1)
    return FERMI_EV + np.arange(BANDS)[None] - BANDS / 2 + 0.5 - WIDTH_EV * shape[:, None]


def block(mesh: Mesh, sigma_eV: float) -> str:
    """Write eigenvalues and density of states.

    Parameters
    ----------
    mesh
        The k-mesh.
    sigma_eV
        SIGMA; occupations are those of Gaussian smearing.

    Returns
    -------
    The text of ``<eigenvalues>`` and ``<dos>``, for one spin.
    """
    energies = eigenvalues(mesh)
    occupations = np.array([[_occupation(e, sigma_eV) for e in row] for row in energies])
    return "\n".join([*levels(energies, occupations), *write_dos()]) + "\n"


def levels(energies_eV: np.ndarray, occupations: np.ndarray, n_spins: int = 1) -> list[str]:
    """Write energies and occupations.

    Parameters
    ----------
    energies_eV, occupations
        Shape (k, b).
    n_spins
        How often to write them.

    Returns
    -------
    The lines of ``<eigenvalues>``.
    """
    lines = ["  <eigenvalues>", "   <array>", *fields("band", "kpoint", "spin")]
    lines += ["    <field>eigene</field>", "    <field>occ</field>", "    <set>"]
    for spin in range(1, n_spins + 1):
        lines.append(f'     <set comment="spin {spin}">')
        for k, (row, filled) in enumerate(zip(energies_eV, occupations, strict=True), start=1):
            lines.append(f'      <set comment="kpoint {k}">')
            pairs = zip(row, filled, strict=True)
            lines += [f"       <r>{e:10.4f} {occupation:9.4f} </r>" for e, occupation in pairs]
            lines.append("      </set>")
        lines.append("     </set>")
    return [*lines, "    </set>", "   </array>", "  </eigenvalues>"]


def fields(*names: str) -> list[str]:
    """Write the dimensions of an array.

    Parameters
    ----------
    *names
        What they are called, the fastest first.

    Returns
    -------
    Lines.
    """
    return [f'    <dimension dim="{i}">{name}</dimension>' for i, name in enumerate(names, 1)]


def _occupation(energy_eV: float, sigma_eV: float) -> float:
    return 0.5 * (1 - erf((energy_eV - FERMI_EV) / max(sigma_eV, 1e-6)))


def write_dos() -> list[str]:
    """Write a density of states: one per eV and spin between the lowest and the highest band.

    Returns
    -------
    The lines of ``<dos>``.
    """
    grid = FERMI_EV + np.linspace(-BANDS, BANDS, 33)
    density = np.where(np.abs(grid - FERMI_EV) <= BANDS / 2, 2.0, 0.0)
    integral = 2 * np.clip(grid - FERMI_EV + BANDS / 2, 0, BANDS)
    rows = zip(grid, density, integral, strict=True)
    return [
        "  <dos>",
        f'   <i name="efermi">{FERMI_EV:16.8f} </i>',
        *["   <total>", "    <array>", *fields("gridpoints", "spin")],
        *[f"     <field>{name}</field>" for name in ("energy", "total", "integrated")],
        *["     <set>", '      <set comment="spin 1">'],
        *[f"       <r>{e:12.4f} {d:10.4f} {i:10.4f} </r>" for e, d, i in rows],
        *["      </set>", "     </set>", "    </array>", "   </total>", "  </dos>"],
    ]
