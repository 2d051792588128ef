"""Densities of states: electrons counted, one width for all, moments without bias."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from tm23flows.errors import InputError
from tm23flows.science.density_of_states import (
    D_WINDOW_EV,
    d_band,
    density_of_states,
    electrons_fault,
    energy_grid,
    integrated_electrons,
)
from tm23flows.science.spectrum import Spectrum


def spectrum(eigenvalues, occupations, d=1.0, weights=None, fermi=0.0, **fields):
    """A spectrum whose states are d states, all or by share."""
    eigenvalues = np.atleast_2d(np.asarray(eigenvalues, dtype=float))
    occupations = np.broadcast_to(np.asarray(occupations, dtype=float), eigenvalues.shape)
    projections = np.zeros((*eigenvalues.shape, 3))
    projections[..., 2] = d
    n = len(eigenvalues)
    weights = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=float)
    counted = 2 * weights @ occupations.sum(axis=1)
    return Spectrum(
        eigenvalues_eV=eigenvalues,
        weights=weights,
        occupations=occupations.copy(),
        projections=projections,
        fermi_eV=fermi,
        electrons=fields.get("electrons", float(counted)),
    )


@st.composite
def spectra(draw):
    k, b = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    floats = {"allow_nan": False, "allow_infinity": False}
    eigenvalues = draw(arrays(float, (k, b), elements=st.floats(-60, 30, **floats)))
    occupations = draw(arrays(float, (k, b), elements=st.floats(-0.1, 1.1, **floats)))
    d = draw(arrays(float, (k, b), elements=st.floats(0, 1, **floats)))
    weights = draw(arrays(float, k, elements=st.floats(0.1, 1, **floats)))
    fermi = draw(st.floats(-5, 5))
    return spectrum(eigenvalues, occupations, d, weights / weights.sum(), fermi)


@given(spectra(), st.sampled_from([0.05, 0.2, 1.0]))
def test_the_occupied_curve_integrates_to_the_electrons(found, width):
    assert integrated_electrons(found, width) == pytest.approx(found.counted_electrons, abs=1e-6)


@given(spectra())
def test_all_states_are_there_with_both_spins(found):
    _, b = found.eigenvalues_eV.shape
    grid = np.linspace(-80, 50, 6501)
    curves = density_of_states(found, grid)
    assert np.trapezoid(curves.total, grid) == pytest.approx(2 * b, abs=1e-6)
    of_d = 2 * found.weights @ found.projections[..., 2].sum(axis=1)
    assert np.trapezoid(curves.d, grid) == pytest.approx(of_d, abs=1e-6)


def test_the_curve_is_a_gaussian_at_each_state_against_the_fermi_level():
    found = spectrum([[-1.0, 2.0], [0.5, 3.0]], [1, 0], weights=[0.25, 0.75], fermi=0.5)
    grid = energy_grid((-3, 4))
    curves = density_of_states(found, grid, 0.3)
    expected = sum(
        2 * weight * norm.pdf(grid, place - 0.5, 0.3)
        for weight, row in zip((0.25, 0.75), found.eigenvalues_eV, strict=True)
        for place in row
    )
    np.testing.assert_allclose(curves.total, expected, atol=1e-7)
    np.testing.assert_allclose(curves.d, curves.total)
    assert not curves.projected[:, :2].any()


def test_the_curve_up_to_the_fermi_level_holds_the_electrons_of_gaussian_smearing():
    """With occupations of the same width, cutting the total curve is the same as occupying it."""
    places = np.random.default_rng(0).uniform(-4, 4, (5, 8))
    found = spectrum(places, norm.sf(places / 0.2))
    grid = energy_grid((-8, 0), 0.005)
    area = np.trapezoid(density_of_states(found, grid, 0.2).total, grid)
    assert area == pytest.approx(found.electrons, rel=1e-5)


def test_occupations_do_not_change_the_curves_of_the_states():
    """What SIGMA does to the occupations alone must not show in the total and the d curve."""
    places = np.random.default_rng(1).uniform(-4, 4, (3, 8))
    narrow, wide = (
        density_of_states(spectrum(places, norm.sf(places / sigma))) for sigma in (0.1, 2.0)
    )
    np.testing.assert_array_equal(narrow.total, wide.total)
    np.testing.assert_array_equal(narrow.projected, wide.projected)
    assert np.abs(narrow.occupied - wide.occupied).max() > 0.1


@given(spectra(), st.floats(-50, 50))
def test_moments_do_not_depend_on_the_zero_of_energy(found, shift):
    moved = Spectrum(
        **{
            **found.to_arrays(),
            "eigenvalues_eV": found.eigenvalues_eV + shift,
            "fermi_eV": found.fermi_eV + shift,
            "electrons": found.electrons,
        }
    )
    window = (-12.0031, 6.0017)  # no state of the examples lies on its edge by chance
    here, there = d_band(found, window), d_band(moved, window)
    if here.centre_eV is None or abs(here.weight - there.weight) > 1e-9:
        return
    assert there.centre_eV == pytest.approx(here.centre_eV, abs=1e-6)
    assert there.width_eV == pytest.approx(here.width_eV, abs=1e-4)
    assert there.filling == pytest.approx(here.filling, abs=1e-9)


def test_moments_by_hand():
    found = spectrum([[-3.0, -1.0, 2.0, 9.0]], [1, 1, 0.25, 0], d=[[0.5, 1.0, 0.5, 0.7]])
    band = d_band(found)
    assert band.window_complete
    assert band.weight == pytest.approx(4.0)
    assert band.centre_eV == pytest.approx((0.5 * -3 - 1 + 0.5 * 2) / 2)
    mean = band.centre_eV
    second = (0.5 * (-3 - mean) ** 2 + (-1 - mean) ** 2 + 0.5 * (2 - mean) ** 2) / 2
    assert band.width_eV == pytest.approx(np.sqrt(second))
    assert band.filling == pytest.approx((0.5 + 1 + 0.125) / 2)
    assert band.below_fermi == pytest.approx(1.5 / 2)


def test_a_point_with_more_bands_adds_no_bias():
    """All points have the same two bands; one of them has computed further ones."""
    same = [[-2.0, 1.0, 1.5], [-2.0, 1.0, 5.0]]
    band = d_band(spectrum(same, [1, 0, 0]))
    assert not band.window_complete
    assert band.window_eV == (D_WINDOW_EV[0], 1.5)
    alone = d_band(spectrum([[-2.0, 1.0, 1.5], [-2.0, 1.0, 7.0]], [1, 0, 0]))
    assert band == alone


def test_semi_core_states_are_outside_the_window():
    with_core = spectrum([[-33.0, -2.0, 7.0]], [1, 1, 0])
    assert d_band(with_core).centre_eV == pytest.approx(-2.0)
    assert d_band(with_core, (-40, 6)).centre_eV == pytest.approx(-17.5)


def test_no_d_states_is_no_centre():
    band = d_band(spectrum([[-2.0, 7.0]], [1, 0], d=0.0))
    assert (band.centre_eV, band.width_eV, band.filling, band.below_fermi) == (None,) * 4
    assert band.weight == 0


def test_curves_say_where_states_are_missing():
    curves = density_of_states(
        spectrum([[-2.0, 3.0], [-1.0, 5.0]], [1, 0], fermi=1.0), width_eV=0.2
    )
    assert curves.complete_up_to_eV == pytest.approx(2.0)
    assert curves.energies_eV[curves.shown].max() == pytest.approx(1.6, abs=0.021)


def test_a_missing_electron_is_seen():
    assert electrons_fault(spectrum([[-1.0, 1.0]], [1, 0])) is None
    assert "2.000 electrons and the cell has 3" in electrons_fault(
        spectrum([[-1.0, 1.0]], [1, 0], electrons=3.0)
    )


def test_nonsense_is_refused():
    found = spectrum([[-1.0, 1.0]], [1, 0])
    with pytest.raises(InputError, match="window"):
        d_band(found, (1.0, 1.0))
    with pytest.raises(InputError, match="positive"):
        density_of_states(found, width_eV=0.0)
    with pytest.raises(InputError, match="grid"):
        energy_grid((1.0, 0.0))
