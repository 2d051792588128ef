"""Convergence of labels with the density of k-points.

Owns the candidate meshes, the deviations from the densest one and the verdict. Does not
run anything and does not know label documents.

What the article calls noise is not defined there. Here it is the difference to the densest
mesh on the same frames [I]: of the energy per atom, and of the largest force component.
The energy is the free energy F, because forces and stress are its derivatives and it is
what models are trained on; energies that are extrapolated to zero smearing converge at
another rate and belong to other forces. No constant offset is taken out: it would do no
harm to a model of one metal, but it is an error of the energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.kpoints import Grid, KMesh, choose_offset, kmesh_for_spacing
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.protocol import K_ENERGY_NOISE_EV_PER_ATOM, K_FORCE_NOISE_EV_PER_A

SPACINGS_PER_A: Final = (1.0, 0.5, 0.33, 0.25, 0.2, 0.165, 0.125)
"""Default ladder, 1/angstrom with 2 pi, as VASP's KSPACING [I].

In cells of 7 to 9 angstrom this is one point more along each axis from step to step, from
Gamma alone to 6 or 7 points, and the last step is wide enough to be one along every axis.
"""

_MEV: Final = 1000.0


@dataclass(frozen=True)
class Limits:
    """Largest deviations of a converged mesh; both must stay below."""

    energy_eV_per_atom: float = K_ENERGY_NOISE_EV_PER_ATOM
    force_eV_per_A: float = K_FORCE_NOISE_EV_PER_A

    def __post_init__(self) -> None:
        for value in (self.energy_eV_per_atom, self.force_eV_per_A):
            if not 0 < value < float("inf"):
                raise InputError(f"A limit of the convergence must be positive, not {value}.")

    def __str__(self) -> str:
        """Return the limits in words."""
        return _words(self.energy_eV_per_atom, self.force_eV_per_A)


@dataclass(frozen=True)
class Deviation:
    """Largest differences of labels on one mesh to those on another, over all frames.

    ``energy_eV_per_atom`` of the free energy, ``force_eV_per_A`` and ``stress_eV_per_A3`` of
    components; the stress is None where no frame has it under both meshes.
    """

    energy_eV_per_atom: float
    force_eV_per_A: float
    stress_eV_per_A3: float | None = None

    def within(self, limits: Limits) -> bool:
        """Say whether energy and force are below the limits; the stress has none.

        Parameters
        ----------
        limits
            The limits.

        Returns
        -------
        Whether both are.
        """
        return (
            self.energy_eV_per_atom < limits.energy_eV_per_atom
            and self.force_eV_per_A < limits.force_eV_per_A
        )

    def __str__(self) -> str:
        """Return energy and force in words."""
        return _words(self.energy_eV_per_atom, self.force_eV_per_A)


@dataclass(frozen=True)
class Verdict:
    """Index of the mesh to use, or None where none is shown to be converged, and why."""

    chosen: int | None
    reason: str


def order_meshes(meshes: Sequence[KMesh]) -> list[KMesh]:
    """Leave each mesh once and sort by density.

    Parameters
    ----------
    meshes
        Meshes of one cell.

    Returns
    -------
    From coarse to dense. Of two with equally many points the shifted one is the denser,
    because none of its points lies on a symmetry point of the lattice.

    Raises
    ------
    InputError
        If there are fewer than two, so that nothing can be compared.
    """
    distinct = sorted(set(meshes), key=lambda one: (one.n_points, one.offset, one.kmesh))
    if len(distinct) < 2:
        raise InputError(
            f"A convergence test compares k-meshes, but there is only "
            f"{' '.join(map(str, distinct)) or 'none'}: give a denser one as well."
        )
    return distinct


def candidate_meshes(
    cell: ArrayLike,
    spacings_per_A: Sequence[float] = SPACINGS_PER_A,
    grid: Grid = "by-symmetry",
) -> list[KMesh]:
    """Return the meshes of a ladder of spacings.

    Parameters
    ----------
    cell
        Cell vectors as rows, shape (3, 3), in angstrom.
    spacings_per_A
        Largest distances between neighbouring points, 1/angstrom with 2 pi; in any order.
    grid
        Type of grid, see ``kpoints.choose_offset``.

    Returns
    -------
    Distinct meshes from coarse to dense, at least two.

    Raises
    ------
    InputError
        If a spacing is not positive, or all spacings give the same mesh.
    """
    meshes = [kmesh_for_spacing(cell, spacing) for spacing in spacings_per_A]
    return order_meshes([KMesh(mesh, choose_offset(cell, mesh, grid)) for mesh in meshes])


def deviation(labels: LabelArrays, reference: LabelArrays) -> Deviation:
    """Compare the labels of the same frames on two meshes.

    Parameters
    ----------
    labels
        Labels on a mesh; their energies are free energies.
    reference
        Labels of the same frames in the same order on the densest mesh.

    Returns
    -------
    The largest differences.

    Raises
    ------
    InputError
        If the frames are not the same.
    """
    labels.require_same_frames(reference)
    energy = np.abs(labels.energies_eV - reference.energies_eV) / labels.n_atoms
    force = np.abs(labels.forces_eV_per_A - reference.forces_eV_per_A)
    stress = None
    here, there = labels.stresses_eV_per_A3, reference.stresses_eV_per_A3
    both = labels.has_stress & reference.has_stress
    if here is not None and there is not None and both.any():
        difference = here[both] - there[both]
        stress = float(np.abs(difference).max())
    return Deviation(float(energy.max()), float(force.max()), stress)


def judge(
    meshes: Sequence[KMesh], deviations: Sequence[Deviation | None], limits: Limits
) -> Verdict:
    """Choose the coarsest mesh that is converged.

    A mesh is chosen only if it and every denser one are within the limits, so that a coarse
    mesh that is near the reference by luck does not win. Three things are no evidence: the
    agreement of the densest mesh with itself; a mesh without labels; and the agreement of a
    mesh that has as many points as the densest one along an axis, since both have the same
    error there.

    Parameters
    ----------
    meshes
        From coarse to dense; the last is the reference.
    deviations
        Of each mesh from the reference; None for a mesh without labels of all frames.
    limits
        What is converged.

    Returns
    -------
    The verdict.

    Raises
    ------
    InputError
        If there are fewer than two meshes, or not one deviation for each.
    """
    if len(meshes) < 2 or len(meshes) != len(deviations):
        raise InputError(
            f"A convergence test needs at least two k-meshes and a deviation for each, not "
            f"{len(meshes)} and {len(deviations)}."
        )
    reference, second = meshes[-1], meshes[-2]
    first = len(meshes) - 1
    while first > 0 and (one := deviations[first - 1]) is not None and one.within(limits):
        first -= 1
    run = [one for one in deviations[first:-1] if one is not None]
    if not run:
        fact = deviations[-2]
        differs = "has no labels of these frames" if fact is None else f"differs by {fact}"
        return Verdict(
            None,
            f"The second densest mesh, {second}, {differs} (limits: {limits}), so the densest "
            f"one, {reference}, is not shown to be converged.",
        )
    if not _coarser_along_every_axis(meshes[first], reference):
        return Verdict(
            None,
            f"{meshes[first]} is within {limits} of {reference}, but has as many points along "
            "an axis, so the error of that axis is not seen.",
        )
    return Verdict(
        first,
        f"{meshes[first]} and all denser meshes are within {limits} of {reference}; the largest "
        f"differences are {_worst(run)}.",
    )


def table_words(meshes: Sequence[KMesh], deviations: Sequence[Deviation | None]) -> str:
    """Write the deviations of all meshes in one line.

    Parameters
    ----------
    meshes
        From coarse to dense; the last is the reference.
    deviations
        Of each mesh.

    Returns
    -------
    Such as ``2x2x2: 31 meV/atom, 80 meV/A; 3x3x3: ...``, without the reference.
    """
    pairs = list(zip(meshes, deviations, strict=True))[:-1]
    return "; ".join(f"{mesh}: {'no labels' if one is None else one}" for mesh, one in pairs)


def _coarser_along_every_axis(mesh: KMesh, reference: KMesh) -> bool:
    # Where the densest mesh of the ladder has one point, the cell is so long that one is enough.
    pairs = zip(mesh.kmesh, reference.kmesh, strict=True)
    return all(n < most or most == 1 for n, most in pairs)


def _worst(some: Sequence[Deviation]) -> Deviation:
    return Deviation(
        max(one.energy_eV_per_atom for one in some), max(one.force_eV_per_A for one in some)
    )


def _words(energy_eV_per_atom: float, force_eV_per_A: float) -> str:
    return f"{_MEV * energy_eV_per_atom:.3g} meV/atom, {_MEV * force_eV_per_A:.3g} meV/A"
