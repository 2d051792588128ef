"""Vacancies: cells, formation energies that are known exactly, and relaxations that go wrong."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE

from tm23flows.errors import InputError
from tm23flows.science.vacancy import formation_energy, measure_vacancy, vacancy_cells

COPPER = bulk("Cu", "fcc", a=3.589825)


class Bonds(Calculator):
    """Each nearest neighbour is a bond of -1 eV; with a force on one atom where that is asked."""

    implemented_properties = ("energy", "forces")

    def __init__(self, pull=0.0, growth=0.0):
        super().__init__()
        self.pull, self.growth = pull, growth

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        n_bonds = len(neighbor_list("i", self.atoms, 2.9)) / 2
        forces = np.zeros((len(self.atoms), 3))
        forces[3, 0] = self.pull + self.growth * self.atoms.positions[3, 0]
        self.results = {"energy": -float(n_bonds), "forces": forces}


def test_a_crystal_of_bonds_loses_half_of_those_of_an_atom():
    """Twelve bonds are broken and six made where the atom goes."""
    found = measure_vacancy(COPPER, (2, 2, 2), Bonds())
    assert found.n_sites == 32
    assert found.unrelaxed_eV == pytest.approx(6)
    assert found.relaxed_eV == pytest.approx(6)
    assert found.furthest_A == 0
    assert formation_energy(-180, -192, 32) == pytest.approx(6)


def test_atoms_come_to_the_rest_that_another_optimizer_finds():
    found = measure_vacancy(COPPER, (2, 2, 2), EMT())
    perfect, holed = vacancy_cells(COPPER, (2, 2, 2))
    perfect.calc, holed.calc = EMT(), EMT()
    holed.set_constraint(FixAtoms([]))
    FIRE(holed, logfile=None).run(fmax=1e-4)
    energies = (holed.get_potential_energy(), perfect.get_potential_energy())
    assert found.relaxed_eV == pytest.approx(formation_energy(*energies, 32), abs=1e-4)
    assert found.relaxed_eV < found.unrelaxed_eV
    assert found.reason is None
    assert 0 < found.furthest_A < 0.1


@pytest.mark.parametrize(
    ("force", "steps", "why"),
    [
        ((1.0, 0.1), 300, "left its site"),
        # A force that never changes makes BFGS divide by zero.
        ((1.0, 0.0), 300, "left its site"),
        ((0.1, 0.1), 2, "did not come to rest within 2 steps"),
    ],
    ids=["leaves", "nowhere", "slow"],
)
def test_what_does_not_come_to_rest_has_no_energy_and_a_reason(force, steps, why):
    found = measure_vacancy(COPPER, (2, 2, 2), Bonds(*force), max_steps=steps)
    assert found.unrelaxed_eV == pytest.approx(6)
    assert found.relaxed_eV is None
    assert why in found.reason
    assert found.furthest_A is None or found.furthest_A < 2


def test_cells_repeat_the_conventional_cell_whatever_is_given():
    perfect, holed = vacancy_cells(bulk("Ti", "hcp", a=2.95, c=4.68), (3, 3, 2))
    assert (len(perfect), len(holed)) == (36, 35)
    assert np.array_equal(perfect.cell.array, holed.cell.array)
    for multiples in ((1, 1), (0, 1, 1)):
        with pytest.raises(InputError, match="three multiples"):
            vacancy_cells(COPPER, multiples)
