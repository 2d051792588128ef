"""Files of other programs: read with a declaration, refused without."""

import json
import re

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from tm23flows.errors import InputError
from tm23flows.store.exchange.foreign import foreign_incoming

UNITS = {"energy": "free", "energy_unit": "eV", "force_unit": "eV/A"}
ASE = {**UNITS, "stress_unit": "eV/A^3", "stress_sign": "tension"}


@pytest.fixture
def atoms():
    """A strained and sheared crystal of copper with EMT's numbers."""
    found = []
    for scale in (0.97, 1.03):
        one = bulk("Cu", cubic=True)
        shear = np.array([[1, 0.02, 0.01], [0, 1, 0.03], [0, 0, 1]])
        one.set_cell(one.cell @ shear * scale, scale_atoms=True)
        one.rattle(0.05, seed=3)
        calculator = EMT()
        one.calc = calculator
        results = {
            "energy": one.get_potential_energy(),
            "forces": one.get_forces(),
            "stress": one.get_stress(),
        }
        one.calc = SinglePointCalculator(one, **results)
        one.info["config_type"] = "bulk"
        found.append(one)
    return found


@pytest.fixture
def xyz(tmp_path, atoms):
    path = tmp_path / "a.xyz"
    write(path, atoms, format="extxyz")
    return path


def read(path, words, file_format="extxyz"):
    return list(foreign_incoming(path, file_format, "a set", words).read())


def test_declared_extxyz_becomes_labels(xyz, atoms):
    pairs = read(xyz, {**ASE, "licence": "CC0-1.0", "temperature_K": "300"})
    for (frame, label), one in zip(pairs, atoms, strict=True):
        # ASE writes eight decimals.
        assert label.forces == pytest.approx(one.get_forces(), abs=1e-8)
        assert label.stress == pytest.approx(one.get_stress(), rel=1e-12)
        assert label.energies.free == one.get_potential_energy()
        assert frame.positions == pytest.approx(one.positions, abs=1e-8)
        assert frame.tags == {"config_type": "bulk"}
        assert frame.temperature_K == 300.0
        origin = label.provenance.inputs["import"]
        assert (origin["file"], origin["licence"]) == ("a.xyz", "CC0-1.0")
        assert origin["sha256"] == frame.origin
        assert label.recipe.options["source"] == "a set"
    # Under tension the stress is positive: the larger cell pulls.
    assert pairs[0][1].stress[:3].sum() < 0 < pairs[1][1].stress[:3].sum()


def test_a_virial_is_the_same_stress(tmp_path, atoms, xyz):
    path = tmp_path / "virial.xyz"
    for one in atoms:
        stress = one.get_stress(voigt=False)
        energy, forces = one.get_potential_energy(), one.get_forces()
        one.calc = None
        one.info.update(energy_dft=energy, virial=-stress * one.get_volume())
        one.arrays["f"] = forces
    write(path, atoms, format="extxyz")
    said = {**UNITS, "energy_key": "energy_dft", "force_key": "f"}
    with pytest.raises(InputError, match=r"has virial: name the one to read .*stress-key=NAME"):
        read(path, said)
    said |= {"stress_key": "virial", "stress_unit": "eV", "stress_sign": "compression"}
    for (_, label), (_, other) in zip(read(path, said), read(xyz, ASE), strict=True):
        assert label.stress == pytest.approx(other.stress, rel=1e-10)


def test_six_numbers_need_an_order(tmp_path, xyz):
    text = re.sub(r'stress="[^"]*"', 'my_stress="1 2 3 4 5 6"', xyz.read_text())
    path = tmp_path / "six.xyz"
    path.write_text(text)
    said = {**ASE, "stress_key": "my_stress"}
    with pytest.raises(InputError, match=r"Frame 1 .* six numbers: declare their stress-order"):
        read(path, said)
    pairs = read(path, {**said, "stress_order": "xx yy zz xy yz xz"})
    assert pairs[0][1].stress.tolist() == [1, 2, 3, 5, 6, 4]
    path.write_text(text.replace("my_stress", "stress"))
    with pytest.raises(InputError, match="not a readable extended XYZ file"):
        read(path, ASE)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "does not say what its numbers are"),
        ({"energy": "free"}, "energy-unit"),
        (UNITS, "Frame 1 of a.xyz has a stress: declare"),
        (
            {**ASE, "energy_key": "REF_energy"},
            "no energy under the name 'REF_energy'; it has energy",
        ),
        ({**ASE, "force_key": "F"}, "no forces under the name 'F'; it has forces"),
    ],
)
def test_what_is_not_declared_is_refused(xyz, words, why):
    with pytest.raises(InputError, match=why):
        read(xyz, words)


def test_a_manifest_may_declare_for_the_user(xyz):
    beside = xyz.with_name("a.xyz.manifest.json")
    beside.write_text(json.dumps({"declaration": {**ASE, "energy": "sigma0"}}))
    assert read(xyz, {})[0][1].energies.sigma0 is not None
    assert read(xyz, {"energy": "free"})[0][1].energies.free is not None


def test_molecules_are_refused(tmp_path, atoms):
    atoms[0].pbc = (True, True, False)
    path = tmp_path / "slab.xyz"
    write(path, atoms, format="extxyz")
    with pytest.raises(InputError, match=r"Frame 1 .* not periodic in three directions"):
        read(path, ASE)


def test_ases_database_has_ases_units(tmp_path, atoms):
    path = tmp_path / "a.db"
    with connect(path) as database:
        for one in atoms:
            database.write(one, group="bulk")
        del atoms[0].calc.results["stress"]
        atoms[0].rattle(0.01)
        atoms[0].calc.atoms = atoms[0].copy()
        database.write(atoms[0])
    with pytest.raises(InputError, match=r"energy .Which energy"):
        read(path, {}, "ase-db")
    pairs = read(path, {"energy": "unspecified"}, "ase-db")
    assert np.array_equal(pairs[1][1].stress, atoms[1].get_stress())
    assert pairs[1][1].energies.unspecified == atoms[1].get_potential_energy()
    assert pairs[1][0].tags == {"group": "bulk"}
    assert pairs[2][1].stress is None
    assert read(path, {"energy": "free", "stress": "none"}, "ase-db")[0][1].stress is None


def test_a_row_without_forces_is_refused(tmp_path):
    path = tmp_path / "a.db"
    one = bulk("Cu")
    one.calc = SinglePointCalculator(one, energy=1.0)
    with connect(path) as database:
        database.write(one)
    with pytest.raises(InputError, match=r"Row 1 .* has no forces"):
        read(path, {"energy": "free"}, "ase-db")
