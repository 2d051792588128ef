"""What smearing does to the response of a partly filled d band.

Owns a model: ten d levels per atom, spread evenly over a band, each of a random d orbital, filled
by a smearing function. The mean over the choices of orbitals of
:func:`tm23flows.science.density_response.strength_by_l` is then

    constant * sum_{a < b} (f_a - f_b) = 100 constant int_0^1 f(x) (1 - 2 x) dx,

with the levels x from the bottom to the top of the band; sharp filling gives back
:func:`tm23flows.science.d_shell.mean_strength`. As in the article there is one gap for all pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.d_shell import N_SPIN_ORBITALS, mean_strength, strength_constant

REACH = 40.0
"""In units of sigma: further from the Fermi level every occupation is 0 or 1."""

Occupation = Callable[[ArrayLike], NDArray[np.float64]]


def _fermi(x: ArrayLike) -> NDArray[np.float64]:
    from scipy.special import expit

    filled: NDArray[np.float64] = expit(-np.asarray(x, dtype=float))
    return filled


def _gaussian(x: ArrayLike) -> NDArray[np.float64]:
    from scipy.special import erfc

    filled: NDArray[np.float64] = 0.5 * erfc(np.asarray(x, dtype=float))
    return filled


def _methfessel_paxton(x: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(x, dtype=float)
    filled: NDArray[np.float64] = _gaussian(given) - given * np.exp(-(given**2)) / (
        2 * np.sqrt(np.pi)
    )
    return filled


SMEARINGS: dict[str, Occupation] = {
    "fermi": _fermi,
    "gaussian": _gaussian,
    "methfessel-paxton": _methfessel_paxton,
}
"""Occupations as functions of (energy - Fermi level) / sigma; Methfessel-Paxton is of order 1
(Phys. Rev. B 40, 3616 (1989)) and goes below 0 and above 1."""


def smeared_strength(
    degree: int, n_d: float, sigma_over_width: float, smearing: str = "fermi"
) -> float:
    """Return the mean strength of a smeared d band.

    Parameters
    ----------
    degree
        l of the potential, 0 to 4.
    n_d
        Electrons in the band per atom, 0 to 10.
    sigma_over_width
        Smearing width over the width of the band; 0 fills the band sharply.
    smearing
        One of :data:`SMEARINGS`.

    Returns
    -------
        The strength, without a unit.

    Raises
    ------
    InputError
        The smearing is unknown, or a number makes no sense.
    """
    if smearing not in SMEARINGS:
        raise InputError(
            f"There is no smearing '{smearing}'; choose one of {', '.join(SMEARINGS)}."
        )
    if not 0 <= sigma_over_width < inf:
        raise InputError(f"The smearing cannot be {sigma_over_width} band widths: give 0 or more.")
    sharp = mean_strength(degree, n_d)
    if sigma_over_width == 0 or n_d in (0, N_SPIN_ORBITALS):
        return sharp
    occupation = SMEARINGS[smearing]
    level = _fermi_level(occupation, n_d / N_SPIN_ORBITALS, sigma_over_width)
    moment = _moment(occupation, level, sigma_over_width, lambda x: 1 - 2 * x)
    return N_SPIN_ORBITALS**2 * strength_constant(degree) * moment


def _fermi_level(occupation: Occupation, filling: float, sigma: float) -> float:
    """Find the level that fills the share ``filling`` of the band, in units of its width."""
    from scipy.optimize import brentq

    def missing(level: float) -> float:
        return _moment(occupation, level, sigma, lambda _: 1.0) - filling

    return float(brentq(missing, -REACH * sigma, 1 + REACH * sigma, xtol=1e-13))


def _moment(
    occupation: Occupation, level: float, sigma: float, weight: Callable[[float], float]
) -> float:
    """Integrate a weight times the occupation over the band."""
    from scipy.integrate import quad

    def integrand(x: float) -> float:
        return float(occupation((x - level) / sigma)) * weight(x)

    # Where the occupation bends: quad has to be told of steps that are narrow.
    bends = np.clip([level - REACH * sigma, level - 4 * sigma, level, level + 4 * sigma], 0, 1)
    ends = sorted({0.0, 1.0, *bends.tolist()})
    pieces = [quad(integrand, a, b, epsabs=1e-13)[0] for a, b in pairwise(ends)]
    return float(sum(pieces))
