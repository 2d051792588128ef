"""The electronic spectrum of a finished GPAW calculation, and whether it has enough bands.

Owns what is read from the wave functions. The weight of a state in the s, p or d channel
is the sum, over all atoms and all projectors of bound atomic states of that angular
momentum, of the squared overlap of the projector with the smooth state. It is what GPAW's
own projected densities of states (``DOSCalculator.raw_pdos``) are made of. The bound
partial waves that belong to the projectors are normalised in all space, and nothing is
rescaled afterwards: the weights of a state need not sum to 1. Semicore states count in
their channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tm23flows.errors import PhysicsError
from tm23flows.science.spectrum import CHANNELS, EMPTY_BAND, FloatArray, Spectrum


def read_spectrum(calculator: Any) -> Spectrum:
    """Read eigenvalues, occupations and projections.

    Parameters
    ----------
    calculator
        A GPAW calculator of plane waves without spin that has finished a calculation.

    Returns
    -------
    The spectrum, with the energies as GPAW has them and the k-points that time reversal
    leaves over.
    """
    from ase.units import Ha

    states = calculator.dft.ibzwfs
    return Spectrum(
        eigenvalues_eV=np.array([point.eig_n for point in states]) * Ha,
        weights=np.array([point.weight for point in states]),
        occupations=_occupations(calculator),
        projections=np.array([_projections(point) for point in states]),
        fermi_eV=float(states.fermi_level * Ha),
        electrons=float(calculator.get_number_of_electrons()),
    )


def require_empty_bands(calculator: Any) -> None:
    """Refuse a calculation whose highest band is not empty.

    Parameters
    ----------
    calculator
        A GPAW calculator that has finished a calculation.

    Raises
    ------
    PhysicsError
        If the highest band has an occupation, of either sign, above the limit at any k-point.
    """
    highest = float(np.abs(_occupations(calculator)[:, -1]).max())
    if not highest <= EMPTY_BAND:
        raise PhysicsError(
            f"the highest of {calculator.dft.ibzwfs.nbands} bands is not empty (occupation "
            f"{highest:.1g}): raise nbands among the options of the recipe"
        )


def _occupations(calculator: Any) -> FloatArray:
    """Copy them; GPAW 26.7's get_occupation_numbers changes those of the calculation."""
    return np.array([point.occ_n for point in calculator.dft.ibzwfs])


def _projections(point: Any) -> FloatArray:
    """Weights of all bands of a k-point in the channels, shape (b, 3)."""
    from gpaw.dos import get_projector_numbers

    weights = np.zeros((len(point.eig_n), len(CHANNELS)))
    for atom, overlaps in point.P_ani.items():
        for channel in range(len(CHANNELS)):
            bound = get_projector_numbers(point.setups[atom], channel)
            weights[:, channel] += (np.abs(overlaps[:, bound]) ** 2).sum(axis=1)
    return weights
