"""Energy of a crystal against its volume: the third-order equation of Birch and Murnaghan.

Owns the fit and what is refused of it. The equation itself is pymatgen's; which cells are computed
is said in :mod:`tm23flows.science.lattice_scan`. Computes no energy and knows no documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.label_arrays import FloatArray, finite_array

FEWEST: Final = 5
"""The equation has four parameters; one point more shows whether it holds."""

DELTA_WIDTH: Final = 0.06
"""Two curves are compared within this part of their mean volume at rest, as in the Delta gauge."""

_POINTS: Final = 201


@dataclass(frozen=True)
class EquationOfState:
    """Third-order equation of Birch and Murnaghan, all per atom or all per cell, as given.

    ``volume_A3`` and ``energy_eV`` are those of the minimum, ``bulk_modulus_eV_per_A3`` is
    V d2E/dV2 there, ``derivative`` its derivative with respect to pressure, ``residual_eV`` the
    root mean square of what the fit leaves.
    """

    volume_A3: float
    energy_eV: float
    bulk_modulus_eV_per_A3: float
    derivative: float
    residual_eV: float

    def energy_at(self, volumes_A3: ArrayLike) -> FloatArray:
        """Return the energy at some volumes.

        Parameters
        ----------
        volumes_A3
            Volumes in angstrom^3.

        Returns
        -------
        Energies in eV (F. Birch, Phys. Rev. 71, 809 (1947)).
        """
        return _shape(self, np.asarray(volumes_A3, dtype=float))


def fit_equation_of_state(volumes_A3: ArrayLike, energies_eV: ArrayLike) -> EquationOfState:
    """Fit the equation to energies by least squares.

    Parameters
    ----------
    volumes_A3
        At least five different volumes in angstrom^3.
    energies_eV
        Their energies in eV.

    Returns
    -------
    The equation.

    Raises
    ------
    InputError
        If there are too few points, or one is no number.
    PhysicsError
        If the minimum is not among the volumes, or the curve has none.
    """
    from pymatgen.analysis.eos import BirchMurnaghan, EOSError

    volumes, energies = _checked(volumes_A3, energies_eV)
    # Differences of meV on energies of keV would be lost in the tolerance of the fit.
    lowest = float(energies.min())
    fit = BirchMurnaghan(volumes.tolist(), (energies - lowest).tolist())
    try:
        # A curve without curvature is divided by zero, and is refused below.
        with np.errstate(all="ignore"):
            fit.fit()
    except EOSError:
        raise PhysicsError(_outside(volumes)) from None
    # An array, which has no truth value, although pymatgen calls it a sequence or None.
    energy, modulus, derivative, volume = np.asarray(fit.eos_params, dtype=float).tolist()
    if not (modulus > 0 and volumes.min() < volume < volumes.max()):
        raise PhysicsError(_outside(volumes))
    found = EquationOfState(volume, energy + lowest, modulus, derivative, 0.0)
    left = float(np.sqrt(np.mean((found.energy_at(volumes) - energies) ** 2)))
    return EquationOfState(volume, energy + lowest, modulus, derivative, left)


def curve_difference(one: EquationOfState, other: EquationOfState) -> float:
    """Return how far two curves are apart: the Delta gauge.

    Root mean square of the difference of the energies, each above its own minimum, within 6 % of
    the mean volume at rest (Lejaeghere et al., Crit. Rev. Solid State Mater. Sci. 39, 1 (2014)).

    Parameters
    ----------
    one, other
        Equations of the same number of atoms.

    Returns
    -------
    In eV, zero or more.
    """
    middle = (one.volume_A3 + other.volume_A3) / 2
    volumes = middle * np.linspace(1 - DELTA_WIDTH, 1 + DELTA_WIDTH, _POINTS)
    apart = (one.energy_at(volumes) - one.energy_eV) - (other.energy_at(volumes) - other.energy_eV)
    mean = np.trapezoid(apart**2, volumes) / (volumes[-1] - volumes[0])
    return float(np.sqrt(mean))


def _checked(volumes: ArrayLike, energies: ArrayLike) -> tuple[FloatArray, FloatArray]:
    v, e = finite_array(volumes, "volumes"), finite_array(energies, "energies")
    if v.ndim != 1 or v.shape != e.shape or len(np.unique(v)) < FEWEST:
        raise InputError(
            f"An equation of state needs the energies of at least {FEWEST} different volumes, not "
            f"arrays of shape {v.shape} and {e.shape}."
        )
    return v, e


def _outside(volumes: FloatArray) -> str:
    return (
        f"The energy has no minimum between the volumes {volumes.min():.3f} and "
        f"{volumes.max():.3f} A^3: start from a crystal nearer to rest, or widen the volumes."
    )


def _shape(equation: EquationOfState, volumes: FloatArray) -> FloatArray:
    from pymatgen.analysis.eos import BirchMurnaghan

    fit = BirchMurnaghan(volumes.tolist(), volumes.tolist())
    fit.eos_params = [
        equation.energy_eV,
        equation.bulk_modulus_eV_per_A3,
        equation.derivative,
        equation.volume_A3,
    ]
    return np.asarray(fit.func(volumes), dtype=np.float64)
