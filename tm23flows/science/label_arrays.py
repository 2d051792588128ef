"""The labels of many frames as arrays, checked once.

Owns the shape and the units in which metrics and noise take energies, forces and
stresses. Does not compute errors (``metrics``) and does not know label documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError

FloatArray = NDArray[np.float64]


def finite_array(values: ArrayLike, what: str) -> FloatArray:
    """Return values as a float array that has no NaN and no infinity.

    Parameters
    ----------
    values
        Numbers of any shape.
    what
        Name of the values for the message.

    Returns
    -------
        The values.

    Raises
    ------
    InputError
        The values are not numbers of one shape, or not all of them are finite.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"The {what} are not an array of numbers: {error}") from error
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise InputError(f"The {what} hold {bad} values that are not finite: leave those out.")
    return array


@dataclass(frozen=True)
class LabelArrays:
    """Energies, forces and stresses of n frames with m atoms in all.

    ``energies_eV`` (n,), total energies; ``n_atoms`` (n,); ``forces_eV_per_A`` (m, 3), frame
    after frame; ``stresses_eV_per_A3`` (n, 6), order xx yy zz yz xz xy with ASE's sign, a row
    of NaN for a frame without stress, or None where no frame has one.
    """

    energies_eV: FloatArray
    n_atoms: NDArray[np.int_]
    forces_eV_per_A: FloatArray
    stresses_eV_per_A3: FloatArray | None = None

    def __post_init__(self) -> None:
        energies = finite_array(self.energies_eV, "energies")
        n_atoms = np.asarray(self.n_atoms, dtype=int)
        forces = finite_array(self.forces_eV_per_A, "forces")
        if energies.ndim != 1 or len(energies) == 0 or n_atoms.shape != energies.shape:
            raise InputError(
                f"Labels need one energy and one atom count per frame, at least one frame: "
                f"the shapes are {energies.shape} and {n_atoms.shape}."
            )
        if (n_atoms < 1).any() or forces.shape != (int(n_atoms.sum()), 3):
            raise InputError(
                f"The forces have shape {forces.shape} but the frames hold {n_atoms.sum()} "
                f"atoms: give one row of three components per atom."
            )
        object.__setattr__(self, "energies_eV", energies)
        object.__setattr__(self, "n_atoms", n_atoms)
        object.__setattr__(self, "forces_eV_per_A", forces)
        object.__setattr__(self, "stresses_eV_per_A3", self._checked_stresses())

    def _checked_stresses(self) -> FloatArray | None:
        if self.stresses_eV_per_A3 is None:
            return None
        stresses = np.asarray(self.stresses_eV_per_A3, dtype=float)
        if stresses.shape != (len(self.energies_eV), 6):
            raise InputError(
                f"The stresses have shape {stresses.shape}: give six components per frame."
            )
        missing = np.isnan(stresses).all(axis=1)
        finite_array(stresses[~missing], "stresses")
        return None if missing.all() else stresses

    @property
    def has_stress(self) -> NDArray[np.bool_]:
        """Which of the n frames have a stress, (n,)."""
        if self.stresses_eV_per_A3 is None:
            return np.zeros(len(self.energies_eV), dtype=bool)
        has: NDArray[np.bool_] = ~np.all(np.isnan(self.stresses_eV_per_A3), axis=1)
        return has

    def require_same_frames(self, other: LabelArrays) -> None:
        """Refuse a second set of labels that cannot be of the same frames.

        Parameters
        ----------
        other
            The second set.

        Raises
        ------
        InputError
            The number of frames or of atoms in a frame differs.
        """
        if not np.array_equal(self.n_atoms, other.n_atoms):
            raise InputError(
                f"The two sets of labels are not of the same frames in the same order: they hold "
                f"{len(self.n_atoms)} and {len(other.n_atoms)} frames with "
                f"{self.n_atoms.sum()} and {other.n_atoms.sum()} atoms."
            )

    @classmethod
    def from_frames(
        cls,
        energies_eV: Sequence[float],
        forces_eV_per_A: Sequence[ArrayLike],
        stresses_eV_per_A3: Sequence[ArrayLike | None] | None = None,
    ) -> LabelArrays:
        """Join the labels of single frames.

        Parameters
        ----------
        energies_eV
            Total energy of each frame, eV.
        forces_eV_per_A
            Forces of each frame, (atoms, 3), eV/A.
        stresses_eV_per_A3
            Stress of each frame, (6,), eV/A^3, or None for a frame that has none.

        Returns
        -------
            The joined labels.

        Raises
        ------
        InputError
            The lists differ in length, or a frame has a wrong shape or values that are not finite.
        """
        forces = [finite_array(frame, "forces").reshape(-1, 3) for frame in forces_eV_per_A]
        if len(forces) != len(energies_eV) or not forces:
            raise InputError(
                f"There are {len(energies_eV)} energies and forces of {len(forces)} frames: "
                f"give both for every frame and at least one frame."
            )
        stresses = None
        if stresses_eV_per_A3 is not None:
            rows = [np.full(6, np.nan) if row is None else row for row in stresses_eV_per_A3]
            stresses = np.array(rows, dtype=float)
        counts = np.array([len(frame) for frame in forces])
        return cls(np.asarray(energies_eV, float), counts, np.concatenate(forces), stresses)
