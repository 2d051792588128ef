"""The mean over occupations of the d shell: every occupation, random ones, the closed form."""

from itertools import combinations
from math import comb, pi

import numpy as np
import pytest
from sympy import pi as exact_pi

from tm23flows.errors import InputError
from tm23flows.science.d_shell import (
    S_ELECTRONS,
    d_electrons,
    exact_constant,
    mean_strength,
    rank_metals,
    sampled_strength,
    strength_constant,
)
from tm23flows.science.density_response import (
    D_SHELL,
    Shells,
    integer_shells,
    real_orbitals,
    strength_by_l,
)
from tm23flows.science.metals import METALS


def occupations(n_d):
    for chosen in combinations(range(10), n_d):
        filled = np.zeros((2, 9), dtype=bool)
        filled[[one // 5 for one in chosen], [4 + one % 5 for one in chosen]] = True
        yield filled


def enumerated(n_d, orbitals=None):
    found = [
        strength_by_l(integer_shells(filled, orbitals=orbitals), D_SHELL)
        for filled in occupations(n_d)
    ]
    assert len(found) == comb(10, n_d)
    return np.mean(found, axis=0)


@pytest.mark.parametrize("n_d", [0, 1, 2, 4, 5, 8, 10])
def test_the_mean_over_all_occupations_is_the_closed_form(n_d):
    expected = [mean_strength(degree, n_d) for degree in range(5)]
    assert enumerated(n_d) == pytest.approx(expected, abs=1e-12)


def test_the_constants_of_the_article_are_derived():
    assert exact_constant(4) == 4 / (63 * exact_pi)
    assert exact_constant(2) == 2 / (63 * exact_pi)
    for degree, known in ((4, 0.020210), (2, 0.010105), (3, 0), (1, 0), (0, 0)):
        assert round(strength_constant(degree), 6) == known
        assert strength_constant(degree) == pytest.approx(float(exact_constant(degree)))


def test_real_orbitals_have_another_constant_and_the_same_law():
    constant = strength_constant(4, real_orbitals())
    assert constant < 0.9 * strength_constant(4)
    for n_d in (1, 3):
        assert enumerated(n_d, real_orbitals())[4] == pytest.approx(constant * n_d * (10 - n_d))


def test_mean_occupations_in_every_orbital_give_nothing_at_all():
    """The trap: N_d / 10 electrons in each orbital is the smearing argument."""
    filled = np.zeros((2, 9))
    filled[:, D_SHELL] = 0.3
    valence = np.random.default_rng(0).random((2, 9)) < 0.5
    assert not strength_by_l(Shells(filled, valence), D_SHELL).any()
    assert mean_strength(4, 3) > 0.4


@pytest.mark.parametrize("n_d", [0, 3, 7, 10])
def test_random_occupations_have_that_mean(n_d):
    mean, error = sampled_strength(4, n_d, draws=400, seed=1)
    assert abs(mean - mean_strength(4, n_d)) <= 4 * error
    assert error < 0.02
    assert sampled_strength(4, n_d, draws=400, seed=1) == (mean, error)


def test_other_seeds_are_other_draws():
    assert sampled_strength(2, 4, 50, seed=0) != sampled_strength(2, 4, 50, seed=1)


@pytest.mark.parametrize("n_d", [-1, 10.5])
def test_shells_that_there_are_not(n_d):
    with pytest.raises(InputError, match="holds 0 to 10 electrons"):
        mean_strength(4, n_d)
    with pytest.raises(InputError, match="0 to 10 electrons"):
        sampled_strength(4, n_d, 10, 0)


def test_one_draw_has_no_error():
    with pytest.raises(InputError, match="two or more draws"):
        sampled_strength(4, 5, 1, 0)


def test_d_electrons_follow_from_the_group():
    assert S_ELECTRONS == 1.0
    found = {symbol: d_electrons(symbol) for symbol in ("Ti", "W", "Os", "Ni", "Cu", "Hg")}
    assert found == {"Ti": 3, "W": 5, "Os": 7, "Ni": 9, "Cu": 10, "Hg": 10}
    assert d_electrons("Os", s_electrons=2) == 6
    with pytest.raises(InputError, match="0 to 2 electrons"):
        d_electrons("Os", s_electrons=3)


@pytest.mark.parametrize("s_electrons", [1.0, 1.5, 2.0])
def test_the_ordering_of_the_article_holds_for_any_sensible_rule(s_electrons):
    """Groups VI to IX are above X to XII; IV and V are left out, as the article does."""
    rows = rank_metals(s_electrons)
    assert sorted(row.symbol for row in rows) == sorted(METALS)
    values = [row.estimate for row in rows]
    assert values == sorted(values, reverse=True)
    middle = [row.estimate for row in rows if 6 <= row.group <= 9]
    late = [row.estimate for row in rows if row.group >= 10]
    assert len(middle) + len(late) + sum(row.stated_exception for row in rows) == 27
    assert min(middle) > max(late)


def test_the_number_of_the_closed_form():
    assert mean_strength(4, 5) == pytest.approx(100 / (63 * pi))
