"""What FLARE's C++ code says about one frame: environments and how they change.

Owns FLARE's conventions (atoms sorted by species, one row of derivatives for each
component of each neighbour) and their translation into ours: atoms in the order of
the frame, labels as forces (3n, -dE/dr) followed by the six stresses in ASE's order
and sign (dE/dstrain/V). Knows nothing of kernels or training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flare.bffs.sgp import _C_flare
from scipy.sparse import csr_array
from worker_io import RequestError

if TYPE_CHECKING:
    from ase import Atoms

# rows and columns of a strain that ASE's xx yy zz yz xz xy stand for
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_NO_NEIGHBOURS = 1e-8


@dataclass(frozen=True)
class Environments:
    """The environments of the n atoms of one element in a frame, d descriptors each.

    ``units`` (n, d) are the descriptors over their ``norms`` (n,), zero where an atom
    has no neighbour, whose norm counts as infinite; ``atoms`` (n,) are indices into the
    frame. ``slopes`` (r, d) are FLARE's derivatives of the descriptors with respect to
    positions of neighbours in 1/A, rows ``ends[i]`` to ``ends[i + 1]`` those of
    environment i. ``gather`` (c, r) adds them up into derivatives with respect to
    labels: rows ``starts[i]`` to ``starts[i + 1]`` are those of environment i,
    ``labels`` (c,) says of which label.
    """

    units: np.ndarray
    norms: np.ndarray
    atoms: np.ndarray
    slopes: np.ndarray
    ends: np.ndarray
    gather: csr_array
    labels: np.ndarray
    starts: np.ndarray

    def label_slopes(self) -> np.ndarray:
        """Return the derivatives of the unit descriptors with respect to labels.

        Returns
        -------
        An array (c, d): 1/A for forces, with the sign of a force, 1/A^3 for stresses.
        """
        found = self.gather @ np.ascontiguousarray(self.slopes)
        for unit, norm, start, stop in zip(
            self.units, self.norms, self.starts[:-1], self.starts[1:], strict=True
        ):
            part = found[start:stop]
            part -= np.outer(part @ unit, unit)
            part /= norm
        return found

    def label_changes(self, gradients: np.ndarray) -> np.ndarray:
        """Return how a function of the environments changes with each label.

        Parameters
        ----------
        gradients
            Derivatives (n, d) of the function with respect to the unit descriptors.

        Returns
        -------
        Changes (c,), to be added up by ``labels``.
        """
        along = np.sum(gradients * self.units, axis=1, keepdims=True)
        across = (gradients - along * self.units) / self.norms[:, None]
        parts = [
            self.slopes[start:stop] @ one
            for one, start, stop in zip(across, self.ends[:-1], self.ends[1:], strict=True)
        ]
        return self.gather @ np.concatenate(parts)


def make_descriptor(settings: dict[str, Any], n_species: int) -> Any:
    """Make FLARE's descriptor calculator.

    Parameters
    ----------
    settings
        Hyperparameters of the trainer.
    n_species
        Number of elements.

    Returns
    -------
    The calculator. FLARE keeps only a pointer to it: keep it alive.
    """
    kind = settings["descriptor"]
    if not hasattr(_C_flare, kind):
        raise RequestError(
            "unsupported",
            f"This FLARE has no descriptor {kind}: use descriptor=B2, or name an interpreter with "
            f"a newer FLARE in TM23_TRAINER_PYTHON_FLARE.",
        )
    sizes = [n_species, settings["nmax"]] + ([settings["lmax"]] if kind == "B2" else [])
    cutoff = settings["cutoff_A"]
    return getattr(_C_flare, kind)("chebyshev", "quadratic", [0.0, cutoff], [], sizes)


def look_at(atoms: Atoms, descriptor: Any, elements: list[int], cutoff_A: float) -> Any:
    """Let FLARE compute the descriptors of a frame and their derivatives.

    Parameters
    ----------
    atoms
        The periodic frame.
    descriptor
        What ``make_descriptor`` returned.
    elements
        Atomic numbers that the descriptor was made for.
    cutoff_A
        Cutoff radius in A.

    Returns
    -------
    FLARE's values for ``unit_descriptors`` and ``describe``.
    """
    coded = [elements.index(z) for z in atoms.numbers]
    structure = _C_flare.Structure(atoms.cell.array, coded, atoms.positions, cutoff_A, [descriptor])
    return structure.descriptors[0]


def unit_descriptors(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the descriptors of a frame over their norms.

    Parameters
    ----------
    values
        What ``look_at`` returned.

    Returns
    -------
    Unit descriptors (n, d), zero where an atom has no neighbour, and the index of the
    element (n,), in the order of the atoms.
    """
    units = np.zeros((values.n_atoms, values.n_descriptors))
    species = np.zeros(values.n_atoms, int)
    found = zip(values.descriptors, values.descriptor_norms, values.atom_indices, strict=True)
    for number, (rows, norms, indices) in enumerate(found):
        units[indices], species[indices] = _over(rows, norms), number
    return units, species


def describe(values: Any) -> list[Environments]:
    """Describe the environments of a frame with their derivatives.

    Parameters
    ----------
    values
        What ``look_at`` returned.

    Returns
    -------
    The environments of each element, in the order of the elements.
    """
    columns = ("descriptors", "descriptor_norms", "atom_indices", "descriptor_force_dervs")
    columns += ("neighbor_counts", "neighbor_indices", "neighbor_coordinates")
    found = zip(*(getattr(values, name) for name in columns), strict=True)
    return [_environments(*one, values.n_atoms, values.volume) for one in found]


def _over(rows: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Divide by the norms; an environment without neighbours stays zero."""
    empty = norms < _NO_NEIGHBOURS
    return np.where(empty[:, None], 0.0, rows / np.where(empty, 1.0, norms)[:, None])


def _environments(
    rows: np.ndarray,
    norms: np.ndarray,
    indices: np.ndarray,
    slopes: np.ndarray,
    counts: np.ndarray,
    neighbours: np.ndarray,
    coordinates: np.ndarray,
    n: int,
    volume: float,
) -> Environments:
    owners = np.repeat(np.arange(len(indices)), counts)
    # each environment once with each atom that is near, itself among them
    mine = np.arange(len(indices)) * n + indices
    groups, place = np.unique(np.append(owners * n + neighbours, mine), return_inverse=True)
    near, self_ = place[: len(owners)], place[len(owners) :][owners]
    first = np.searchsorted(groups, np.arange(len(indices) + 1) * n)
    starts = 3 * first + 6 * np.arange(len(indices) + 1)
    gather = _gather(
        (3 * near + 6 * owners, 3 * self_ + 6 * owners, starts[owners + 1] - 6),
        coordinates / volume,
        starts[-1],
    )
    labels = np.empty(starts[-1], int)
    of_group = 3 * np.arange(len(groups)) + 6 * (groups // n)
    for c in range(3):
        labels[of_group + c] = 3 * (groups % n) + c
    for c in range(6):
        labels[starts[1:] - 6 + c] = 3 * n + c
    ends = 3 * np.append(0, np.cumsum(counts))
    # over an infinite norm, what has no direction has no slope either
    finite = np.where(norms < _NO_NEIGHBOURS, np.inf, norms)
    return Environments(_over(rows, norms), finite, indices, slopes, ends, gather, labels, starts)


def _gather(
    rows_of: tuple[np.ndarray, np.ndarray, np.ndarray], coordinates: np.ndarray, n_rows: int
) -> csr_array:
    """Return what adds derivatives up: to the neighbour, to the atom itself, to the stress."""
    near, self_, stress = rows_of
    pairs = 3 * np.arange(len(near))
    ones = np.ones(len(near))
    parts = [(near + c, pairs + c, -ones) for c in range(3)]
    parts += [(self_ + c, pairs + c, ones) for c in range(3)]
    parts += [(stress + c, pairs + i, coordinates[:, j]) for c, (i, j) in enumerate(_VOIGT)]
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_array((values, (rows, columns)), shape=(int(n_rows), 3 * len(near)))
