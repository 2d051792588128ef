"""The response of a d shell as a function of its number of electrons, and the metals ranked by it.

Owns the mean over integer occupations of the ten d spin-orbitals, which is the N_d (10 - N_d) of
Owen et al., npj Comput. Mater. 10, 92 (2024), by linearity of the mean and by random draws; and the
rule for N_d of a metal. The strength of one occupation is
:func:`tm23flows.science.density_response.strength_by_l`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science.density_response import (
    D_SHELL,
    N_ORBITALS,
    Complex,
    couplings,
    integer_shells,
    strength_by_l,
)
from tm23flows.science.gaunt import exact_coefficient
from tm23flows.science.metals import METALS, metal

if TYPE_CHECKING:
    import sympy

N_SPIN_ORBITALS = 10
S_ELECTRONS = 1.0
"""[I] Electrons of a free-electron-like band beside the d band, per atom of any of these metals.

With it copper has ten d electrons and nickel nine. Free atoms of most groups have two.
"""
EXCEPTIONS = (4, 5)
"""[C] Groups that the article itself leaves out of the estimate: few d electrons, large errors."""


@dataclass(frozen=True)
class Estimate:
    """The estimate for one metal.

    Parameters
    ----------
    symbol, group
        The metal.
    n_d
        Electrons in its d shell.
    estimate
        N_d (10 - N_d).
    stated_exception
        Whether the article says that the estimate does not hold for its group.
    """

    symbol: str
    group: int
    n_d: float
    estimate: float
    stated_exception: bool


@cache
def exact_constant(degree: int) -> sympy.Expr:
    """Return the mean strength of a d shell over N_d (10 - N_d), exactly.

    A random occupation by N of ten spin-orbitals fills orbital i and leaves another one, j, empty
    with the probability N (10 - N) / 90, so the mean of sum_ij sum_M C_{Lj,lM,Li}^2 over pairs of
    the same spin is the sum over all i and j != i of both spins times that.

    Parameters
    ----------
    degree
        l of the potential.

    Returns
    -------
        A sympy number, for orbitals that are complex harmonics.

    Examples
    --------
    A field of degree 0 is the same everywhere and moves nothing.

    >>> exact_constant(0), exact_constant(2)
    (0, 2/(63*pi))
    """
    from sympy import Integer

    d_shell = [(2, m) for m in range(-2, 3)]
    squares = [
        exact_coefficient(j, (degree, j[1] - i[1]), i) ** 2
        for i in d_shell
        for j in d_shell
        if i != j and abs(j[1] - i[1]) <= degree
    ]
    return 2 * sum(squares, Integer(0)) / (N_SPIN_ORBITALS * (N_SPIN_ORBITALS - 1))


def strength_constant(degree: int, orbitals: Complex | None = None) -> float:
    """Return the mean strength of a d shell over N_d (10 - N_d).

    That the mean is proportional to N_d (10 - N_d) holds for any orbitals; the constant does not,
    because a pair i = j is never excited, and how much it would have counted depends on them.

    Parameters
    ----------
    degree
        l of the potential, 0 to 4.
    orbitals
        As in :class:`tm23flows.science.density_response.Shells`.

    Returns
    -------
        The constant, without a unit.
    """
    block = slice(degree**2, (degree + 1) ** 2)
    squares = (np.abs(couplings(orbitals)[D_SHELL, block, D_SHELL]) ** 2).sum(axis=1)
    pairs = squares.sum() - np.trace(squares)
    return float(2 * pairs / (N_SPIN_ORBITALS * (N_SPIN_ORBITALS - 1)))


def mean_strength(degree: int, n_d: float) -> float:
    """Return the strength of a d shell, averaged over all integer occupations.

    Between whole numbers it is the same formula, which is not an average of occupations any more.

    Parameters
    ----------
    degree
        l of the potential, 0 to 4.
    n_d
        Electrons in the shell, 0 to 10.

    Returns
    -------
        The strength, without a unit.

    Raises
    ------
    InputError
        There is no such shell.
    """
    if not 0 <= n_d <= N_SPIN_ORBITALS:
        raise InputError(f"A d shell holds 0 to {N_SPIN_ORBITALS} electrons, not {n_d}.")
    return strength_constant(degree) * n_d * (N_SPIN_ORBITALS - n_d)


def sampled_strength(degree: int, n_d: int, draws: int, seed: int) -> tuple[float, float]:
    """Average the strength of a d shell over random integer occupations.

    Parameters
    ----------
    degree
        l of the potential, 0 to 4.
    n_d
        Electrons in the shell.
    draws
        Occupations to draw.
    seed
        Seed of the draws.

    Returns
    -------
        The mean and its standard error.

    Raises
    ------
    InputError
        There is no such shell, or fewer than two draws.
    """
    if n_d not in range(N_SPIN_ORBITALS + 1) or draws < 2:
        raise InputError(
            f"Give 0 to {N_SPIN_ORBITALS} electrons and two or more draws, not {n_d} and {draws}."
        )
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        occupied = np.zeros((2, N_ORBITALS), dtype=bool)
        chosen = random.permutation(N_SPIN_ORBITALS) < n_d
        occupied[:, D_SHELL] = chosen.reshape(2, -1)
        # Only pairs of d orbitals: an empty s or p orbital would add its own for l below 4.
        found.append(strength_by_l(integer_shells(occupied), D_SHELL)[degree])
    return float(np.mean(found)), float(np.std(found, ddof=1) / sqrt(draws))


def d_electrons(symbol: str, s_electrons: float = S_ELECTRONS) -> float:
    """Return the d electrons of a metal by a rule from the periodic table [I].

    Valence electrons of a transition metal are as many as its group; those that are not in the
    s band are d electrons, up to ten.

    Parameters
    ----------
    symbol
        One of the 27 metals.
    s_electrons
        Electrons that are not in the d shell.

    Returns
    -------
        Electrons per atom.

    Raises
    ------
    InputError
        The metal is unknown, or the number makes no sense.

    Examples
    --------
    Copper has eleven valence electrons, one of them s.

    >>> d_electrons("Cu")
    10.0
    """
    if not 0 <= s_electrons <= 2:
        raise InputError(f"An s band holds 0 to 2 electrons per atom, not {s_electrons}.")
    return min(float(N_SPIN_ORBITALS), metal(symbol).group - s_electrons)


def rank_metals(s_electrons: float = S_ELECTRONS) -> list[Estimate]:
    """Order the 27 metals by N_d (10 - N_d), the largest first.

    Parameters
    ----------
    s_electrons
        As in :func:`d_electrons`.

    Returns
    -------
        An estimate for each; metals with the same one stay in the order of the table.
    """
    rows = []
    for symbol in METALS:
        n_d, group = d_electrons(symbol, s_electrons), metal(symbol).group
        product = n_d * (N_SPIN_ORBITALS - n_d)
        rows.append(Estimate(symbol, group, n_d, product, group in EXCEPTIONS))
    return sorted(rows, key=lambda row: -row.estimate)
