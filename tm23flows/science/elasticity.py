"""Elastic constants of a perfect crystal from stresses of strained cells.

Owns the probes (which cells are strained and which atoms are displaced), the constants with
clamped and with relaxed atoms, and the Cauchy pressures. Voigt order is xx yy zz yz xz xy with
engineering shear strains; stresses have ASE's sign, which is positive where a crystal is pulled.
Symmetry and standard axes are pymatgen's. Computes no stress and knows no documents.

The constants are derivatives of the Cauchy stress with respect to a small symmetric strain. In a
cell that is not at rest they hold its stress too: at a pressure p, C12 - C44 of the stress is
that of the energy plus 2 p (Wallace, Thermodynamics of Crystals, 1972, section 3). The stress at
rest is therefore returned with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.crystals import SYMPREC_A, standard_cell
from tm23flows.science.label_arrays import FloatArray, finite_array

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

VOIGT: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
VOIGT_NAMES: Final = ("xx", "yy", "zz", "yz", "xz", "xy")

STRAIN: Final = 0.005
"""Component of the Voigt strain that differs from zero; the shear angle for a shear."""

DISPLACEMENT_A: Final = 0.01

MAX_STRAIN: Final = 0.05
"""Beyond this nothing is linear, and a typing error is likelier than a wish."""

_FLAT: Final = 1e-8
"""Force constants, against the largest, that count as no resistance at all."""


@dataclass(frozen=True)
class Probe:
    """One geometry: the crystal at rest, strained, or with one atom displaced.

    ``index`` is the Voigt component, or three times the atom plus the axis; ``sign`` is 1 or -1.
    """

    kind: Literal["rest", "strain", "displacement"]
    index: int = 0
    sign: int = 1

    def __str__(self) -> str:
        """Return it in words, such as ``strain +xy``."""
        if self.kind == "rest":
            return "at rest"
        sign = "+" if self.sign > 0 else "-"
        if self.kind == "strain":
            return f"strain {sign}{VOIGT_NAMES[self.index]}"
        return f"atom {self.index // 3} {sign}{'xyz'[self.index % 3]}"

    def apply(self, crystal: Atoms, strain: float, displacement_A: float) -> Atoms:
        """Make the geometry.

        Parameters
        ----------
        crystal
            The crystal at rest.
        strain
            Component of the Voigt strain.
        displacement_A
            Length of a displacement, in angstrom.

        Returns
        -------
            New atoms. In a strained cell they follow the cell.
        """
        made: Atoms = crystal.copy()
        if self.kind == "strain":
            deformed = made.cell.array @ (np.eye(3) + strain_matrix(self.index, self.sign * strain))
            made.set_cell(deformed, scale_atoms=True)
        elif self.kind == "displacement":
            made.positions[self.index // 3, self.index % 3] += self.sign * displacement_A
        return made


@dataclass(frozen=True)
class Elasticity:
    """Elastic constants, shape (6, 6), and what can be held against them, in eV and angstrom.

    Parameters
    ----------
    clamped_eV_per_A3
        Of atoms that follow the cell.
    constants_eV_per_A3
        Of atoms at rest in the strained cell, with the symmetry of the crystal.
    asymmetry_eV_per_A3
        Largest change that the symmetry of the crystal made to the constants.
    stress_eV_per_A3
        Stress of the crystal at rest, shape (6,).
    largest_force_eV_per_A
        Largest component of a force in the crystal at rest.
    """

    clamped_eV_per_A3: FloatArray
    constants_eV_per_A3: FloatArray
    asymmetry_eV_per_A3: float
    stress_eV_per_A3: FloatArray
    largest_force_eV_per_A: float


def standard_crystal(atoms: Atoms) -> Atoms:
    """Return the primitive cell of a crystal with its axes as the IEEE standard puts them.

    Cubic axes along x, y and z; the axis of a hexagonal or rhombohedral crystal along z and a
    along x. Published constants are in these axes.

    Parameters
    ----------
    atoms
        A cell, periodic in all directions.

    Returns
    -------
        The primitive cell; lengths rounded to 1e-10 A, so that machines agree on it.
    """
    from pymatgen.core.tensors import Tensor

    primitive = standard_cell(atoms, "primitive")
    rotation = np.asarray(Tensor.get_ieee_rotation(_structure(primitive)))
    # Adding zero makes -0.0 zero.
    primitive.set_cell(np.round(primitive.cell.array @ rotation.T, 10) + 0.0)
    primitive.set_positions(np.round(primitive.positions @ rotation.T, 10) + 0.0)
    return primitive


def probes(n_atoms: int) -> list[Probe]:
    """List the geometries that constants are made from.

    Atoms are displaced only where there are several in the cell, and all but the last one: where
    all atoms move, no force arises, so its force constants follow from the others.

    Parameters
    ----------
    n_atoms
        Atoms in the unit cell.

    Returns
    -------
        1 + 12 + 6 (n - 1) probes. Those in the cell at rest come first, so that an engine can
        start each from the one before.
    """
    signs = (1, -1)
    moved = [Probe("displacement", i, s) for i in range(3 * (n_atoms - 1)) for s in signs]
    return [Probe("rest"), *moved, *(Probe("strain", i, s) for i in range(6) for s in signs)]


def strain_matrix(component: int, amount: float) -> FloatArray:
    """Return a symmetric strain with one Voigt component.

    Parameters
    ----------
    component
        Place in :data:`VOIGT`.
    amount
        Its value; of a shear the engineering strain, which is twice the tensor's component.

    Returns
    -------
        Shape (3, 3).

    Raises
    ------
    InputError
        The amount is zero or too large to be linear.

    Examples
    --------
    A shear of Voigt is twice the component of the tensor.

    >>> strain_matrix(0, 0.01).tolist()
    [[0.01, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    >>> strain_matrix(5, 0.01).tolist()
    [[0.0, 0.005, 0.0], [0.005, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if not 0 < abs(amount) <= MAX_STRAIN:
        raise InputError(f"A strain must be between 0 and {MAX_STRAIN}, not {abs(amount):g}.")
    i, j = VOIGT[component]
    matrix = np.zeros((3, 3))
    matrix[i, j] += amount / 2
    matrix[j, i] += amount / 2
    return matrix


def elasticity(
    crystal: Atoms,
    stresses: Sequence[FloatArray],
    forces: Sequence[FloatArray],
    strain: float = STRAIN,
    displacement_A: float = DISPLACEMENT_A,
) -> Elasticity:
    """Make elastic constants from the stresses and forces of all probes.

    Centred differences, so an error of the stress that all cells share, as that of a small basis
    of plane waves, falls out. Atoms in the strained cell are brought to rest to first order with
    C = C_clamped - L^T K^+ L / V, where K are the force constants of the zone centre and L is the
    response of the forces to strain (Wu, Vanderbilt and Hamann, Phys. Rev. B 72, 035105 (2005),
    Eq. 14 and around).

    Parameters
    ----------
    crystal
        The crystal at rest.
    stresses
        In the order of :func:`probes`, each of shape (6,), in eV/angstrom^3.
    forces
        In the same order, each of shape (n, 3), in eV/angstrom.
    strain
        Component of the Voigt strain of the strained cells.
    displacement_A
        Length of the displacements.

    Returns
    -------
        The constants.

    Raises
    ------
    InputError
        The arrays do not fit the crystal.
    PhysicsError
        The atoms are not in a minimum, so no strained cell has a state of rest near by.
    """
    pulls, pushes = _checked(crystal, stresses, forces)
    listed = probes(len(crystal))
    by_strain = _differences(listed, "strain", pulls, 2 * strain)
    clamped = (by_strain + by_strain.T) / 2
    relaxed = clamped
    if len(crystal) > 1:
        constants = -_differences(listed, "displacement", pushes, 2 * displacement_A)
        response = _differences(listed, "strain", pushes, 2 * strain)
        relaxed = clamped - _softening(constants, response) / crystal.get_volume()
    fitted = with_symmetry(relaxed, crystal)
    return Elasticity(
        clamped_eV_per_A3=with_symmetry(clamped, crystal),
        constants_eV_per_A3=fitted,
        asymmetry_eV_per_A3=float(np.abs(fitted - relaxed).max()),
        stress_eV_per_A3=pulls[0],
        largest_force_eV_per_A=float(np.abs(pushes[0]).max()),
    )


def with_symmetry(constants: FloatArray, crystal: Atoms) -> FloatArray:
    """Average constants over the point group of a crystal.

    Parameters
    ----------
    constants
        Shape (6, 6), any unit.
    crystal
        The crystal, in the axes of the constants.

    Returns
    -------
        The nearest constants that the crystal can have, shape (6, 6).
    """
    from pymatgen.core.elasticity import ElasticTensor

    symmetric = (constants + constants.T) / 2
    fitted = ElasticTensor.from_voigt(symmetric).fit_to_structure(_structure(crystal), SYMPREC_A)
    return np.array(fitted.voigt)


def bulk_modulus(constants: FloatArray) -> float:
    """Return the modulus of a uniform strain, which is Voigt's average.

    Parameters
    ----------
    constants
        Shape (6, 6).

    Returns
    -------
        In the unit of the constants. For cubic crystals it is -V dp/dV.

    Examples
    --------
    Of a cubic crystal it is (C11 + 2 C12) / 3.

    >>> constants = np.diag([1.1, 1.1, 1.1, 0.5, 0.5, 0.5])
    >>> constants[:3, :3] += 0.8 * (1 - np.eye(3))
    >>> round(bulk_modulus(constants), 6)
    0.9
    """
    return float(np.asarray(constants)[:3, :3].mean())


def cauchy_pressures(constants: FloatArray) -> dict[str, float]:
    """Return what would be zero if atoms in centres of symmetry had central forces only.

    The article takes C12 - C44 for all metals. That is a Cauchy relation of cubic crystals; the
    ones of a hexagonal crystal are C13 = C44 and C12 = C66.

    Parameters
    ----------
    constants
        Shape (6, 6), in standard axes.

    Returns
    -------
        ``C12 - C44`` of the article first, then ``C23 - C44``, ``C13 - C55`` and ``C12 - C66``,
        which hold for every family; in the unit of the constants.
    """
    c = np.asarray(constants)
    return {
        "C12 - C44": float(c[0, 1] - c[3, 3]),
        "C23 - C44": float(c[1, 2] - c[3, 3]),
        "C13 - C55": float(c[0, 2] - c[4, 4]),
        "C12 - C66": float(c[0, 1] - c[5, 5]),
    }


def _checked(
    crystal: Atoms, stresses: Sequence[FloatArray], forces: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the stresses, (m, 6), and the forces, (m, 3 n)."""
    count = len(probes(len(crystal)))
    pulls, pushes = finite_array(stresses, "stresses"), finite_array(forces, "forces")
    if pulls.shape != (count, 6) or pushes.shape != (count, len(crystal), 3):
        raise InputError(
            f"Elastic constants of {len(crystal)} atoms need {count} stresses and forces, not "
            f"arrays of shape {pulls.shape} and {pushes.shape}."
        )
    return pulls, pushes.reshape(count, -1)


def _differences(listed: list[Probe], kind: str, values: FloatArray, width: float) -> FloatArray:
    """Return centred differences: a column for each index, divided by the distance of the two."""
    places = {(one.index, one.sign): at for at, one in enumerate(listed) if one.kind == kind}
    indices = sorted({index for index, _ in places})
    rows = [values[places[i, 1]] - values[places[i, -1]] for i in indices]
    return np.array(rows).T / width


def _softening(columns: FloatArray, response: FloatArray) -> FloatArray:
    """Return L^T K^+ L in eV, shape (6, 6), from the force constants of all atoms but the last."""
    n = columns.shape[0]
    last = -columns.reshape(n, -1, 3).sum(axis=1)
    constants = np.hstack([columns, last])
    constants = (constants + constants.T) / 2
    # Displacements that move the centre of the cell are none: a basis of all the others.
    uniform = np.tile(np.eye(3), (n // 3, 1)) / np.sqrt(n / 3)
    basis = np.linalg.svd(uniform)[0][:, 3:]
    inner = basis.T @ constants @ basis
    lowest, highest = np.linalg.eigvalsh(inner)[[0, -1]]
    if lowest <= _FLAT * highest:
        raise PhysicsError(
            "The atoms of the unit cell are not in a minimum (a force constant of the zone centre "
            f"is {lowest:.3g} eV/A^2), so there are no elastic constants with atoms at rest: relax "
            "the crystal, or use the phase that is stable under this recipe."
        )
    projected = basis.T @ response
    return projected.T @ np.linalg.solve(inner, projected)


def _structure(atoms: Atoms) -> Structure:
    from pymatgen.core import Structure as NewStructure

    return NewStructure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions()
    )
