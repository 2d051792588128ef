"""Integrals of three spherical harmonics: selection rules, and numbers from quadrature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import sph_harm_y
from sympy import pi, sqrt

from tm23flows.errors import InputError
from tm23flows.science.gaunt import coefficients, exact_coefficient, harmonics

NODES = 12


@pytest.fixture(scope="module")
def sphere():
    """Harmonics up to l = 4 on a grid that integrates products of three of them exactly."""
    cosines, weights = np.polynomial.legendre.leggauss(NODES)
    phi = 2 * np.pi * np.arange(2 * NODES) / (2 * NODES)
    theta, phi = (one.ravel() for one in np.meshgrid(np.arccos(cosines), phi, indexing="ij"))
    area = np.repeat(weights, 2 * NODES) * np.pi / NODES
    return np.array([sph_harm_y(*one, theta, phi) for one in harmonics(4)]), area


def any_harmonic(l_max):
    return st.integers(0, l_max).flatmap(
        lambda l: st.tuples(st.just(l), st.integers(-l, l))  # noqa: E741
    )


def test_the_order_of_harmonics():
    found = harmonics(4)
    assert found[:4] == ((0, 0), (1, -1), (1, 0), (1, 1))
    assert all(found[one * (one + 1) + m] == (one, m) for one, m in found)
    assert len(set(found)) == len(found) == 25


def test_the_coefficient_of_three_spheres():
    assert exact_coefficient((0, 0), (0, 0), (0, 0)) == 1 / sqrt(4 * pi)


@given(any_harmonic(2), any_harmonic(5), any_harmonic(2))
def test_selection_rules(first, second, third):
    (l1, m1), (l2, m2), (l3, m3) = first, second, third
    allowed = abs(l1 - l3) <= l2 <= l1 + l3 and (l1 + l2 + l3) % 2 == 0 and m1 == m2 + m3
    value = exact_coefficient(first, second, third)
    if not allowed:
        assert value == 0


@given(any_harmonic(2), any_harmonic(4), any_harmonic(2))
def test_conjugation_swaps_the_outer_two(first, second, third):
    degree, m = second
    mirrored = exact_coefficient(third, (degree, -m), first)
    assert exact_coefficient(first, second, third) == (-1) ** abs(m) * mirrored


def test_all_of_them_are_what_quadrature_gives(sphere):
    values, area = sphere
    orbitals = values[:9]
    integrals = np.einsum("ag,bg,cg,g->abc", orbitals.conj(), values, orbitals, area)
    assert coefficients(2, 4) == pytest.approx(integrals, abs=1e-13)
    assert np.count_nonzero(coefficients(2, 4)) == np.count_nonzero(np.abs(integrals) > 1e-12) > 80


def test_no_field_above_l_4_couples_s_p_and_d():
    assert not coefficients(2, 6)[:, 25:].any()
    assert coefficients(2, 6)[:, :25] == pytest.approx(coefficients(2, 4))


def test_the_table_is_safe():
    with pytest.raises(ValueError, match="read-only"):
        coefficients(2, 4)[0, 0, 0] = 1


def test_a_harmonic_that_is_none():
    with pytest.raises(InputError, match="l = 1, m = 2"):
        exact_coefficient((1, 2), (0, 0), (1, 1))
