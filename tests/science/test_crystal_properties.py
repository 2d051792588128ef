"""What a calculator says of a crystal, against what is known of EMT's copper."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.errors import PhysicsError
from tm23flows.science.crystal_properties import (
    is_in_minimum,
    lattice_constants,
    measure_elasticity,
    measure_lattice,
)
from tm23flows.science.elasticity import bulk_modulus, standard_crystal


class NoStress(EMT):
    """EMT as a calculator that has energies and forces only."""

    implemented_properties = ("energy", "free_energy", "forces")


@pytest.fixture(scope="module", params=["fcc", "hcp"])
def measured(request):
    cells = {"fcc": bulk("Cu", "fcc", a=3.66), "hcp": bulk("Cu", "hcp", a=2.57, c=4.14)}
    unit = standard_crystal(cells[request.param])
    return unit, measure_lattice(unit, EMT())


def test_the_crystal_is_at_rest_and_the_given_one_is_not_changed(measured):
    unit, found = measured
    assert found.crystal.calc is None
    assert found.crystal.get_volume() < unit.get_volume()
    found.crystal.calc = EMT()
    assert np.abs(found.crystal.get_stress()).max() < 1e-5
    energy = found.crystal.get_potential_energy() / len(unit)
    found.crystal.calc = None
    assert found.energy_eV_per_atom == pytest.approx(energy)


def test_curve_and_relaxation_agree_on_the_rest(measured):
    _, found = measured
    volume = found.crystal.get_volume() / len(found.crystal)
    assert found.curve.equation.volume_A3 == pytest.approx(volume, rel=2e-4)
    assert found.curve.equation.energy_eV == pytest.approx(found.energy_eV_per_atom, abs=3e-5)
    assert found.curve.shape.axial == pytest.approx(1, abs=1e-3)


def test_the_curve_has_the_bulk_modulus_of_the_elastic_constants(measured):
    """In a hexagonal crystal near the ideal ratio the two moduli are nearly one."""
    _, found = measured
    constants = measure_elasticity(found.crystal, EMT()).constants_eV_per_A3
    modulus = found.curve.equation.bulk_modulus_eV_per_A3
    assert modulus == pytest.approx(bulk_modulus(constants), rel=5e-3)


def test_without_a_stress_there_is_a_lattice_and_no_stiffness(measured):
    unit, found = measured
    crystal = measure_lattice(unit, NoStress()).crystal
    assert crystal.cell.array == pytest.approx(found.crystal.cell.array, rel=1e-3)
    with pytest.raises(PhysicsError, match="has no stress"):
        measure_elasticity(crystal, NoStress())


def test_a_crystal_that_goes_over_to_another_phase_is_not_taken_for_the_first():
    rhombohedral = bulk("Cu", "rhombohedral", a=2.55, alpha=62, basis=[[0, 0, 0]])
    with pytest.raises(PhysicsError, match="from rhombohedral to fcc"):
        measure_lattice(standard_crystal(rhombohedral), EMT())


def test_lattice_constants_are_those_of_the_conventional_cell():
    assert lattice_constants(bulk("Cu", "fcc", a=3.6)) == (pytest.approx(3.6), None)
    assert lattice_constants(bulk("Fe", "bcc", a=2.9)) == (pytest.approx(2.9), None)
    hexagonal = lattice_constants(bulk("Ti", "hcp", a=2.9, c=4.6))
    assert hexagonal == (pytest.approx(2.9), pytest.approx(4.6))


def test_a_crystal_is_in_a_minimum_between_smaller_and_larger_ones():
    assert is_in_minimum(bulk("Cu", a=3.59), EMT())
    assert not is_in_minimum(bulk("Cu", a=3.75), EMT())
    assert not is_in_minimum(bulk("Cu", a=3.45), EMT())
