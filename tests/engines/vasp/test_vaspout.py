"""vaspout.h5, on files that the tests write: no file of VASP has been seen."""

import math
import sys

import numpy as np
import pytest

from tm23flows.engines.vasp.outputs import iter_steps, read_run_header
from tm23flows.engines.vasp.steps import ase_stress
from tm23flows.errors import InputError, MissingDependencyError

MAGIC = b"\x89HDF\r\n\x1a\n"
NAMES = [b"free energy    TOTEN   ", b"energy without entropy  ", b"energy(sigma->0)        "]
POTCAR = b"""
   TITEL  = PAW_PBE Cu_pv 06Sep2000
   POMASS =   63.546; ZVAL   =   17.000    mass and valenz
   TITEL  = PAW_PBE O 08Apr2002
   POMASS =   16.000; ZVAL   =    6.000    mass and valenz
"""
FRACTIONAL = np.random.default_rng(0).uniform(0, 1, (4, 3, 3))


@pytest.fixture
def written(tmp_path):
    """A function that writes a file of 4 steps of 3 atoms."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")

    def write(**changes):
        path = tmp_path / "vaspout.h5"
        dynamics = {
            "energies_tags": np.array(NAMES),
            "energies": np.array([[-3.0, -2.0, -2.5]]) + np.arange(4)[:, None],
            "lattice_vectors": np.tile(np.diag([4.0, 5.0, 6.0]), (4, 1, 1)),
            "position_ions": FRACTIONAL,
            "forces": FRACTIONAL - 0.5,
            "stress": np.tile(np.arange(9.0).reshape(3, 3), (4, 1, 1)),
            "electronic_step_converged": np.array([0, 0, 1, 0]),
        }
        rest = {
            "results/positions/scale": 1.0,
            "version/major": 6,
            "version/minor": 4,
            "version/patch": 2,
            "input/incar/ENCUT": 300.0,
            "input/incar/PREC": b"Accurate",
            "input/kpoints/mode": b"m",
            "input/kpoints/nkpx": 2,
            "input/kpoints/nkpy": 2,
            "input/kpoints/nkpz": 1,
            "input/poscar/scale": 1.0,
            "input/poscar/lattice_vectors": np.diag([4.0, 5.0, 6.0]),
            "input/poscar/position_ions": FRACTIONAL[0],
            "input/poscar/ion_types": np.array([b"Cu_pv", b"O"]),
            "input/poscar/number_ion_types": np.array([2, 1]),
            "input/potcar/content": POTCAR,
        }
        with h5py.File(path, "w") as file:
            for name, value in ({**dynamics, **changes}).items():
                if value is not None:
                    file[f"intermediate/ion_dynamics/{name}"] = value
            for name, value in rest.items():
                file[name] = value
        return path

    return write


def test_steps_are_what_was_written(written):
    steps = list(iter_steps(written()))
    assert [step.number for step in steps] == [1, 2, 3, 4]
    step = steps[1]
    assert (step.energy_free, step.energy_without_entropy, step.energy_sigma0) == (-2, -1, -1.5)
    np.testing.assert_array_equal(step.forces, FRACTIONAL[1] - 0.5)
    np.testing.assert_allclose(step.positions, FRACTIONAL[1] * [4, 5, 6])
    np.testing.assert_array_equal(step.stress, ase_stress(np.arange(9.0).reshape(3, 3)))
    assert [step.converged for step in steps] == [True, True, False, True]
    assert {step.n_scf for step in steps} == {-1}
    assert step.kinetic_eV is None


def test_steps_are_chosen_by_number(written):
    assert [step.number for step in iter_steps(written(), 2, 2)] == [2, 4]
    assert [step.number for step in iter_steps(written(), 1, 2, 3)] == [1, 3]


def test_convergence_that_is_not_said_is_not_assumed(written):
    path = written(electronic_step_converged=None, stress=None)
    assert not any(step.converged for step in iter_steps(path))
    assert next(iter_steps(path)).stress is None


def test_a_step_that_lacks_its_forces_is_not_there(written):
    assert len(list(iter_steps(written(forces=FRACTIONAL[:2])))) == 2


def test_quantities_of_molecular_dynamics(written):
    names = [
        b"ion-electron   TOTEN    ",
        b"kinetic energy EKIN     ",
        b"nose potential ES       ",
        b"nose kinetic   EPS      ",
    ]
    values = np.tile([-3.0, 0.5, 0.25, 0.125], (4, 1))
    step = next(iter_steps(written(energies_tags=np.array(names), energies=values)))
    assert (step.energy_free, step.kinetic_eV, step.thermostat_eV) == (-3.0, 0.5, 0.375)
    assert math.isnan(step.energy_sigma0)


def test_the_header(written):
    header = read_run_header(written())
    assert header.version == "6.4.2"
    assert header.symbols == ("Cu", "Cu", "O")
    assert list(header.numbers) == [29, 29, 8]
    assert header.kmesh == (2, 2, 1)
    assert header.kmesh_shift == (0.25, 0.25, 0.0)
    assert header.incar == {"ENCUT": 300.0, "PREC": "Accurate"}
    assert header.potcar_titles == {"Cu": "PAW_PBE Cu_pv 06Sep2000", "O": "PAW_PBE O 08Apr2002"}
    assert header.neutral_electrons == 40.0


def test_a_file_that_only_begins_like_one_is_refused(tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed")
    path = tmp_path / "vaspout.h5"
    path.write_bytes(MAGIC + b"nothing")
    with pytest.raises(InputError, match=r"vaspout\.h5 is no readable vaspout\.h5"):
        list(iter_steps(path))


def test_without_h5py_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "vaspout.h5"
    path.write_bytes(MAGIC)
    with pytest.raises(MissingDependencyError, match=r"h5py, which is not installed.*vasprun\.xml"):
        list(iter_steps(path))
