"""First-order response of the density of one atom's s, p and d shells to a potential.

Owns Eqs. 3 to 14 of Owen et al., npj Comput. Mater. 10, 92 (2024): nine orbitals per spin,
phi(r) Y_L with one radial function, in a valence level at 0 and a conduction level at Delta, and a
potential sum_L V_L(r) Y_L, of which V_L = <phi|V_L|phi> is left. The mean over many occupations of
the d shell is in :mod:`tm23flows.science.d_shell`.

The index order of the article's Eqs. 12 and 13 cannot be read with certainty. Here it follows from
Eq. 11, n1 = phi^2 sum_{LL'} Y_L P_{LL'} V_{L'} + c.c., which leaves

    P_{LL'} = -(1 / Delta) sum_{i in VB, j in CB} (f_i - f_j) C*_{Lj,L,Li} C_{Lj,L',Li},

a Hermitian matrix. C_{Li,L,Lj} C_{Lj,L',Li}, as printed, is its row (l, -m) times (-1)^m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.gaunt import coefficients, harmonics

L_ORBITAL = 2
"""One s, one p and one d shell."""
L_FIELD = 2 * L_ORBITAL
"""Products of two d orbitals reach l = 4; no potential of higher degree couples them."""
N_ORBITALS, N_FIELDS = len(harmonics(L_ORBITAL)), len(harmonics(L_FIELD))
D_SHELL = slice(4, 9)
"""Places of the five d orbitals."""
ALL_SHELLS = slice(None)

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Shells:
    """Which orbitals are valence ones, and how far each is filled.

    Parameters
    ----------
    occupations
        Electrons in each orbital of each spin, (spins, 9), in the order of
        :func:`tm23flows.science.gaunt.harmonics`. Methfessel-Paxton occupations may lie a little
        outside 0 and 1.
    valence
        Whether the orbital is in the valence level, (spins, 9); the others are conduction ones.
    gap_eV
        Delta, the distance of the two levels.
    orbitals
        Unitary matrix (9, 9) whose columns are the orbitals in complex harmonics; None for the
        harmonics themselves.
    """

    occupations: NDArray[np.float64]
    valence: NDArray[np.bool_]
    gap_eV: float = 1.0
    orbitals: Complex | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.occupations)
        if len(shape) != 2 or shape[1] != N_ORBITALS or shape != np.shape(self.valence):
            raise InputError(
                f"Occupations {shape} and valence {np.shape(self.valence)} must both have a row of "
                f"{N_ORBITALS} orbitals for each spin: one s, three p, five d."
            )
        if not np.isfinite(self.occupations).all():
            raise InputError("An occupation is not a number: give electrons for all orbitals.")
        if not self.gap_eV > 0:
            raise InputError(f"The gap must be positive, not {self.gap_eV} eV.")
        if self.orbitals is not None:
            overlap = self.orbitals.conj().T @ self.orbitals
            if overlap.shape != (N_ORBITALS,) * 2 or not np.allclose(overlap, np.eye(N_ORBITALS)):
                raise InputError("The orbitals must be the columns of a unitary 9 x 9 matrix.")


def integer_shells(
    occupied: ArrayLike, gap_eV: float = 1.0, orbitals: Complex | None = None
) -> Shells:
    """Put what is occupied into the valence level and what is empty into the other.

    Parameters
    ----------
    occupied
        Whether an orbital holds an electron, (spins, 9).
    gap_eV
        Distance of the levels.
    orbitals
        As in :class:`Shells`.

    Returns
    -------
        The shells.
    """
    filled = np.asarray(occupied, dtype=bool)
    return Shells(filled.astype(float), filled, gap_eV, orbitals)


def real_orbitals() -> Complex:
    """Return the real harmonics (z^2, xz, ...) as columns of complex ones.

    Returns
    -------
        A unitary matrix (9, 9) for :class:`Shells`; m > 0 is the cosine, m < 0 the sine.
    """
    columns = np.zeros((N_ORBITALS, N_ORBITALS), dtype=complex)
    for place, (degree, m) in enumerate(harmonics(L_ORBITAL)):
        centre, sign = degree * (degree + 1), (-1) ** abs(m)
        if m == 0:
            columns[centre, place] = 1
        elif m > 0:
            columns[[centre + m, centre - m], place] = np.array([sign, 1]) / np.sqrt(2)
        else:
            columns[[centre - m, centre + m], place] = np.array([-sign, 1]) * 1j / np.sqrt(2)
    return columns


def couplings(orbitals: Complex | None = None) -> Complex:
    """Return <j|Y_L|i> between all orbitals.

    Parameters
    ----------
    orbitals
        As in :class:`Shells`.

    Returns
    -------
        C_{Lj,L,Li} as an array [j, L, i], (9, 25, 9).
    """
    table = coefficients(L_ORBITAL, L_FIELD)
    if orbitals is None:
        return table.astype(complex)
    table_between: Complex = np.einsum(
        "aj,aLb,bi->jLi", orbitals.conj(), table, orbitals, optimize=True
    )
    return table_between


def response_matrix(shells: Shells, within: slice = ALL_SHELLS) -> Complex:
    """Return the density-response matrix, Eqs. 12 and 13.

    Parameters
    ----------
    shells
        Orbitals and their occupations.
    within
        Orbitals among which electrons are excited, such as :data:`D_SHELL`.

    Returns
    -------
        P_{LL'} in 1/eV, (25, 25), Hermitian; summed over spins.
    """
    table = couplings(shells.orbitals)
    weights = np.zeros((N_ORBITALS, N_ORBITALS))
    weights[within, within] = _pair_weights(shells)[within, within]
    total = np.einsum("ij,jLi,jMi->LM", weights, table.conj(), table, optimize=True)
    response: Complex = -total / shells.gap_eV
    return response


def strength_by_l(shells: Shells, within: slice = ALL_SHELLS) -> NDArray[np.float64]:
    """Return how strongly the density answers to a potential of each degree.

    The strength is ``-Delta sum_M P_{lM,lM}``, that is
    ``sum_{i in VB, j in CB} (f_i - f_j) sum_M |C_{Lj,lM,Li}|^2``: the trace of a block of P, which
    no rotation of the atom changes, without the gap.

    Parameters
    ----------
    shells
        Orbitals and their occupations.
    within
        As in :func:`response_matrix`.

    Returns
    -------
        Strengths for l = 0 to 4, (5,), without a unit.
    """
    diagonal = -shells.gap_eV * np.diag(response_matrix(shells, within)).real
    return sum_over_m(diagonal)


def sum_over_m(values: ArrayLike) -> NDArray[np.float64]:
    """Sum numbers that belong to harmonics over their orders.

    Parameters
    ----------
    values
        A number for each harmonic, (25,).

    Returns
    -------
        A sum for each degree, (5,).
    """
    given = np.asarray(values, dtype=float)
    return np.array([given[l * l : (l + 1) ** 2].sum() for l in range(L_FIELD + 1)])  # noqa: E741


def density_change(shells: Shells, field: ArrayLike) -> Complex:
    """Return the first-order density, Eq. 11, with its complex conjugate.

    Parameters
    ----------
    shells
        Orbitals and their occupations.
    field
        V_L in eV, (25,), of a real potential.

    Returns
    -------
        n_L, (25,), in n1(r) = phi(r)^2 sum_L n_L Y_L.
    """
    answer = response_matrix(shells) @ _real_field(field)
    return answer + _conjugate(answer)


def first_order_energy(shells: Shells, field: ArrayLike) -> float:
    """Return the first-order energy of all electrons, Eq. 14.

    Parameters
    ----------
    shells
        Orbitals and their occupations, of both levels.
    field
        V_L in eV, (25,), of a real potential.

    Returns
    -------
        E1 = sum_L V_L sum_i f_i C_{Li,L,Li} in eV.
    """
    electrons = np.asarray(shells.occupations).sum(axis=0)
    own = np.einsum("iLi->iL", couplings(shells.orbitals))
    return float((electrons @ own @ _real_field(field)).real)


def _pair_weights(shells: Shells) -> NDArray[np.float64]:
    """Return the sum over spins of f_i - f_j, for i in VB and j in CB, (9, 9)."""
    filled, valence = np.asarray(shells.occupations), np.asarray(shells.valence, dtype=float)
    pairs = valence[:, :, None] * (1 - valence)[:, None, :]
    weights: NDArray[np.float64] = (pairs * (filled[:, :, None] - filled[:, None, :])).sum(axis=0)
    return weights


def _conjugate(values: Complex) -> Complex:
    """Return the coefficients of the complex conjugate of a function: Y*_lm = (-1)^m Y_l,-m."""
    signs = np.array([(-1) ** abs(m) for _, m in harmonics(L_FIELD)])
    mirrored = [degree * (degree + 1) - m for degree, m in harmonics(L_FIELD)]
    return signs * values[mirrored].conj()


def _real_field(field: ArrayLike) -> Complex:
    values = np.asarray(field, dtype=complex)
    if values.shape != (N_FIELDS,) or not np.allclose(values, _conjugate(values)):
        raise InputError(
            f"The potential must be real: give V_L for {N_FIELDS} harmonics, with "
            "V_(l,-m) = (-1)^m V*_(l,m)."
        )
    return values
