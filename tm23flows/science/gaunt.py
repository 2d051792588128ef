"""Integrals of three spherical harmonics, from exact arithmetic.

Owns the coefficients C_{L1,L2,L3} = int dOmega Y*_{L1} Y_{L2} Y_{L3} of Owen et al., npj Comput.
Mater. 10, 92 (2024), with L = (l, m) and complex harmonics in the Condon-Shortley phase. Integers
and square roots are kept by sympy until the end; there is no table. What the coefficients are
used for is :mod:`tm23flows.science.density_response`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tm23flows.errors import InputError

if TYPE_CHECKING:
    import sympy

Harmonic = tuple[int, int]
"""Degree l and order m of a spherical harmonic."""


def harmonics(l_max: int) -> tuple[Harmonic, ...]:
    """List the harmonics up to a degree; (l, m) is at the place l (l + 1) + m.

    Parameters
    ----------
    l_max
        Highest degree.

    Returns
    -------
        Pairs of degree and order, (l_max + 1)^2 of them.
    """
    return tuple((l, m) for l in range(l_max + 1) for m in range(-l, l + 1))  # noqa: E741


@cache
def exact_coefficient(first: Harmonic, second: Harmonic, third: Harmonic) -> sympy.Expr:
    """Return int dOmega Y*_first Y_second Y_third as an exact number.

    It is a Gaunt coefficient but for the conjugation of the first harmonic:
    Y*_{l,m} = (-1)^m Y_{l,-m}. All of them are real.

    Parameters
    ----------
    first, second, third
        Degree and order of each harmonic.

    Returns
    -------
        A sympy number; zero unless m1 = m2 + m3, l1 + l2 + l3 is even and
        abs(l1 - l3) <= l2 <= l1 + l3.

    Raises
    ------
    InputError
        An order is larger than its degree.

    Examples
    --------
    Three constant harmonics, each 1 / sqrt(4 pi):

    >>> exact_coefficient((0, 0), (0, 0), (0, 0))
    1/(2*sqrt(pi))
    """
    from sympy.physics.wigner import gaunt

    for degree, order in (first, second, third):
        if abs(order) > degree:
            raise InputError(
                f"There is no spherical harmonic l = {degree}, m = {order}: abs(m) is at most l."
            )
    (l1, m1), (l2, m2), (l3, m3) = first, second, third
    return (-1) ** abs(m1) * gaunt(l1, l2, l3, -m1, m2, m3)


@cache
def coefficients(l_orbital: int, l_field: int) -> NDArray[np.float64]:
    """Tabulate the coefficients between orbitals and the harmonics of a field.

    Parameters
    ----------
    l_orbital
        Highest degree of the orbitals, which are the first and the third harmonic.
    l_field
        Highest degree of the field, which is the second.

    Returns
    -------
        C[L1, L2, L3] in the order of :func:`harmonics`, not to be written to.
    """
    orbitals, fields = harmonics(l_orbital), harmonics(l_field)
    table = np.zeros((len(orbitals), len(fields), len(orbitals)))
    for a, first in enumerate(orbitals):
        for c, third in enumerate(orbitals):
            # One order of the field is left; sympy would take long to find the zeros one by one.
            m2 = first[1] - third[1]
            for b, second in enumerate(fields):
                if second[1] == m2:
                    table[a, b, c] = float(exact_coefficient(first, second, third))
    table.flags.writeable = False
    return table
