"""Smearing and the response of a d band: limits, and the sum over levels that it stands for."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from tm23flows.errors import InputError
from tm23flows.science.d_band import SMEARINGS, smeared_strength
from tm23flows.science.d_shell import mean_strength, strength_constant
from tm23flows.science.density_response import D_SHELL, Shells, strength_by_l

sigmas = st.floats(1e-4, 3.0)
fillings = st.floats(0.5, 9.5)


@pytest.mark.parametrize("smearing", SMEARINGS)
@pytest.mark.parametrize("n_d", [1, 5, 8.5])
def test_narrow_smearing_is_the_sharp_mean(smearing, n_d):
    assert smeared_strength(4, n_d, 0.0, smearing) == mean_strength(4, n_d)
    assert smeared_strength(4, n_d, 1e-5, smearing) == pytest.approx(
        mean_strength(4, n_d), rel=1e-6
    )


@pytest.mark.parametrize("smearing", SMEARINGS)
def test_wide_smearing_takes_it_all_away(smearing):
    assert smeared_strength(4, 4, 500.0, smearing) < 0.005 * mean_strength(4, 4)


@given(fillings, sigmas)
@settings(max_examples=25)
def test_with_occupations_that_only_fall_it_only_falls(n_d, sigma):
    for smearing in ("fermi", "gaussian"):
        narrow, wide = (smeared_strength(4, n_d, s, smearing) for s in (sigma, 1.3 * sigma))
        assert 0 < wide <= narrow * (1 + 1e-9) <= mean_strength(4, n_d) * (1 + 1e-8)


@given(fillings, sigmas, st.sampled_from(sorted(SMEARINGS)))
@settings(max_examples=25)
def test_electrons_and_holes_are_alike(n_d, sigma, smearing):
    holes = smeared_strength(2, 10 - n_d, sigma, smearing)
    assert smeared_strength(2, n_d, sigma, smearing) == pytest.approx(holes, rel=1e-6)


@pytest.mark.parametrize(
    ("smearing", "second_moment"), [("fermi", np.pi**2 / 3), ("gaussian", 0.5)]
)
def test_to_second_order_it_falls_with_the_square_of_sigma(smearing, second_moment):
    """int G(x) (-f') with G = x - x^2: the mean of (x - mu)^2 is what is lost."""
    sigma = 0.01
    lost = mean_strength(4, 5) - smeared_strength(4, 5, sigma, smearing)
    assert lost == pytest.approx(100 * strength_constant(4) * second_moment * sigma**2, rel=1e-5)


def test_methfessel_paxton_loses_nothing_to_that_order():
    lost = mean_strength(4, 5) - smeared_strength(4, 5, 0.05, "methfessel-paxton")
    assert abs(lost) < 1e-9
    assert smeared_strength(4, 5, 0.2, "gaussian") < 0.95 * mean_strength(4, 5)


def test_methfessel_paxton_is_that_of_the_original():
    """S_1(x) = S_0(x) - (1 / (4 sqrt(pi))) H_1(x) exp(-x^2), with H_1(x) = 2 x."""
    f = SMEARINGS["methfessel-paxton"]
    assert f(0.0) == 0.5
    x = 0.9
    hermite = -(1 / (4 * np.sqrt(np.pi))) * 2 * x * np.exp(-(x**2))
    assert f(x) - SMEARINGS["gaussian"](x) == pytest.approx(hermite)
    assert f(1.5) < 0
    assert f(-1.5) > 1


@pytest.mark.parametrize("smearing", SMEARINGS)
def test_it_is_the_mean_over_random_orbitals_on_levels(smearing):
    """Random d orbitals on ten levels, with the response function itself."""
    energies = (np.arange(10) + 0.5) / 10
    occupation, sigma, n_d = SMEARINGS[smearing], 0.3, 4
    level = brentq(lambda mu: occupation((energies - mu) / sigma).sum() - n_d, -9, 9)
    filled = occupation((energies - level) / sigma)
    pairs = list(combinations(range(10), 2))
    random, found = np.random.default_rng(3), []
    for _ in range(200):
        places = random.permutation(10)
        found.append(sum(_pair(filled[a], filled[b], places[a], places[b]) for a, b in pairs))
    expected = strength_constant(4) * sum(filled[a] - filled[b] for a, b in pairs)
    assert abs(np.mean(found) - expected) < 4 * np.std(found) / np.sqrt(len(found))


def _pair(of_lower, of_upper, lower, upper):
    """Strength of one pair of spin-orbitals: all others are as full as the lower one."""
    filled, valence = np.full((2, 9), of_lower), np.zeros((2, 9), dtype=bool)
    valence[lower // 5, 4 + lower % 5] = True
    filled[upper // 5, 4 + upper % 5] = of_upper
    return strength_by_l(Shells(filled, valence), D_SHELL)[4]


@pytest.mark.parametrize("n_d", [0, 10])
def test_full_and_empty_bands_have_no_response(n_d):
    assert smeared_strength(4, n_d, 0.2) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((4, 5, 0.1, "cold"), "choose one of fermi"),
        ((4, 5, -0.1), "give 0 or more"),
        ((4, 5, np.inf), "give 0 or more"),
        ((4, 11, 0.1), "0 to 10 electrons"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, why):
    with pytest.raises(InputError, match=why):
        smeared_strength(*arguments)
