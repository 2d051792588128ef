"""PAW datasets: 26 shipped, one generated, all named by their fingerprint."""

import subprocess
import sys

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.science.metals import METALS

pytest.importorskip("gpaw")
from tm23flows.engines import gpaw_setups
from tm23flows.engines.gpaw import GpawEngine

pytestmark = pytest.mark.gpaw


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder of generated datasets that nothing is in yet."""
    from gpaw import setup_paths

    before, default = list(setup_paths), gpaw_setups.datasets_folder()
    setup_paths[:] = [path for path in before if path != default]
    monkeypatch.setenv("TM23_GPAW_SETUP_PATH", str(tmp_path / "setups"))
    yield tmp_path / "setups"
    setup_paths[:] = before


def test_all_metals_have_a_dataset_and_only_technetium_has_to_be_made(folder):
    del folder
    for symbol in METALS:
        if symbol in gpaw_setups.GENERATED:
            with pytest.raises(MissingDependencyError, match="gpaw_setups"):
                gpaw_setups.fingerprint(symbol, "PBE")
        else:
            name, _, digest = gpaw_setups.fingerprint(symbol, "PBE").partition(":")
            assert name == f"{symbol}.PBE"
            assert len(digest) == 32
    assert set(gpaw_setups.GENERATED) == {"Tc"}


def test_an_element_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no PBE dataset for Xx"):
        gpaw_setups.fingerprint("Xx", "PBE")


@pytest.mark.slow
def test_technetium_is_generated_found_and_used(folder, tmp_path):
    from ase import Atoms

    assert gpaw_setups.missing_datasets() == ["Tc"]
    command = [sys.executable, "-m", "tm23flows.engines.gpaw_setups"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(folder / "Tc.15.PBE")
    assert gpaw_setups.missing_datasets() == []
    assert gpaw_setups.fingerprint("Tc", "PBE").startswith("Tc.15.PBE:")
    assert sorted(path.name for path in folder.iterdir()) == ["Tc.15.PBE"]
    engine = GpawEngine(tmp_path)
    recipe = engine.complete(Recipe(engine="gpaw", cutoff_eV=250), ["Tc"])
    cell = [[0, 1.95, 1.95], [1.95, 0, 1.95], [1.95, 1.95, 0]]
    atoms = Atoms("Tc", cell=cell, pbc=True)
    atoms.calc = engine.calculator(recipe)
    atoms.get_potential_energy()
    assert atoms.calc.get_number_of_electrons() == pytest.approx(15)


def test_a_generator_that_fails_leaves_nothing_behind(folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(MissingDependencyError, match="Tc"):
        gpaw_setups.generate("Tc")
    assert list(folder.iterdir()) == []
