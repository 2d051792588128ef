"""The cells between which the lattice of a crystal at rest is found, from their energies alone.

Owns which cells there are (volumes, and shapes where the lattice has an axis) and how the one at
rest is found between them. Energies and not stresses: in a small basis of plane waves a stress at
constant cutoff belongs to another volume than the lowest energy. Atoms follow their cell. The
curve over the volume is :mod:`tm23flows.science.equation_of_state`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.polynomial import Polynomial

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.crystals import SYMPREC_A
from tm23flows.science.equation_of_state import EquationOfState, fit_equation_of_state
from tm23flows.science.label_arrays import FloatArray, finite_array

if TYPE_CHECKING:
    from ase import Atoms

VOLUMES: Final = (0.91, 0.94, 0.97, 1.0, 1.03, 1.06, 1.09)
"""Volumes in units of that of the crystal: 3 % of a lattice constant both ways."""

AXIAL_RATIOS: Final = (0.96, 0.98, 1.0, 1.02, 1.04)
"""Ratios c/a in units of that of the crystal."""

_SYSTEMS: Final = {"cubic": False, "hexagonal": True, "trigonal": True, "tetragonal": True}
"""Crystal systems whose lattice is told by a volume and, if True, a ratio c/a."""

_CUBIC_TERM: Final = 5
"""Ratios from which on the energy has a cubic term; one ratio more than parameters."""


@dataclass(frozen=True)
class Shape:
    """A cell, told by its volume and its ratio c/a, both in units of those of a crystal."""

    volume: float
    axial: float = 1.0

    def __str__(self) -> str:
        """Return it in words, such as ``V 0.97, c/a 1.02``."""
        return f"V {self.volume:g}, c/a {self.axial:g}"

    def apply(self, crystal: Atoms) -> Atoms:
        """Make the cell.

        Parameters
        ----------
        crystal
            In standard axes: an axis of its own, if it has one, is z.

        Returns
        -------
            New atoms that follow the cell; the axes stay where they are.
        """
        wide = (self.volume / self.axial) ** (1 / 3)
        made: Atoms = crystal.copy()
        stretched = crystal.cell.array @ np.diag([wide, wide, wide * self.axial])
        made.set_cell(stretched, scale_atoms=True)
        return made


@dataclass(frozen=True)
class RestLattice:
    """The lattice at rest and the way to it, per atom of the crystal.

    ``shape`` is the cell at rest in units of the crystal's; ``volumes_A3`` and ``energies_eV``
    are per atom with the best c/a at each volume; ``equation`` is fitted to them.
    """

    shape: Shape
    equation: EquationOfState
    volumes_A3: FloatArray
    energies_eV: FloatArray


def shapes(
    crystal: Atoms,
    volumes: Sequence[float] = VOLUMES,
    axial_ratios: Sequence[float] = AXIAL_RATIOS,
) -> list[Shape]:
    """List the cells to be computed.

    Parameters
    ----------
    crystal
        The crystal, in standard axes.
    volumes
        Volumes in units of that of the crystal.
    axial_ratios
        Ratios c/a in its units; a cubic crystal takes none of them.

    Returns
    -------
        Volume by volume, from the smallest; each with all ratios.

    Raises
    ------
    InputError
        The volumes or ratios are too few or not positive, or the lattice has more freedom.
    """
    axial = axial_ratios if has_axis(crystal) else (1.0,)
    for what, given, least in (("volumes", volumes, 5), ("ratios c/a", axial_ratios, 3)):
        if len(set(given)) < least or not all(0.5 < one < 2 for one in given):
            raise InputError(
                f"The {what} of a lattice are at least {least} numbers around 1, between 0.5 and 2."
            )
    return [Shape(v, r) for v in sorted(set(volumes)) for r in sorted(set(axial))]


def has_axis(crystal: Atoms) -> bool:
    """Say whether a lattice has a ratio c/a of its own.

    Parameters
    ----------
    crystal
        A cell, periodic in all directions.

    Returns
    -------
        False for cubic crystals.

    Raises
    ------
    InputError
        The lattice has more than two free lengths, so it cannot be brought to rest here.
    """
    from pymatgen.core import Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    plain = Structure(
        crystal.cell.array, crystal.get_chemical_symbols(), crystal.get_scaled_positions()
    )
    system = SpacegroupAnalyzer(plain, symprec=SYMPREC_A).get_crystal_system()
    if system not in _SYSTEMS:
        raise InputError(
            f"The lattice of a {system} crystal has more than the two lengths that can be brought "
            f"to rest from energies; known are: {', '.join(_SYSTEMS)}."
        )
    return _SYSTEMS[system]


def rest_lattice(
    crystal: Atoms,
    listed: Sequence[Shape],
    energies_eV: Sequence[float],
) -> RestLattice:
    """Find the lattice with the lowest energy.

    At each volume the energy over ln(c/a) is a polynomial whose minimum is taken; these energies
    make the equation of state; its minimum and the best ln(c/a) there are the lattice at rest.

    Parameters
    ----------
    crystal
        The crystal that the shapes are in units of.
    listed
        The cells; see :func:`shapes`.
    energies_eV
        Energy of each cell, in eV per cell.

    Returns
    -------
        The lattice at rest.

    Raises
    ------
    InputError
        The energies do not fit the cells.
    PhysicsError
        The lowest energy is not between the cells.
    """
    energies = finite_array(energies_eV, "energies") / len(crystal)
    if energies.shape != (len(listed),):
        raise InputError(f"{len(listed)} cells need as many energies, not {energies.size}.")
    ratios = np.array(sorted({one.volume for one in listed}))
    best = [_best_axial(listed, energies, ratio) for ratio in ratios]
    volumes = ratios * crystal.get_volume() / len(crystal)
    lowest = np.array([energy for _, energy in best])
    equation = fit_equation_of_state(volumes, lowest)
    at_rest = equation.volume_A3 * len(crystal) / crystal.get_volume()
    logs = Polynomial.fit(ratios, [log for log, _ in best], 2)
    shape = Shape(float(at_rest), float(np.exp(logs(at_rest))))
    return RestLattice(shape, equation, volumes, lowest)


def lowest_shape(listed: Sequence[Shape], energies_eV: Sequence[float]) -> Shape:
    """Return the cell with the lowest energy, from which a further search can start.

    Parameters
    ----------
    listed
        The cells.
    energies_eV
        Energy of each cell.

    Returns
    -------
        One of the cells.
    """
    return listed[int(np.argmin(energies_eV))]


def _best_axial(
    listed: Sequence[Shape], energies: FloatArray, volume: float
) -> tuple[float, float]:
    """Return the best ln(c/a) at a volume, and the energy there."""
    chosen = [i for i, one in enumerate(listed) if one.volume == volume]
    logs = np.log([listed[i].axial for i in chosen])
    if len(chosen) == 1:
        return float(logs[0]), float(energies[chosen[0]])
    curve = Polynomial.fit(logs, energies[chosen], 3 if len(chosen) >= _CUBIC_TERM else 2)
    places = [
        float(root.real)
        for root in curve.deriv().roots()
        if abs(root.imag) < 1e-9
        and logs.min() <= root.real <= logs.max()
        and curve.deriv(2)(root.real) > 0
    ]
    if not places:
        raise PhysicsError(
            f"At {volume:g} of the volume the energy has no minimum between the ratios c/a "
            f"{np.exp(logs.min()):.3f} and {np.exp(logs.max()):.3f} of the given one: start from "
            "a crystal nearer to rest, or widen the ratios."
        )
    return places[0], float(curve(places[0]))
