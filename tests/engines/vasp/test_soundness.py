"""Limits of numbers, and distances against ASE."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.geometry import get_distances

from tm23flows.engines.vasp.soundness import exploded, shortest_distance, temperature, unsound
from tm23flows.engines.vasp.steps import VaspStep

GOOD = VaspStep(
    number=1,
    fractional=np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
    cell=4.0 * np.eye(3),
    energy_free=-7.0,
    energy_sigma0=-6.9,
    energy_without_entropy=-6.8,
    forces=np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]]),
    stress=np.linspace(-0.1, 0.1, 6),
    n_scf=12,
    converged=True,
    kinetic_eV=0.1,
    thermostat_eV=0.0,
)


def test_good_numbers_are_sound():
    assert unsound(GOOD) is None
    assert unsound(replace(GOOD, stress=None)) is None


ONE = np.eye(2, 3)
BAD = {
    "not a finite number": [
        *({name: np.nan} for name in ("energy_free", "energy_sigma0", "energy_without_entropy")),
        {"energy_free": np.inf},
        {"forces": np.where(ONE, np.nan, GOOD.forces)},
        {"stress": np.array([0, 0, 0, 0, 0, np.nan])},
        {"fractional": np.full((2, 3), np.inf)},
    ],
    "eV is impossible": [{"energy_free": 1e6 - 7.0}, {"energy_sigma0": -1e6}],
    "eV/A is impossible": [{"forces": GOOD.forces - 1e4 * ONE}],
    "eV/A\\^3 is impossible": [{"stress": np.full(6, -200.0)}],
}


@pytest.mark.parametrize(
    ("reason", "changes"), [(reason, one) for reason, many in BAD.items() for one in many]
)
def test_impossible_numbers_have_a_reason(reason, changes):
    assert re.search(reason, unsound(replace(GOOD, **changes)))


def test_the_limit_of_the_energy_grows_with_the_atoms():
    assert unsound(replace(GOOD, energy_free=-1999.0)) is None
    assert unsound(replace(GOOD, energy_free=-2001.0))


def ase_shortest(fractional, cell):
    places = fractional @ cell
    _, lengths = get_distances(places, cell=cell, pbc=True)
    return lengths[~np.eye(len(places), dtype=bool)].min()


@pytest.mark.parametrize("seed", range(20))
def test_the_shortest_distance_is_ases_where_it_claims_to_be(seed):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(5, 9, 3)) + rng.normal(0, 1.5, (3, 3))
    fractional = rng.uniform(-1, 2, (12, 3))
    widths = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    expected = ase_shortest(fractional, cell)
    assert expected < widths.min() / 2  # twelve atoms are crowded
    assert shortest_distance(fractional, cell) == pytest.approx(expected, abs=1e-12)
    assert shortest_distance(fractional[:1], cell) == np.inf


def explosion(fractional=GOOD.fractional, kelvin=300.0, target=300.0, bond=2.5):
    return exploded(fractional, GOOD.cell, kelvin, target, bond)


def test_signs_of_an_explosion():
    assert explosion() is None
    assert explosion(kelvin=1499.0) is None
    assert "1501 K at a target of 300 K" in explosion(kelvin=1501.0)
    close = np.array([[0.01, 0, 0], [0.99, 0.3, 0]])  # 1.2026 A across the border
    assert explosion(close, bond=2.40) is None
    assert "1.20 A apart" in explosion(close, bond=2.41)
    assert "not finite" in explosion(np.full((2, 3), np.nan))
    assert explosion(kelvin=np.nan) is None


def test_the_temperature_is_ases_with_the_centre_of_mass_at_rest():
    rng = np.random.default_rng(4)
    atoms = Atoms("Cu7", rng.uniform(0, 9, (7, 3)))
    atoms.set_momenta(rng.normal(0, 5, (7, 3)))
    kinetic = atoms.get_kinetic_energy()
    assert temperature(kinetic, 7) == pytest.approx(atoms.get_temperature() * 21 / 18, rel=1e-12)
    assert temperature(1.5 * units.kB * 300, 2) == pytest.approx(300.0)
    assert np.isnan(temperature(None, 7))
