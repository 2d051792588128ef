"""From where runs go on: made files, cut files, and files of VASP itself."""

import gzip

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from pymatgen.io.vasp import Poscar

from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.engines.vasp.restart import age, first_poscar, first_positions, read_contcar
from tm23flows.testing.vasp_simulator.poscar import Poscar as Restart
from tm23flows.testing.vasp_simulator.poscar import write_poscar

TIMESTEP_FS = 5.0
RNG = np.random.default_rng(8)
CELL = np.diag([5.0, 6.0, 7.0]) + RNG.normal(0, 0.3, (3, 3))
HERE = np.array([[0.001, 0.5, 0.999], [0.3, 0.7, 0.2], [0.62, 0.1, 0.55]])
VELOCITIES = np.array([[-0.004, 0.001, 0.003], [0.002, 0.002, 0.0], [0.001, -0.003, 0.002]])
STEP = VELOCITIES * TIMESTEP_FS @ np.linalg.inv(CELL)


def contcar_text(here=HERE, predicted=HERE + STEP):
    return write_poscar(
        Restart(
            "copper", CELL, ("Cu",), (3,), here, VELOCITIES, (1e-4, -0.2), TIMESTEP_FS,
            predicted - np.floor(predicted),
        )
    )  # fmt: skip


@pytest.fixture
def contcar():
    return read_contcar(contcar_text().encode(), 3)


def test_a_contcar_goes_on_with_the_step_in_its_block(contcar):
    assert np.allclose(first_positions(contcar), (HERE + STEP) % 1, atol=1e-15)
    assert np.allclose(contcar.structure.frac_coords, HERE)


@pytest.mark.parametrize(
    ("steps", "expected"), [(-1, "other"), (0, "next"), (1, "same"), (2, "other")]
)
def test_age_is_seen_also_across_cell_borders(contcar, steps, expected):
    place = HERE + steps * STEP
    assert (place < 0).any() == (steps > 0)  # atoms have left the cell on the way
    assert age(contcar, place, CELL, TIMESTEP_FS) == expected
    assert age(contcar, place - np.floor(place), CELL, TIMESTEP_FS) == expected
    # VASP writes eight digits.
    assert age(contcar, np.round(place, 8), CELL, TIMESTEP_FS) == expected


def test_another_run_is_other(contcar):
    assert age(contcar, HERE + STEP[::-1], CELL, TIMESTEP_FS) == "other"
    assert age(contcar, HERE[::-1], CELL, TIMESTEP_FS) == "other"


def test_a_whole_contcar_is_read_and_every_cut_one_is_not():
    content = contcar_text().encode()
    assert read_contcar(content, 3) is not None
    for size in range(len(content)):
        assert read_contcar(content[:size], 3) is None, size


def test_contcars_that_cannot_go_on_are_refused():
    text = contcar_text()
    assert read_contcar(text.encode(), 4) is None
    assert read_contcar(b"", 3) is None
    assert read_contcar(b"\xff\xfe" + text.encode(), 3) is None
    without_block = text[: text.index("           1\n")]
    assert read_contcar(without_block.encode(), 3) is None
    without_velocities = text[: text.index("\n\n") + 1]
    assert read_contcar(without_velocities.encode(), 3) is None
    for number in (HERE[1, 1], VELOCITIES[1, 0], (HERE + STEP)[1, 1]):
        broken = text.replace(f"{number:24.16E}", f"{'NaN':>24}")
        assert broken != text
        assert read_contcar(broken.encode(), 3) is None


def real_dynamics(real_vaspruns):
    """Finished runs of molecular dynamics whose CONTCAR is there."""
    for path in real_vaspruns:
        restart = path.with_name("CONTCAR.gz")
        if restart.exists() and read_header(path).incar.get("IBRION") == 0:
            yield path, gzip.decompress(restart.read_bytes())


def test_vasps_own_files_go_on_after_the_last_step(real_vaspruns):
    """VASP 5.4.4, 6.4.1 and 6.4.2: CONTCAR has the last step, its block the next one."""
    found = list(real_dynamics(real_vaspruns))
    assert len(found) >= 5
    for path, content in found:
        steps, header = list(iter_steps(path)), read_header(path)
        contcar = read_contcar(content, len(header.symbols))
        stands = [age(contcar, s.fractional, s.cell, header.incar["POTIM"]) for s in steps]
        assert stands == [*["other"] * (len(steps) - 1), "next"], path
        away = contcar.structure.frac_coords - steps[-1].fractional
        assert np.abs(away - np.rint(away)).max() < 1e-7


def test_vasp_itself_begins_with_the_step_in_the_block(real_vasprun):
    """A run of VASP, continued twice: no step is there twice, and none is missing."""
    for number in (2, 3):
        path = real_vasprun(f"molecular_dynamics_{number}/")
        before = real_vasprun(f"molecular_dynamics_{number - 1}/")
        contcar = Poscar.from_str(
            gzip.decompress(before.with_name("CONTCAR.gz").read_bytes()).decode()
        )
        first = next(iter(iter_steps(path)))
        assert np.abs(first.fractional - first_positions(contcar)).max() < 1e-7
        assert np.abs(first.fractional - contcar.structure.frac_coords).max() > 1e-4


DYNAMICS = Dynamics(ensemble="nvt-nose-hoover", temperature_K=640.0, seed=5)


def crystal():
    atoms = bulk("Cu", cubic=True) * (2, 2, 1)
    del atoms[0]
    atoms.rattle(0.1, seed=2)
    atoms.positions[3] -= atoms.cell[0]
    return atoms


def test_the_first_poscar_has_the_atoms_and_velocities_at_the_temperature():
    atoms = crystal()
    poscar = Poscar.from_str(first_poscar(atoms, DYNAMICS))
    assert np.allclose(
        poscar.structure.frac_coords, atoms.get_scaled_positions(wrap=False), atol=1e-14
    )
    assert np.allclose(poscar.structure.lattice.matrix, atoms.cell, atol=1e-14)
    assert poscar.predictor_corrector is None
    velocities = np.array(poscar.velocities, dtype=float)  # A/fs
    momenta = atoms.get_masses()[:, None] * velocities
    assert np.abs(momenta.sum(axis=0)).max() < 1e-12
    # u A^2 / fs^2 in eV, by another road than the code's
    kinetic_eV = 0.5 * np.sum(momenta * velocities) * 1.66053906660e-27 * 1e10 / 1.602176634e-19
    assert 2 * kinetic_eV == pytest.approx((3 * 15 - 3) * units.kB * 640.0, rel=1e-6)


def test_velocities_follow_from_the_seed():
    text = first_poscar(crystal(), DYNAMICS)
    assert first_poscar(crystal(), DYNAMICS) == text
    assert first_poscar(crystal(), DYNAMICS.model_copy(update={"seed": 6})) != text


def test_the_initial_temperature_may_be_another():
    hot = DYNAMICS.model_copy(update={"initial_temperature_factor": 2.0})
    speeds = [
        np.array(Poscar.from_str(first_poscar(crystal(), one)).velocities, dtype=float)
        for one in (hot, DYNAMICS)
    ]
    assert np.allclose(speeds[0], np.sqrt(2) * speeds[1], atol=1e-15)
