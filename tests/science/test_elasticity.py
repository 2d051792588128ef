"""Elastic constants against energies, against relaxed atoms and against an equation of state."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import EquationOfState
from ase.optimize import BFGS

from tm23flows.errors import InputError, PhysicsError
from tm23flows.science.elasticity import (
    MAX_STRAIN,
    VOIGT,
    Probe,
    bulk_modulus,
    cauchy_pressures,
    elasticity,
    probes,
    standard_crystal,
    strain_matrix,
    with_symmetry,
)
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_conventional, build_primitive

AT_REST_A = 3.589825
"""Lattice constant at which EMT's fcc copper has no stress."""


def computed(crystal, strain=0.005, displacement_A=0.01):
    stresses, forces = [], []
    for probe in probes(len(crystal)):
        atoms = probe.apply(crystal, strain, displacement_A)
        atoms.calc = EMT()
        stresses.append(atoms.get_stress())
        forces.append(atoms.get_forces())
    return elasticity(crystal, stresses, forces, strain, displacement_A)


def energy(crystal, voigt, relax=False):
    """Energy of a strained cell in eV, by its own strain matrix."""
    matrix = np.zeros((3, 3))
    for value, (i, j) in zip(voigt, VOIGT, strict=True):
        matrix[i, j] += value / 2
        matrix[j, i] += value / 2
    atoms = crystal.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + matrix), scale_atoms=True)
    atoms.calc = EMT()
    if relax:
        BFGS(atoms, logfile=None).run(fmax=1e-7, steps=200)
    return atoms.get_potential_energy()


def second_derivatives(crystal, step=0.004, relax=False):
    """d^2 E / d strain^2 / V, shape (6, 6)."""
    found = np.zeros((6, 6))
    for i in range(6):
        for j in range(i + 1):
            total = 0.0
            for one, other in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                voigt = np.zeros(6)
                voigt[i] += one * step
                voigt[j] += other * step
                total += one * other * energy(crystal, voigt, relax)
            found[i, j] = found[j, i] = total / (4 * step**2 * crystal.get_volume())
    return found


@pytest.fixture(scope="module")
def copper():
    return standard_crystal(bulk("Cu", "fcc", a=AT_REST_A))


@pytest.fixture(scope="module")
def hexagonal():
    """Copper as hcp, strained off its ideal ratio, with inner freedom."""
    return standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.145))


def test_constants_of_fcc_are_second_derivatives_of_the_energy(copper):
    found = computed(copper)
    assert np.abs(found.stress_eV_per_A3).max() < 1e-5
    assert found.constants_eV_per_A3 == pytest.approx(second_derivatives(copper), abs=2e-3)
    assert found.constants_eV_per_A3[0, 0] > found.constants_eV_per_A3[0, 1] > 0.5
    # One atom has nothing to relax.
    assert np.array_equal(found.clamped_eV_per_A3, found.constants_eV_per_A3)
    assert found.asymmetry_eV_per_A3 < 1e-8


def test_the_bulk_modulus_is_that_of_the_equation_of_state(copper):
    volumes, energies = [], []
    for stretch in np.linspace(-0.01, 0.01, 9):
        energies.append(energy(copper, [stretch] * 3 + [0] * 3))
        volumes.append(copper.get_volume() * (1 + stretch) ** 3)
    _, _, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    assert bulk_modulus(computed(copper).constants_eV_per_A3) == pytest.approx(modulus, rel=3e-3)


def test_relaxed_constants_of_hcp_are_those_of_relaxed_cells(hexagonal):
    found = computed(hexagonal)
    brute = np.zeros((6, 6))
    for component in range(6):
        for sign in (1, -1):
            atoms = Probe("strain", component, sign).apply(hexagonal, 0.005, 0.01)
            atoms.calc = EMT()
            BFGS(atoms, logfile=None).run(fmax=1e-6, steps=200)
            brute[:, component] += sign * atoms.get_stress() / 0.01
    assert found.constants_eV_per_A3 == pytest.approx(with_symmetry(brute, hexagonal), abs=1e-3)
    # The correction is not small, and only where hcp has inner freedom.
    softened = found.clamped_eV_per_A3 - found.constants_eV_per_A3
    assert softened[0, 0] > 0.05
    assert softened[0, 1] == pytest.approx(-softened[0, 0])
    assert softened[5, 5] == pytest.approx(softened[0, 0])
    assert np.abs(softened[2:5]).max() < 1e-9
    assert found.largest_force_eV_per_A < 1e-6
    assert found.asymmetry_eV_per_A3 < 0.01


def test_softening_is_that_of_relaxed_energies(hexagonal):
    softened = second_derivatives(hexagonal) - second_derivatives(hexagonal, relax=True)
    found = computed(hexagonal)
    ours = found.clamped_eV_per_A3 - found.constants_eV_per_A3
    assert ours == pytest.approx(softened, abs=3e-3)


def test_a_repeated_cell_has_the_same_constants(copper):
    """A cube of four atoms has inner freedom, which symmetry does not let matter."""
    cube = bulk("Cu", "fcc", a=AT_REST_A, cubic=True)
    found = computed(cube).constants_eV_per_A3
    assert found == pytest.approx(computed(copper).constants_eV_per_A3, abs=1e-6)
    doubled = standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.145)) * (1, 1, 2)
    single = computed(standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.145)))
    assert computed(doubled).constants_eV_per_A3 == pytest.approx(
        single.constants_eV_per_A3, abs=1e-4
    )


def test_pressure_enters_the_cauchy_pressure_twice():
    """What the docstring of the module says of cells that are not at rest."""
    squeezed = standard_crystal(bulk("Cu", "fcc", a=AT_REST_A - 0.05))
    found = computed(squeezed)
    pressure = -found.stress_eV_per_A3[:3].mean()
    assert pressure > 0.02
    # The strain of Lagrange is e + e^2 / 2, so for a shear the stress at rest adds -p / 2 to the
    # second derivative of the energy, and nothing to the mixed one of xx and yy.
    small = second_derivatives(squeezed)
    of_energy = small[0, 1] - (small[3, 3] + pressure / 2)
    ours = cauchy_pressures(found.constants_eV_per_A3)["C12 - C44"]
    assert ours == pytest.approx(of_energy + 2 * pressure, abs=2e-3)


def test_a_larger_strain_gives_nearly_the_same(copper, hexagonal):
    for crystal in (copper, hexagonal):
        coarse = computed(crystal, strain=0.01, displacement_A=0.03).constants_eV_per_A3
        assert computed(crystal).constants_eV_per_A3 == pytest.approx(coarse, abs=5e-3)


def test_errors_that_all_cells_share_fall_out(copper):
    listed = probes(1)
    stresses = []
    for probe in listed:
        atoms = probe.apply(copper, 0.005, 0.01)
        atoms.calc = EMT()
        stresses.append(atoms.get_stress() + 0.04 * np.array([1, 1, 1, 0, 0, 0]))
    found = elasticity(copper, stresses, np.zeros((13, 1, 3)))
    assert found.constants_eV_per_A3 == pytest.approx(computed(copper).constants_eV_per_A3)
    assert found.stress_eV_per_A3[0] == pytest.approx(0.04, abs=1e-5)


def test_probes_are_all_pairs_and_undo_each_other(hexagonal):
    listed = probes(2)
    assert len(listed) == 1 + 6 + 12
    assert [str(one) for one in (listed[0], listed[1], listed[-1])] == [
        "at rest", "atom 0 +x", "strain -xy",
    ]  # fmt: skip
    pairs = {(one.kind, one.index): 0 for one in listed}
    for one in listed[1:]:
        pairs[one.kind, one.index] += one.sign
    assert not any(pairs.values())
    assert len(probes(1)) == 13
    sheared = Probe("strain", 3, 1).apply(hexagonal, 0.01, 0.01)
    assert sheared.get_scaled_positions() == pytest.approx(hexagonal.get_scaled_positions())
    # The engineering shear is the change of the right angle.
    y, z = np.array([0, 1, 0]), np.array([0, 0, 1])
    matrix = np.linalg.solve(hexagonal.cell.array, sheared.cell.array)
    assert (y @ matrix) @ (z @ matrix) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("symbol", ["Cu", "W", "Ti", "Hg", "Mn"])
def test_standard_axes_do_not_depend_on_the_cell(symbol):
    primitive = standard_crystal(build_primitive(metal(symbol)))
    conventional = standard_crystal(build_conventional(metal(symbol)))
    assert conventional.cell.array == pytest.approx(primitive.cell.array)
    turned = build_primitive(metal(symbol))
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    back = standard_crystal(turned)
    assert len(back) == len(primitive)
    cartesian = [np.sort(np.linalg.norm(one.cell.array, axis=1)) for one in (back, primitive)]
    assert cartesian[0] == pytest.approx(cartesian[1])


def test_constants_do_not_depend_on_how_the_crystal_lies(copper):
    turned = bulk("Cu", "fcc", a=AT_REST_A, cubic=True)
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    found = computed(standard_crystal(turned)).constants_eV_per_A3
    assert found == pytest.approx(computed(copper).constants_eV_per_A3, abs=1e-6)


def test_cauchy_pressures_of_families():
    c = np.diag([5.0, 5.0, 6.0, 1.0, 1.0, 1.5])
    c[0, 1] = c[1, 0] = 2.0
    c[0, 2] = c[2, 0] = c[1, 2] = c[2, 1] = 1.8
    assert cauchy_pressures(c) == pytest.approx(
        {"C12 - C44": 1.0, "C23 - C44": 0.8, "C13 - C55": 0.8, "C12 - C66": 0.5}
    )


def test_noise_shows_as_asymmetry(copper):
    stresses = []
    random = np.random.default_rng(0)
    for probe in probes(1):
        atoms = probe.apply(copper, 0.005, 0.01)
        atoms.calc = EMT()
        stresses.append(atoms.get_stress() + 1e-4 * random.standard_normal(6))
    found = elasticity(copper, stresses, np.zeros((13, 1, 3)))
    assert 1e-3 < found.asymmetry_eV_per_A3 < 0.1
    c = found.constants_eV_per_A3
    assert c[0, 0] == pytest.approx(c[1, 1])
    assert np.abs(c[:3, 3:]).max() < 1e-12


def test_what_cannot_be_is_refused(copper, hexagonal):
    for amount in (0.0, 2 * MAX_STRAIN, float("nan")):
        with pytest.raises(InputError, match="strain must be between"):
            strain_matrix(0, amount)
    with pytest.raises(InputError, match="need 13 stresses"):
        elasticity(copper, np.zeros((12, 6)), np.zeros((12, 1, 3)))
    # Atoms that are pushed further by a push have no state of rest.
    forces = np.zeros((19, 2, 3))
    for place, probe in enumerate(probes(2)):
        if probe.kind == "displacement":
            push = np.zeros(3)
            push[probe.index % 3] = probe.sign * 0.02
            forces[place] = [push, -push]
    with pytest.raises(PhysicsError, match="not in a minimum"):
        elasticity(hexagonal, np.zeros((19, 6)), forces)
