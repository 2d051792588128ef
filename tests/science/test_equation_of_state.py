"""The equation of state against its own formula, written down again, and against ASE's."""

import numpy as np
import pytest
from ase.eos import EquationOfState as AseEquation

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.equation_of_state import (
    EquationOfState,
    curve_difference,
    fit_equation_of_state,
)

V0, E0, B0, B1 = 11.8, -3.7, 0.9, 5.2
VOLUMES = V0 * np.linspace(0.92, 1.08, 7)


def birch_murnaghan(volumes, shift=0.0):
    """Its textbook form."""
    x = (V0 / volumes) ** (2 / 3) - 1
    return E0 + shift + 9 * V0 * B0 / 16 * (x**3 * B1 + x**2 * (6 - 4 * (x + 1)))


@pytest.mark.parametrize("shift", [0.0, -45000.0], ids=["atoms", "all electrons"])
def test_the_parameters_of_an_exact_curve_come_back(shift):
    found = fit_equation_of_state(VOLUMES, birch_murnaghan(VOLUMES, shift))
    assert found.volume_A3 == pytest.approx(V0, rel=1e-6)
    assert found.energy_eV == pytest.approx(E0 + shift, abs=1e-7)
    assert found.bulk_modulus_eV_per_A3 == pytest.approx(B0, rel=1e-5)
    assert found.derivative == pytest.approx(B1, rel=1e-4)
    assert found.residual_eV < 1e-7
    dense = np.linspace(10, 13, 5)
    assert found.energy_at(dense) == pytest.approx(birch_murnaghan(dense, shift), abs=1e-6)


def test_it_is_the_fit_that_ase_makes():
    energies = birch_murnaghan(VOLUMES) + 1e-3 * np.array([1, -2, 1, 0, 2, -1, 1])
    volume, energy, modulus = AseEquation(VOLUMES, energies, eos="birchmurnaghan").fit()
    found = fit_equation_of_state(VOLUMES, energies)
    assert found.volume_A3 == pytest.approx(volume, rel=1e-6)
    assert found.energy_eV == pytest.approx(energy, rel=1e-6)
    assert found.bulk_modulus_eV_per_A3 == pytest.approx(modulus, rel=1e-4)
    left = found.energy_at(VOLUMES) - energies
    assert found.residual_eV == pytest.approx(np.sqrt(np.mean(left**2)))
    assert found.residual_eV > 1e-4


@pytest.mark.parametrize("volumes", [VOLUMES * 0.85, VOLUMES * 1.2], ids=["small", "large"])
def test_a_minimum_outside_is_not_extrapolated(volumes):
    with pytest.raises(PhysicsError, match="no minimum between the volumes"):
        fit_equation_of_state(volumes, birch_murnaghan(volumes))


def test_a_curve_that_is_highest_in_the_middle_is_no_crystal():
    with pytest.raises(PhysicsError, match="no minimum"):
        fit_equation_of_state(VOLUMES, -birch_murnaghan(VOLUMES))


@pytest.mark.parametrize(
    ("volumes", "energies", "why"),
    [
        (VOLUMES[:4], birch_murnaghan(VOLUMES[:4]), "at least 5"),
        ([11.0] * 7, birch_murnaghan(VOLUMES), "at least 5"),
        (VOLUMES, birch_murnaghan(VOLUMES)[:5], "shape"),
        (VOLUMES, np.full(7, np.nan), "not finite"),
    ],
    ids=["four", "alike", "shapes", "nan"],
)
def test_what_cannot_be_fitted_is_refused(volumes, energies, why):
    with pytest.raises(InputError, match=why):
        fit_equation_of_state(volumes, energies)


def test_two_curves_are_as_far_apart_as_their_energies():
    """For parabolas shifted by d the gauge is B/V times d times the volume, to first order."""
    one = EquationOfState(V0, E0, B0, B1, 0.0)
    assert curve_difference(one, EquationOfState(V0, E0 + 7, B0, B1, 0.0)) == pytest.approx(0)
    other = EquationOfState(V0 * 1.001, E0, B0, B1, 0.0)
    dense = np.linspace(-0.06, 0.06, 100001) * V0
    slope = B0 / V0 * dense * 0.001 * V0
    apart = curve_difference(one, other)
    assert apart == pytest.approx(np.sqrt(np.mean(slope**2)), rel=0.05)
    assert apart == curve_difference(other, one)
