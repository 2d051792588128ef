"""Real outputs of VASP where they are, and the folder on the path for the writer of made ones."""

import sys
from pathlib import Path

import pytest
from ase.build import bulk

sys.path.insert(0, str(Path(__file__).resolve().parent))

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_vaspruns():
    """Every vasprun.xml of the shared test data."""
    if not SHARED.is_dir():
        pytest.skip(f"shared test data not found: {SHARED}")
    found = sorted(SHARED.glob("vasp_*/**/vasprun*.xml.gz"))
    assert len(found) >= 13
    return found


@pytest.fixture(scope="session")
def real_vasprun(real_vaspruns):
    """A function that finds a vasprun.xml of the shared test data by a part of its path."""

    def find(part):
        (path,) = [path for path in real_vaspruns if part in str(path)]
        return path

    return find


@pytest.fixture
def copper():
    """Seven copper atoms around a vacancy, moved from their sites, some out of the cell."""
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = bulk("Cu") * (2, 2, 2)
    del atoms[3]
    atoms.rattle(0.08, seed=1)
    return AseAtomsAdaptor.get_structure(atoms)


@pytest.fixture
def run(tmp_path, vasp, copper):
    """A function that runs a Maker in a folder of this test."""
    from tm23flows.engines.vasp.run import run_in

    def do(maker, name="run", **more):
        return run_in(tmp_path / name, maker, copper, **more)

    return do


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"
