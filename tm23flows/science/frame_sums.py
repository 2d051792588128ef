"""Errors of predicted labels as sums over frames.

Owns the sums of ``|error|``, ``error^2`` and ``|label|`` over the components of each frame, for
every quantity and every bin of the labelled force (``force_bins``). So predictions are read once,
and tables are made many times: MAE, RMSE and percent error of any group of frames follow from its
sums. What is made of them, with intervals, is in ``bounded_errors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.science.force_bins import MAGNITUDE_EDGES_EV_PER_A, bins_of, check_edges
from tm23flows.science.label_arrays import FloatArray, LabelArrays
from tm23flows.science.metrics import EnergyReference, check_energy_reference

QUANTITIES: Final = ("energy", "force", "stress")

ERROR, SQUARE, SIZE, COUNT = range(4)


@dataclass(frozen=True)
class FrameSums:
    """Sums over the components of each frame.

    ``columns`` (k, 4, frames): ``|error|``, ``error^2``, ``|label|`` and number of components of
    the k ``names``, which are the quantities and then the bins. ``per_atom_eV`` (frames,) are the
    labelled energies per atom, of which the ``|label|`` is a deviation.
    """

    names: tuple[str, ...]
    columns: FloatArray
    per_atom_eV: FloatArray
    energy_reference: EnergyReference
    edges_eV_per_A: tuple[float, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        count: int = self.columns.shape[-1]
        return count

    def of(self, name: str) -> FloatArray:
        """Return the sums of one quantity or bin.

        Parameters
        ----------
        name
            One of ``names``.

        Returns
        -------
            ``|error|``, ``error^2``, ``|label|`` and number of components, (4, frames).
        """
        sums: FloatArray = self.columns[self.names.index(name)]
        return sums

    def only(self, places: ArrayLike) -> FrameSums:
        """Choose frames; the energy MAV is measured from their own mean.

        Parameters
        ----------
        places
            Places of the frames, in the order that is wanted.

        Returns
        -------
            Their sums.
        """
        chosen = np.asarray(places, dtype=int)
        columns, per_atom = self.columns[:, :, chosen], self.per_atom_eV[chosen]
        columns[self.names.index("energy"), SIZE] = _energy_size(per_atom, self.energy_reference)
        return replace(self, columns=columns, per_atom_eV=per_atom)


def sums_of_frames(
    predicted: LabelArrays,
    reference: LabelArrays,
    energy_reference: EnergyReference = "mean-per-atom",
    edges_eV_per_A: Sequence[float] = MAGNITUDE_EDGES_EV_PER_A,
) -> FrameSums:
    """Sum the errors of each frame.

    Parameters
    ----------
    predicted
        Predicted labels.
    reference
        Reference labels of the same frames in the same order.
    energy_reference
        What the energy MAV is measured from; see :func:`tm23flows.science.metrics.error_table`.
    edges_eV_per_A
        Lower edges of the bins of the labelled force, rising from 0; empty for no bins.

    Returns
    -------
        The sums. Stresses are summed where both have one.

    Raises
    ------
    InputError
        The two are not of the same frames, the energy reference is unknown or the edges do not
        rise from zero.
    """
    check_energy_reference(energy_reference)
    predicted.require_same_frames(reference)
    edges = check_edges(edges_eV_per_A)
    per_atom = reference.energies_eV / reference.n_atoms
    error = predicted.energies_eV / predicted.n_atoms - per_atom
    size = _energy_size(per_atom, energy_reference)
    energy = [np.abs(error), error**2, size, np.ones(len(error))]
    force, bins = _force_sums(predicted, reference, edges)
    columns = np.concatenate([[energy, force, _stress_sums(predicted, reference)], bins])
    names = (*QUANTITIES, *(one for one, _, _ in bins_of(edges)))
    return FrameSums(names, columns, per_atom, energy_reference, edges)


def _energy_size(per_atom: FloatArray, energy_reference: EnergyReference) -> FloatArray:
    zero = per_atom.mean() if energy_reference == "mean-per-atom" and len(per_atom) else 0.0
    return np.abs(per_atom - zero)


def _force_sums(
    predicted: LabelArrays, reference: LabelArrays, edges: tuple[float, ...]
) -> tuple[list[FloatArray], FloatArray]:
    """Sum over all components of each frame, and over those in each bin, (bins, 4, frames)."""
    label, counts = reference.forces_eV_per_A, reference.n_atoms
    error = predicted.forces_eV_per_A - label
    of_atom = [np.abs(error).sum(axis=1), (error**2).sum(axis=1), np.abs(label).sum(axis=1)]
    of_atom.append(np.full(len(label), 3.0))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    whole = [np.add.reduceat(one, starts) for one in of_atom]
    if not edges:
        return whole, np.zeros((0, 4, len(counts)))
    magnitude = np.linalg.norm(label, axis=1)
    bins = np.searchsorted(edges, magnitude, side="right") - 1
    cells = bins * len(counts) + np.repeat(np.arange(len(counts)), counts)
    size = len(edges) * len(counts)
    binned = [np.bincount(cells, one, size).reshape(len(edges), -1) for one in of_atom]
    return whole, np.stack(binned, axis=1)


def _stress_sums(predicted: LabelArrays, reference: LabelArrays) -> FloatArray:
    found = np.zeros((4, len(reference.n_atoms)))
    both = predicted.has_stress & reference.has_stress
    first, second = predicted.stresses_eV_per_A3, reference.stresses_eV_per_A3
    if first is not None and second is not None and both.any():
        label, error = second[both], first[both] - second[both]
        sums = np.abs(error), error**2, np.abs(label), np.ones_like(error)
        found[:, both] = [one.sum(axis=1) for one in sums]
    return found
