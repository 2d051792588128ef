"""Densities of states and moments of the d band, from the spectrum of one calculation.

Owns the broadening and the moments. All curves are broadened by one Gaussian of a width that is
chosen here, whatever SIGMA and engine: programs draw their own curves with SIGMA, which makes
curves of several SIGMA differ where no state has moved. Energies of grids, windows and moments
are against the Fermi level. Every state holds two electrons.

Projections are weights in the spheres or partial waves of the program. Those of VASP do not sum
to 1 (what lies between the spheres is missing), those of GPAW can exceed it: shares and moments
of one channel are meaningful, absolute numbers of d electrons are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError
from tm23flows.science.spectrum import CHANNELS, Spectrum

FloatArray = NDArray[np.float64]

WIDTH_EV: Final = 0.2
"""Standard deviation of the Gaussian of all curves."""

D_WINDOW_EV: Final = (-12.0, 6.0)
"""Energies against the Fermi level that moments of the d band are of.

The d bands of the 27 metals begin above -12 eV (those of Zn, Cd and Hg lie near -8), and the
semi-core states of all datasets lie below it. The upper end takes in the d bands of early metals
but for their tails; with fewer empty bands than that the window ends earlier and says so.
"""

GRID_STEP_EV: Final = 0.02
TAIL: Final = 6.0
"""Widths beyond which a Gaussian is nothing."""

ELECTRON_TOLERANCE: Final = 1e-3
"""Share of the electrons that the occupations may miss; VASP writes them with four digits."""

STATES_PER_BAND: Final = 2.0


@dataclass(frozen=True)
class DosCurves:
    """Densities of states of one cell on a grid, both spins counted.

    Parameters
    ----------
    energies_eV
        Against the Fermi level, shape (n,).
    total
        In states/eV/cell, shape (n,).
    projected
        The s, p and d parts, shape (n, 3).
    occupied
        States weighted by their occupation, shape (n,): its integral is the electrons.
    width_eV
        Standard deviation of the Gaussian.
    complete_up_to_eV
        Energy against the Fermi level above which states are missing.
    """

    energies_eV: FloatArray
    total: FloatArray
    projected: FloatArray
    occupied: FloatArray
    width_eV: float
    complete_up_to_eV: float

    @property
    def d(self) -> FloatArray:
        """The d part, shape (n,)."""
        return self.projected[:, CHANNELS.index("d")]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Where no state is missing, tails of the Gaussian included, shape (n,)."""
        return self.energies_eV <= self.complete_up_to_eV - 2 * self.width_eV


@dataclass(frozen=True)
class DBand:
    """Moments of the d-projected states in a window. None where the window has none.

    Parameters
    ----------
    window_eV
        Against the Fermi level, as it was used: it ends where states are missing.
    window_complete
        Whether that is where it was to end.
    weight
        d-projected states in it per cell, both spins.
    centre_eV
        First moment, against the Fermi level.
    width_eV
        Square root of the second central moment.
    filling
        Occupied share, by the occupations.
    below_fermi
        Share at or below the Fermi level, whatever the occupations; the rest is above.
    """

    window_eV: tuple[float, float]
    window_complete: bool
    weight: float
    centre_eV: float | None
    width_eV: float | None
    filling: float | None
    below_fermi: float | None


def energy_grid(
    window_eV: tuple[float, float] = D_WINDOW_EV, step_eV: float = GRID_STEP_EV
) -> FloatArray:
    """Return a grid over a window.

    Parameters
    ----------
    window_eV
        First and last energy against the Fermi level.
    step_eV
        Distance of its points at most.

    Returns
    -------
    Shape (n,), both ends included.

    Raises
    ------
    InputError
        If the window is empty or the step not positive.

    Examples
    --------
    >>> energy_grid((-1.0, 1.0), 0.5).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    low, high = window_eV
    if not (low < high and step_eV > 0):
        raise InputError(f"A grid from {low:g} to {high:g} eV in steps of {step_eV:g} eV is none.")
    return np.linspace(low, high, int(np.ceil((high - low) / step_eV - 1e-9)) + 1)


def density_of_states(
    spectrum: Spectrum, energies_eV: FloatArray | None = None, width_eV: float = WIDTH_EV
) -> DosCurves:
    """Broaden all states of a spectrum.

    Parameters
    ----------
    spectrum
        The states.
    energies_eV
        Grid against the Fermi level, shape (n,); None for :func:`energy_grid`.
    width_eV
        Standard deviation of the Gaussian.

    Returns
    -------
    The curves.

    Raises
    ------
    InputError
        If the width is not positive.
    """
    if not width_eV > 0:
        raise InputError(f"A Gaussian of {width_eV:g} eV is none; give a positive width.")
    grid = energy_grid() if energies_eV is None else np.asarray(energies_eV, dtype=float)
    reach = TAIL * width_eV
    curves = np.zeros((len(grid), 2 + len(CHANNELS)))
    places = spectrum.eigenvalues_eV - spectrum.fermi_eV
    of_states = np.concatenate(
        [
            np.ones_like(spectrum.projections[..., :1]),
            spectrum.occupations[..., None],
            spectrum.projections,
        ],
        axis=-1,
    )
    for point, weight in enumerate(spectrum.weights):
        near = (places[point] > grid.min() - reach) & (places[point] < grid.max() + reach)
        away = (grid[:, None] - places[point][near]) / width_eV
        curves += weight * np.exp(-(away**2) / 2) @ of_states[point][near]
    curves *= STATES_PER_BAND / (width_eV * np.sqrt(2 * np.pi))
    return DosCurves(
        energies_eV=grid,
        total=curves[:, 0],
        occupied=curves[:, 1],
        projected=curves[:, 2:],
        width_eV=width_eV,
        complete_up_to_eV=spectrum.complete_up_to_eV - spectrum.fermi_eV,
    )


def integrated_electrons(spectrum: Spectrum, width_eV: float = WIDTH_EV) -> float:
    """Integrate the occupied density of states over all energies.

    Parameters
    ----------
    spectrum
        The states.
    width_eV
        Standard deviation of the Gaussian.

    Returns
    -------
    Area under the curve by the trapezoidal rule: the electrons, if the curve is right.
    """
    places = spectrum.eigenvalues_eV - spectrum.fermi_eV
    reach = TAIL * width_eV
    grid = energy_grid((places.min() - reach, places.max() + reach), width_eV / 5)
    return float(np.trapezoid(density_of_states(spectrum, grid, width_eV).occupied, grid))


def electrons_fault(spectrum: Spectrum) -> str | None:
    """Say whether the occupations hold another number of electrons than the cell.

    Parameters
    ----------
    spectrum
        The states.

    Returns
    -------
    A phrase; None if they agree.
    """
    counted, electrons = spectrum.counted_electrons, spectrum.electrons
    if abs(counted - electrons) <= ELECTRON_TOLERANCE * electrons:
        return None
    return f"the occupations hold {counted:.3f} electrons and the cell has {electrons:g}"


def d_band(spectrum: Spectrum, window_eV: tuple[float, float] = D_WINDOW_EV) -> DBand:
    """Compute the moments of the d-projected states in a window.

    Moments are sums over the states themselves, without broadening. The window ends where some
    k-point has no further bands, so that k-points with more of them do not count for more.

    Parameters
    ----------
    spectrum
        The states.
    window_eV
        Against the Fermi level, both ends included.

    Returns
    -------
    The moments.

    Raises
    ------
    InputError
        If the window is empty.
    """
    low, high = window_eV
    if not low < high:
        raise InputError(f"The window of the d band, {low:g} to {high:g} eV, is empty.")
    end = min(high, spectrum.complete_up_to_eV - spectrum.fermi_eV)
    places = spectrum.eigenvalues_eV - spectrum.fermi_eV
    inside = (places >= low) & (places <= end)
    parts = spectrum.projections[..., CHANNELS.index("d")]
    weights = (STATES_PER_BAND * spectrum.weights[:, None] * parts)[inside]
    places, occupations = places[inside], spectrum.occupations[inside]
    total = float(weights.sum())
    used = (float(low), float(end))
    if not total > 0:
        return DBand(used, end >= high, 0.0, None, None, None, None)
    centre = float(weights @ places) / total
    return DBand(
        window_eV=used,
        window_complete=end >= high,
        weight=total,
        centre_eV=centre,
        width_eV=float(np.sqrt(weights @ (places - centre) ** 2 / total)),
        filling=float(weights @ occupations) / total,
        below_fermi=float(weights[places <= 0].sum()) / total,
    )
