"""The electronic spectrum of one calculation: eigenvalues, occupations, projections.

Owns the value type in which engines hand it over, and its checks. Densities of states are made
from it in :mod:`tm23flows.science.density_of_states`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError

FloatArray = NDArray[np.float64]

CHANNELS: Final = ("s", "p", "d")
"""Angular momenta of the last axis of the projections."""

WEIGHT_TOLERANCE: Final = 1e-6

EMPTY_BAND: Final = 1e-3
"""A highest band with a larger occupation means that there should be more bands.

Measured with GPAW for 7 atoms of Ti at a smearing of 2 eV, against 200 % of the occupied bands:
with an occupation of 1.8e-3 the largest error of a force is 1.4 meV/angstrom, of the free
energy 0.2 meV per atom, of the stress 2e-4 eV/angstrom^3; with 6.5e-3 they are 3.4, 0.8 and
5e-4. At this limit they are below what the convergence of the density leaves.
"""


@dataclass(frozen=True)
class Spectrum:
    """The states of a calculation without spin, at k points with b bands.

    Parameters
    ----------
    eigenvalues_eV
        Shape (k, b), on the energy axis of ``fermi_eV``.
    weights
        Of the k-points, shape (k,), sum 1.
    occupations
        Shape (k, b); 1 is full, with two electrons. Methfessel-Paxton's can be below 0 or
        above 1.
    projections
        Weight of each state in the s, p and d channel, summed over all atoms, shape (k, b, 3).
    fermi_eV
        Fermi level.
    electrons
        Valence electrons of the cell.
    """

    eigenvalues_eV: FloatArray
    weights: FloatArray
    occupations: FloatArray
    projections: FloatArray
    fermi_eV: float
    electrons: float

    def __post_init__(self) -> None:
        shape = self.eigenvalues_eV.shape
        if len(shape) != 2 or 0 in shape:
            raise InputError(f"A spectrum has eigenvalues of k-points and bands, not {shape}.")
        wanted = {
            "weights": shape[:1],
            "occupations": shape,
            "projections": (*shape, len(CHANNELS)),
        }
        for name, expected in wanted.items():
            if getattr(self, name).shape != expected:
                raise InputError(
                    f"The {name} of a spectrum have shape {getattr(self, name).shape}, "
                    f"not {expected}."
                )
        if not all(np.isfinite(getattr(self, one.name)).all() for one in fields(self)):
            raise InputError("A number of the spectrum is not finite.")
        if abs(self.weights.sum() - 1) > WEIGHT_TOLERANCE:
            raise InputError(f"The weights of the k-points sum to {self.weights.sum():g}, not 1.")

    @property
    def counted_electrons(self) -> float:
        """Electrons by the occupations; equal to ``electrons`` in a sound calculation."""
        return float(2 * self.weights @ self.occupations.sum(axis=1))

    @property
    def complete_up_to_eV(self) -> float:  # noqa: N802 - the unit keeps its capital
        """Energy up to which all states are there, on the axis of the eigenvalues."""
        return float(self.eigenvalues_eV.max(axis=1).min())

    def to_arrays(self) -> dict[str, FloatArray]:
        """Return the fields as arrays, as they are stored."""
        return {one.name: np.asarray(getattr(self, one.name), dtype=float) for one in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Read a spectrum back.

        Parameters
        ----------
        arrays
            What :meth:`to_arrays` has returned.

        Returns
        -------
        The spectrum.

        Raises
        ------
        InputError
            If a field is missing or one does not fit the others.
        """
        if missing := [one.name for one in fields(cls) if one.name not in arrays]:
            raise InputError(f"A stored spectrum has no {missing[0]}.")
        given: dict[str, Any] = {
            one.name: np.asarray(arrays[one.name], dtype=float) for one in fields(cls)
        }
        given |= {name: float(given[name]) for name in ("fermi_eV", "electrons")}
        return cls(**given)
