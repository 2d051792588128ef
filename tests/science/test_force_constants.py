"""Force constants that are written down have the frequencies that follow from them."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.units import _amu, _e

from tm23flows.errors import MissingDependencyError, PhysicsError
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.force_constants import ForceConstants, phonopy_of

SPRING_EV_PER_A2 = 3.0
CUBE = standard_crystal(bulk("Po", "sc", a=3.3))
THZ = 1e-12 * np.sqrt(_e * 1e20 / _amu) / (2 * np.pi)
"""Frequency of 1 eV/A^2 on 1 atomic mass unit."""


def chains(springs=SPRING_EV_PER_A2):
    """A simple cube whose neighbours along each axis pull on each other in all directions."""
    values = np.zeros((1, 64, 3, 3))
    sites = phonopy_of(CUBE, (4, 4, 4)).supercell.scaled_positions * 4
    away = (np.rint(sites) + 2) % 4 - 2
    for place, vector in enumerate(away):
        if np.abs(vector).sum() == 1:
            values[0, place] = -springs * np.eye(3)
    values[0, 0] = 6 * springs * np.eye(3)
    return ForceConstants(CUBE, (4, 4, 4), values, 0.0)


def test_chains_have_the_dispersion_of_chains():
    points = np.array([[0.5, 0, 0], [0.5, 0.5, 0.5], [0.11, 0.37, 0.2], [0, 0, 0]])
    squares = 2 * SPRING_EV_PER_A2 * (1 - np.cos(2 * np.pi * points)).sum(axis=1)
    expected = THZ * np.sqrt(squares / CUBE.get_masses()[0])
    found = chains().frequencies(points)
    assert found == pytest.approx(np.repeat(expected[:, None], 3, axis=1), rel=1e-5, abs=1e-5)


def test_technetium_has_the_mass_that_ase_knows():
    crystal = standard_crystal(bulk("Tc"))
    assert phonopy_of(crystal, (2, 2, 2)).supercell.masses == pytest.approx(97.9, abs=0.1)


def test_what_is_pushed_over_is_imaginary_and_negative():
    assert chains(-1.0).frequencies([[0.5, 0, 0]]).max() < -0.1


def test_the_density_of_states_has_its_modes_below_the_highest_frequency():
    frequencies, states = chains().density_of_states((15, 15, 15))
    assert np.trapezoid(states, frequencies) == pytest.approx(3, rel=0.02)
    highest = THZ * np.sqrt(12 * SPRING_EV_PER_A2 / CUBE.get_masses()[0])
    assert states[frequencies > 1.001 * highest].max() == pytest.approx(0, abs=1e-9)
    mean = np.average(frequencies**2, weights=states)
    # the mean square frequency is the diagonal of the dynamical matrix
    assert mean == pytest.approx(THZ**2 * 6 * SPRING_EV_PER_A2 / CUBE.get_masses()[0], rel=0.01)


def test_where_there_are_no_forces_there_is_no_density_of_states():
    nothing = ForceConstants(CUBE, (2, 2, 2), np.zeros((1, 8, 3, 3)), 0.0)
    with pytest.raises(PhysicsError, match="no forces"):
        nothing.density_of_states((2, 2, 2))


def test_a_missing_phonopy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    with pytest.raises(MissingDependencyError, match="pip install phonopy"):
        phonopy_of(CUBE, (2, 2, 2))
