"""Harmonic force constants of a crystal, and the frequencies and densities of states they give.

Owns the value and the way to phonopy, which does the work. How force constants come from forces is
in :mod:`tm23flows.science.phonons`.

Frequencies are in THz and not angular; an imaginary one is a negative number, as in phonopy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import MissingDependencyError, PhysicsError
from tm23flows.science.label_arrays import FloatArray

if TYPE_CHECKING:
    from ase import Atoms

SAME_A: Final = 1e-3
"""Lengths and places that differ by less are the same to symmetry; a relaxed crystal is better."""

_FLAT_THZ: Final = 1e-6


@dataclass(frozen=True)
class ForceConstants:
    """Harmonic force constants of a crystal, and its phonons.

    Parameters
    ----------
    crystal
        The primitive cell.
    supercell
        Multiples of its vectors in which they were computed.
    values_eV_per_A2
        Between each atom of the primitive cell and all of the supercell in phonopy's order, shape
        (n, N, 3, 3); they obey the acoustic sum rule and are symmetric.
    drift_eV_per_A2
        Largest sum over the atoms of a supercell before the sum rule was imposed: what numerical
        noise, or forces that do not add up to zero, did to them.
    """

    crystal: Atoms
    supercell: tuple[int, int, int]
    values_eV_per_A2: FloatArray
    drift_eV_per_A2: float

    def frequencies(self, q_points: ArrayLike) -> FloatArray:
        """Return the frequencies at wave vectors.

        Parameters
        ----------
        q_points
            In units of the reciprocal vectors, shape (m, 3).

        Returns
        -------
        THz, rising along the second axis, shape (m, 3 n).
        """
        made = self._phonopy
        made.run_qpoints(np.asarray(q_points, dtype=float))
        return np.asarray(made.qpoints.frequencies)

    def density_of_states(
        self, numbers: tuple[int, int, int], n_points: int = 201
    ) -> tuple[FloatArray, FloatArray]:
        """Return the density of states by the tetrahedron method.

        Parameters
        ----------
        numbers
            Points of the mesh along each reciprocal vector.
        n_points
            Frequencies of the curve, from the lowest to the highest of the mesh and 5 % more.

        Returns
        -------
        Frequencies in THz, and states per THz and primitive cell; the integral is 3 n.

        Raises
        ------
        PhysicsError
            If all frequencies are the same.
        """
        made = self._phonopy
        made.run_mesh(numbers, is_gamma_center=True)
        found = np.asarray(made.mesh.frequencies)
        if np.ptp(found) < _FLAT_THZ:
            raise PhysicsError("All frequencies are the same, as where there are no forces.")
        margin = 0.05 * float(np.ptp(found))
        low, high = float(found.min()) - margin, float(found.max()) + margin
        pitch = (high - low) / (n_points - 1)
        made.run_total_dos(freq_min=low, freq_max=high + pitch / 2, freq_pitch=pitch)
        return np.asarray(made.total_dos.frequency_points), np.asarray(made.total_dos.dos)

    @cached_property
    def _phonopy(self) -> Any:
        made = phonopy_of(self.crystal, self.supercell)
        made.force_constants = self.values_eV_per_A2
        return made


def phonopy_of(crystal: Atoms, supercell: tuple[int, int, int]) -> Any:
    """Set up phonopy for a crystal.

    Parameters
    ----------
    crystal
        The primitive cell.
    supercell
        Multiples of its vectors.

    Returns
    -------
    A ``phonopy.Phonopy`` whose primitive cell is the crystal.

    Raises
    ------
    MissingDependencyError
        If phonopy is not installed.
    """
    try:
        from phonopy import Phonopy
        from phonopy.structure.atoms import PhonopyAtoms
    except ImportError as error:
        raise MissingDependencyError(
            "Phonons are computed by phonopy, which is not installed: pip install phonopy."
        ) from error
    unit = PhonopyAtoms(
        symbols=crystal.get_chemical_symbols(),
        cell=crystal.cell.array,
        scaled_positions=crystal.get_scaled_positions(),
        # phonopy has none for technetium.
        masses=crystal.get_masses(),
    )
    # A crystal that was relaxed, or rounded, has its symmetry to about 1e-8 A.
    return Phonopy(unit, np.diag(supercell), primitive_matrix=np.eye(3), symprec=SAME_A)
