import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.poscar import Poscar, read_poscar, rows, write_poscar

RANDOM = np.random.default_rng(3)
STATE = Poscar(
    title="alloy",
    cell=np.diag([5.0, 6.0, 7.0]) + RANDOM.normal(0, 0.3, (3, 3)),
    symbols=("Cu", "Au"),
    counts=(2, 1),
    fractional=RANDOM.random((3, 3)),
    velocities=RANDOM.normal(0, 0.01, (3, 3)),
    thermostat=(1.2345678901234567e-3, -0.7654321098765432),
    timestep_fs=5.0,
    predicted=RANDOM.random((3, 3)),
)


def test_a_state_survives_to_the_last_bit():
    back = read_poscar(write_poscar(STATE))
    for name in ("cell", "fractional", "velocities", "predicted"):
        assert np.array_equal(getattr(back, name), getattr(STATE, name))
    assert back.thermostat == STATE.thermostat
    assert back.timestep_fs == 5.0
    assert (back.symbols, back.counts, back.title) == (STATE.symbols, STATE.counts, "alloy")


def test_pymatgen_reads_it_and_what_pymatgen_writes_is_nearly_the_same(tmp_path):
    from pymatgen.io.vasp import Poscar as Theirs

    (tmp_path / "CONTCAR").write_text(write_poscar(STATE))
    theirs = Theirs.from_file(tmp_path / "CONTCAR")
    assert np.array_equal(theirs.velocities, STATE.velocities)
    theirs.write_file(tmp_path / "POSCAR")
    back = read_poscar((tmp_path / "POSCAR").read_text())
    assert np.allclose(back.fractional, STATE.fractional, atol=1e-15)
    assert np.allclose(back.velocities, STATE.velocities, atol=1e-15)
    assert np.allclose(back.predicted, STATE.predicted, atol=1e-15)
    assert back.thermostat == STATE.thermostat  # the preamble travels as text


def test_only_positions():
    text = "x\n2.0\n1 0 0\n0 1 0\n0 0 1\nCu\n2\nDirect\n0 0 0\n0.5 0.5 0.5 Cu\n"
    poscar = read_poscar(text)
    assert np.array_equal(poscar.cell, 2 * np.eye(3))
    assert poscar.velocities is poscar.thermostat is poscar.predicted is None
    assert poscar.start is poscar.fractional
    assert np.array_equal(read_poscar(text + "\n\n").fractional, poscar.fractional)


def test_cartesian_positions_direct_velocities_and_a_volume_for_a_scale():
    text = "x\n-64.0\n2 0 0\n0 1 0\n0 0 4\nCu\n1\nCartesian\n1 0.5 2\nDirect\n0.1 0 0.2\n"
    poscar = read_poscar(text)
    assert np.linalg.det(poscar.cell) == pytest.approx(64)
    assert poscar.fractional == pytest.approx(np.full((1, 3), 0.5))
    assert poscar.velocities == pytest.approx(np.array([[0.1 * 4, 0, 0.2 * 8]]))


def test_velocities_without_a_block():
    text = write_poscar(STATE)
    cut = text[: text.index("           1\n")]
    with pytest.raises(InputError, match="block is cut"):
        read_poscar(text[:-100])
    assert read_poscar(cut).thermostat is None
    assert np.array_equal(read_poscar(cut).velocities, STATE.velocities)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n1\n1 0 0\n0 1 0\n0 0 1\n2\nDirect\n0 0 0\n",
        "x\n1\n1 0 0\n0 1 0\n0 0 1\nCu\n2\nDirect\n0 0 0\n",
        "x\n1\n1 0 0\n0 1 0\n0 0 1\nCu\n1\nSelective\nDirect\n0 0 0 T T T\n",
        "x\n1\n1 0 0\n0 1 0\n0 0 1\nCu\n1\nDirect\n0 zero 0\n",
    ],
)
def test_what_is_no_poscar_is_refused(text):
    with pytest.raises(InputError, match="POSCAR"):
        read_poscar(text)


def test_rows_have_all_digits():
    assert float(rows(np.array([[1 / 3]]))[0]) == 1 / 3
