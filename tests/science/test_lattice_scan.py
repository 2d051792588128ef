"""The lattice of lowest energy against relaxations of ASE, and what is refused."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.lattice_scan import (
    Shape,
    has_axis,
    lowest_shape,
    rest_lattice,
    shapes,
)


def energies(crystal, listed):
    found = []
    for shape in listed:
        atoms = shape.apply(crystal)
        atoms.calc = EMT()
        found.append(atoms.get_potential_energy())
    return found


def relaxed(crystal):
    atoms = crystal.copy()
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-5, steps=200)
    return atoms


def lengths(atoms):
    return np.linalg.norm(atoms.cell.array, axis=1)


@pytest.mark.parametrize(
    "crystal",
    [bulk("Cu", "fcc", a=3.64), bulk("Cu", "hcp", a=2.58, c=4.10), bulk("Ag", "bct", a=2.9, c=4.2)],
    ids=["fcc", "hcp", "bct"],
)
def test_the_lattice_at_rest_is_where_ase_relaxes_to(crystal):
    unit = standard_crystal(crystal)
    listed = shapes(unit)
    found = rest_lattice(unit, listed, energies(unit, listed))
    target = relaxed(unit)
    assert lengths(found.shape.apply(unit)) == pytest.approx(lengths(target), rel=5e-4)
    assert found.equation.energy_eV * len(unit) == pytest.approx(
        target.get_potential_energy(), abs=2e-5
    )


def test_a_shape_keeps_the_volume_that_it_names(copper_hcp):
    made = Shape(0.9, 1.05).apply(copper_hcp)
    assert made.get_volume() == pytest.approx(0.9 * copper_hcp.get_volume())
    ratio = [one.cell.lengths()[2] / one.cell.lengths()[0] for one in (made, copper_hcp)]
    assert ratio[0] / ratio[1] == pytest.approx(1.05)
    assert made.get_scaled_positions() == pytest.approx(copper_hcp.get_scaled_positions())
    assert str(Shape(0.9, 1.05)) == "V 0.9, c/a 1.05"


def test_the_bulk_modulus_of_a_hexagonal_crystal_lets_its_ratio_relax(copper_hcp):
    """It is no larger than with the ratio held: a constraint can only stiffen."""
    listed = shapes(copper_hcp)
    found = energies(copper_hcp, listed)
    free = rest_lattice(copper_hcp, listed, found).equation
    fixed = [(s, e) for s, e in zip(listed, found, strict=True) if s.axial == 1.0]
    held = rest_lattice(copper_hcp, [s for s, _ in fixed], [e for _, e in fixed]).equation
    assert free.bulk_modulus_eV_per_A3 <= held.bulk_modulus_eV_per_A3 * (1 + 1e-4)
    assert free.energy_eV <= held.energy_eV


def test_only_lattices_with_an_axis_are_stretched_along_it(copper_hcp):
    assert {one.axial for one in shapes(bulk("Cu"))} == {1.0}
    assert len(shapes(copper_hcp)) == 35
    assert [has_axis(one) for one in (bulk("Cu"), bulk("Fe"), copper_hcp)] == [False, False, True]
    with pytest.raises(InputError, match="orthorhombic"):
        has_axis(bulk("Cu", "orthorhombic", a=2.5, b=3.0, c=3.7))


def test_a_lattice_whose_rest_is_elsewhere_is_refused_and_has_a_lowest_cell(copper_hcp):
    wide = Shape(1.4).apply(copper_hcp)
    listed = shapes(wide)
    found = energies(wide, listed)
    with pytest.raises(PhysicsError, match="no minimum"):
        rest_lattice(wide, listed, found)
    assert lowest_shape(listed, found).volume == 0.91
    flat = Shape(1.0, 1.12).apply(copper_hcp)
    with pytest.raises(PhysicsError, match="ratios c/a"):
        rest_lattice(flat, shapes(flat), energies(flat, shapes(flat)))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"volumes": (0.9, 1.0, 1.1)}, "volumes of a lattice are at least 5"),
        ({"volumes": (0.0, 0.9, 1.0, 1.1, 1.2)}, "between 0.5 and 2"),
        ({"axial_ratios": (1.0, 1.1)}, "ratios c/a of a lattice are at least 3"),
    ],
    ids=["few", "zero", "ratios"],
)
def test_cells_that_tell_nothing_are_refused(given, why, copper_hcp):
    with pytest.raises(InputError, match=why):
        shapes(copper_hcp, **given)
    with pytest.raises(InputError, match="as many energies"):
        rest_lattice(copper_hcp, shapes(copper_hcp), [1.0])


@pytest.fixture(scope="module")
def copper_hcp():
    return standard_crystal(bulk("Cu", "hcp", a=2.56, c=4.15))
