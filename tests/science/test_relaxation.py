"""Relaxed crystals: against minima that are known or scanned, their symmetry kept."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.calculators.emt import EMT

from tm23flows.errors import PhysicsError
from tm23flows.science.crystals import identify_phase
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.relaxation import relax_crystal


def energy(a, c=None):
    atoms = bulk("Cu", a=a) if c is None else bulk("Cu", "hcp", a=a, c=c)
    atoms.calc = EMT()
    return atoms.get_potential_energy() / len(atoms)


def test_a_cube_ends_in_the_minimum_of_its_energies():
    relaxed = relax_crystal(standard_crystal(bulk("Cu", a=3.7)), EMT())
    a = (4 * relaxed.get_volume()) ** (1 / 3)
    scan = np.linspace(a - 0.01, a + 0.01, 9)
    fit = np.polynomial.Polynomial.fit(scan, [energy(one) for one in scan], 4)
    minimum = fit.deriv().roots()
    minimum = minimum[np.abs(minimum - a).argmin()].real
    assert a == pytest.approx(minimum, abs=2e-5)
    assert identify_phase(relaxed) == "fcc"
    assert relaxed.calc is None


def test_both_lengths_of_a_hexagonal_cell_relax_and_it_stays_hexagonal():
    start = standard_crystal(bulk("Cu", "hcp", a=2.60, c=4.05))
    relaxed = relax_crystal(start, EMT(), 1e-6)
    a, b, c, *angles = relaxed.cell.cellpar()
    assert a == pytest.approx(b, abs=1e-9)
    assert angles == pytest.approx([90, 90, 120], abs=1e-7)
    least = energy(a, c)
    for da, dc in ((0.005, 0), (-0.005, 0), (0, 0.01), (0, -0.01), (0.005, -0.01), (-0.005, 0.01)):
        assert energy(a + da, c + dc) > least
    assert start.cell.cellpar()[:3] == pytest.approx([2.60, 2.60, 4.05])


def test_atoms_that_are_free_move_too():
    start = standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.14))
    shifted = start.copy()
    shifted.positions[1, 2] += 0.2  # the space group of this keeps a free height
    relaxed = relax_crystal(shifted, EMT(), 1e-5)
    relaxed.calc = EMT()
    assert np.abs(relaxed.get_forces()).max() < 1e-4
    assert np.abs(relaxed.get_stress()).max() < 1e-4


class WithoutStress(EMT):
    """EMT as a calculator that knows no stress."""

    implemented_properties = ("energy", "free_energy", "forces")

    def get_property(self, name, atoms=None, allow_calculation=True):
        if name == "stress":
            raise PropertyNotImplementedError("no stress")
        return super().get_property(name, atoms, allow_calculation)


def test_energies_stand_in_for_a_missing_stress():
    start = standard_crystal(bulk("Cu", "hcp", a=2.60, c=4.05))
    with_it = relax_crystal(start, EMT(), 1e-5)
    without = relax_crystal(start, WithoutStress(), 1e-5)
    assert without.cell.cellpar() == pytest.approx(with_it.cell.cellpar(), abs=2e-4)


class Repulsive(Calculator):
    """Energy falls for ever with the volume."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        volume = self.atoms.get_volume()
        self.results = {
            "energy": -volume,
            "free_energy": -volume,
            "forces": np.zeros((len(self.atoms), 3)),
            "stress": -np.array([1.0, 1, 1, 0, 0, 0]),
        }


@pytest.mark.parametrize("steps", [3, 40])
def test_what_is_no_crystal_is_said(steps):
    with pytest.raises(PhysicsError, match=r"volume|come to rest|left its lattice"):
        relax_crystal(standard_crystal(bulk("Cu")), Repulsive(), max_steps=steps)
