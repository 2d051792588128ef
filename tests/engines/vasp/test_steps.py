"""What the numbers of a step mean: which energy, which sign, which order."""

import math

import numpy as np
import pytest
from ase.units import GPa

from tm23flows.engines.vasp.steps import ase_stress, energies, has_converged, motion, number


def test_fortran_writes_what_is_no_number():
    assert number(" -1.5 ") == number(b"-1.5") == -1.5
    for text in ("********", "", "1.2.3", "-1.0-2.0", "1_0", "NaN"):
        assert math.isnan(number(text))
    assert math.isnan(number(b"1_0"))


def test_what_vasp_5_writes_wrongly_and_what_is_added_later_are_mended():
    last = {"e_fr_energy": -10.0, "e_wo_entrp": -9.4, "e_0_energy": -9.8}
    ionic = {"e_fr_energy": -10.9, "e_wo_entrp": -9.8, "e_0_energy": 0.0}
    found = energies(ionic, last)
    assert found["energy_free"] == -10.9
    assert found["energy_sigma0"] == pytest.approx(-10.7)
    assert found["energy_without_entropy"] == pytest.approx(-10.3)


def test_without_electronic_steps_the_ionic_ones_are_all_there_is():
    ionic = {"e_fr_energy": -3.0, "e_wo_entrp": -2.0, "e_0_energy": -2.5}
    assert list(energies(ionic, {}).values()) == [-3.0, -2.5, -2.0]


def test_missing_energies_are_not_numbers():
    found = energies({"e_fr_energy": -3.0}, {"e_fr_energy": -3.0})
    assert math.isnan(found["energy_sigma0"])
    assert math.isnan(found["energy_without_entropy"])


def test_energies_of_the_motion():
    assert motion({"e_fr_energy": 1.0}) == {"kinetic_eV": None, "thermostat_eV": None}
    md = {"kinetic": 0.5, "lattice kinetic": 9.0, "nosepot": -0.25, "nosekinetic": 0.125}
    assert motion(md) == {"kinetic_eV": 0.5, "thermostat_eV": -0.125}


def test_stress_has_the_sign_and_the_order_of_ase():
    kbar = np.array([[10.0, 4.0, 5.0], [4.0, 20.0, 6.0], [5.0, 6.0, 30.0]])
    expected = -0.1 * GPa * np.array([10, 20, 30, 6, 5, 4])  # 1 kbar is 0.1 GPa
    np.testing.assert_allclose(ase_stress(kbar), expected, rtol=1e-9)


def test_converged_is_only_what_is_known_to_be():
    assert has_converged(59, 60)
    assert not has_converged(60, 60)
    assert not has_converged(0, 60)
    assert not has_converged(5, 0)
