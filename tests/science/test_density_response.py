"""The response of s, p and d shells: against finite differences, rotations and the article."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import eigh
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y

from tm23flows.errors import InputError
from tm23flows.science.density_response import (
    D_SHELL,
    Shells,
    couplings,
    density_change,
    first_order_energy,
    integer_shells,
    real_orbitals,
    response_matrix,
    strength_by_l,
    sum_over_m,
)
from tm23flows.science.gaunt import coefficients, harmonics

NODES = 12
GAP_EV = 1.7
L_4 = slice(16, 25)

occupied = arrays(bool, (2, 9))
fractions = arrays(float, (2, 9), elements=st.floats(0, 1))


def grid():
    cosines, weights = np.polynomial.legendre.leggauss(NODES)
    phi = np.pi * np.arange(2 * NODES) / NODES
    theta, phi = (one.ravel() for one in np.meshgrid(np.arccos(cosines), phi, indexing="ij"))
    return theta, phi, np.repeat(weights, 2 * NODES) * np.pi / NODES


def on_grid(theta, phi, l_max):
    return np.array([sph_harm_y(*one, theta, phi) for one in harmonics(l_max)])


THETA, PHI, AREA = grid()
VALUES = on_grid(THETA, PHI, 4)


def project(function):
    """Coefficients of a function on the grid."""
    return (VALUES.conj() * AREA) @ function


def rotated(turn, l_max):
    """The matrix whose columns are rotated harmonics in harmonics."""
    xyz = np.array([np.sin(THETA) * np.cos(PHI), np.sin(THETA) * np.sin(PHI), np.cos(THETA)])
    x, y, z = turn.inv().apply(xyz.T).T
    turned = on_grid(np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x), l_max)
    return (on_grid(THETA, PHI, l_max).conj() * AREA) @ turned.T


def random_field(seed):
    """V_L of a random real potential up to l = 4."""
    weights = np.random.default_rng(seed).normal(size=(25, 2)) @ [1, 1j]
    return project((weights @ VALUES).real)


def d_only(filled):
    """An empty s and p shell besides d spin-orbitals that are filled or not."""
    levels = np.zeros((2, 9), dtype=bool)
    levels[:, D_SHELL] = filled
    return integer_shells(levels, GAP_EV)


def shells(filled, **fields):
    return integer_shells(filled, GAP_EV, **fields)


def density_of(hamiltonian, n_electrons):
    """Density on the grid of the lowest states."""
    states = eigh(hamiltonian)[1][:, :n_electrons]
    return (np.abs(states.T @ VALUES[:9]) ** 2).sum(axis=0)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_change_of_the_density_when_the_potential_is_switched_on(seed):
    filled = np.random.default_rng(seed).random((1, 9)) < 0.5
    field = random_field(seed)
    unperturbed = np.diag(np.where(filled[0], 0.0, GAP_EV))
    coupling = np.einsum("jLi,L->ji", couplings(), field)
    step = 1e-4
    densities = [density_of(unperturbed + sign * step * coupling, filled.sum()) for sign in (1, -1)]
    change = project((densities[0] - densities[1]) / (2 * step))
    assert density_change(shells(filled), field) == pytest.approx(change, abs=1e-6)


def test_potentials_of_the_sphere_move_no_electron():
    field = np.zeros(25)
    field[0] = 1.0
    filled = np.zeros((2, 9), dtype=bool)
    filled[:, [0, 5, 6]] = True
    assert not density_change(shells(filled), field).any()
    assert first_order_energy(shells(filled), field) == pytest.approx(6 / np.sqrt(4 * np.pi))


@pytest.mark.parametrize("seed", range(3))
def test_first_order_energy_is_the_potential_in_the_density(seed):
    random = np.random.default_rng(seed)
    filling, field = random.random((2, 9)), random_field(seed)
    potential = (field @ VALUES).real
    density = filling.sum(axis=0) @ np.abs(VALUES[:9]) ** 2
    model = Shells(filling, random.random((2, 9)) < 0.5)
    assert first_order_energy(model, field) == pytest.approx(AREA @ (density * potential))


@given(fractions, occupied)
def test_the_matrix_is_hermitian(filling, valence):
    matrix = response_matrix(Shells(filling, valence, GAP_EV))
    assert matrix == pytest.approx(matrix.conj().T, abs=1e-12)


@given(occupied)
def test_integer_occupations_answer_against_the_potential(filled):
    eigenvalues = np.linalg.eigvalsh(response_matrix(shells(filled)))
    assert eigenvalues.max() < 1e-10


@given(fractions, occupied)
def test_the_printed_order_of_indices_is_the_same_up_to_the_conjugate_of_a_row(filling, valence):
    table = coefficients(2, 4)
    pairs = np.zeros((9, 9))
    for f, v in zip(filling, valence, strict=True):
        for i in np.flatnonzero(v):
            for j in np.flatnonzero(~v):
                pairs[i, j] += f[i] - f[j]
    printed = -np.einsum("ij,iLj,jMi->LM", pairs, table, table) / GAP_EV
    rows = [degree * (degree + 1) - m for degree, m in harmonics(4)]
    signs = np.array([(-1) ** abs(m) for _, m in harmonics(4)])
    expected = signs[:, None] * printed[rows]
    assert response_matrix(Shells(filling, valence, GAP_EV)) == pytest.approx(expected, abs=1e-12)


@given(fractions, occupied, st.integers(0, 10**6))
@settings(max_examples=20)
def test_rotating_the_atom_rotates_the_matrix_and_leaves_the_strengths(filling, valence, seed):
    turn = Rotation.random(random_state=seed)
    still = Shells(filling, valence, GAP_EV)
    turned = Shells(filling, valence, GAP_EV, rotated(turn, 2))
    assert strength_by_l(turned) == pytest.approx(strength_by_l(still), abs=1e-10)
    big = rotated(turn, 4)
    expected = big @ response_matrix(still) @ big.conj().T
    assert response_matrix(turned) == pytest.approx(expected, abs=1e-10)


def test_other_orbitals_are_another_atom():
    filled = np.zeros((1, 9), dtype=bool)
    filled[0, 4] = True
    one, other = (
        strength_by_l(shells(filled)),
        strength_by_l(shells(filled, orbitals=real_orbitals())),
    )
    assert abs(one[4] - other[4]) > 0.01


def test_real_orbitals_are_real():
    functions = real_orbitals().T @ VALUES[:9]
    assert np.abs(functions.imag).max() < 1e-12
    assert (functions.real * AREA) @ functions.real.T == pytest.approx(np.eye(9), abs=1e-12)
    x = np.sqrt(3 / (4 * np.pi)) * np.sin(THETA) * np.cos(PHI)
    assert functions[3].real == pytest.approx(x, abs=1e-12)


@given(occupied)
def test_l_4_comes_from_d_to_d_alone(filled):
    everything, d_alone = strength_by_l(shells(filled)), strength_by_l(shells(filled), D_SHELL)
    assert everything[4] == pytest.approx(d_alone[4], abs=1e-12)
    without = filled.copy()
    without[:, D_SHELL] = False
    emptied = strength_by_l(shells(without))
    assert emptied[4] == 0
    full = without.copy()
    full[:, D_SHELL] = True
    assert strength_by_l(shells(full))[4] == 0


S, P, D = [0], [1, 2, 3], [4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("valence", "conduction", "degrees"),
    [(S, P, {1}), (S, D, {2}), (P, D, {1, 3}), (D[:2], D[2:], {2, 4})],
)
def test_every_degree_has_its_own_transitions(valence, conduction, degrees):
    # Orbitals that take no part are as full as the valence ones: f_i = f_j.
    filled = np.ones((1, 9))
    filled[0, conduction] = 0
    in_valence = np.zeros((1, 9), dtype=bool)
    in_valence[0, valence] = True
    found = strength_by_l(Shells(filled, in_valence, GAP_EV))
    assert set(np.flatnonzero(np.abs(found) > 1e-12)) == degrees


@pytest.mark.parametrize("filled", [True, False])
def test_a_full_or_empty_d_shell_has_exactly_no_l_4(filled):
    assert strength_by_l(d_only(filled))[4] == 0.0
    assert not response_matrix(d_only(filled))[L_4].any()


@given(occupied, st.floats(0, 1))
def test_equal_occupations_do_not_answer(valence, filling):
    model = Shells(np.full((2, 9), filling), valence, GAP_EV)
    assert not response_matrix(model).any()


@given(occupied, st.floats(0, 1))
def test_the_strength_falls_in_proportion_as_occupations_become_equal(filled, mixing):
    mean = filled.mean()
    model = Shells((1 - mixing) * filled + mixing * mean, filled, GAP_EV)
    expected = (1 - mixing) * strength_by_l(shells(filled))
    assert strength_by_l(model) == pytest.approx(expected, abs=1e-12)


def test_the_gap_divides_the_matrix_and_not_the_strength():
    filled = np.arange(18).reshape(2, 9) % 3 == 0
    near, far = integer_shells(filled, 1.0), integer_shells(filled, 4.0)
    assert response_matrix(near) == pytest.approx(4 * response_matrix(far))
    assert strength_by_l(near) == pytest.approx(strength_by_l(far))
    assert strength_by_l(near).max() > 0.1


def test_sums_over_m():
    assert sum_over_m(np.arange(25)).tolist() == [0, 6, 30, 84, 180]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"occupations": np.ones((1, 8))}, "one s, three p, five d"),
        ({"occupations": np.ones(9)}, "one s, three p, five d"),
        ({"occupations": np.full((1, 9), np.nan)}, "not a number"),
        ({"gap_eV": 0.0}, "gap must be positive"),
        ({"orbitals": np.ones((9, 9))}, "unitary"),
    ],
)
def test_shells_that_make_no_sense(fields, why):
    given = {"occupations": np.ones((1, 9)), "valence": np.ones((1, 9), dtype=bool)}
    with pytest.raises(InputError, match=why):
        Shells(**{**given, **fields})


def test_a_potential_that_is_not_real():
    filled = np.ones((1, 9), dtype=bool)
    field = np.zeros(25, dtype=complex)
    field[2] = 1j
    for function in (density_change, first_order_energy):
        with pytest.raises(InputError, match="must be real"):
            function(shells(filled), field)
