import io
import shutil

import numpy as np
import pytest

from tm23flows.testing.vasp_simulator.outputs import STREAMS, Outputs
from tm23flows.testing.vasp_simulator.poscar import read_poscar


def test_outputs_of_before_are_emptied_first(tmp_path):
    for name in (*STREAMS, "CONTCAR"):
        (tmp_path / name).write_text("old")
    (tmp_path / "WAVECAR").write_text("kept")
    Outputs.open(tmp_path, io.StringIO())
    assert all((tmp_path / name).read_text() == "" for name in (*STREAMS, "CONTCAR"))
    assert (tmp_path / "WAVECAR").read_text() == "kept"


def test_what_is_written_is_on_the_disk_at_once(tmp_path):
    outputs = Outputs.open(tmp_path, io.StringIO())
    outputs.write("OSZICAR", "line\n")
    assert (tmp_path / "OSZICAR").read_text() == "line\n"


def test_a_full_disk_is_a_real_one(tmp_path):
    outputs = Outputs.open(tmp_path, io.StringIO())
    outputs.write("OSZICAR", "before\n")
    outputs.fill_the_disk()
    with pytest.raises(OSError, match="No space left"):
        outputs.write("OSZICAR", "after\n")
    assert (tmp_path / "OSZICAR").read_text() == "before\n"


def test_a_run_writes_all_files(run):
    folder = run(LWAVE=".TRUE.", LCHARG=".TRUE.")
    names = {"CHGCAR", "CONTCAR", "OSZICAR", "OUTCAR", "WAVECAR", "XDATCAR", "vasprun.xml"}
    assert names <= {file.name for file in folder.iterdir()}


def test_files_that_are_not_wanted_are_not_written(run):
    folder = run()
    assert not (folder / "WAVECAR").exists()
    assert not (folder / "CHGCAR").exists()


def test_pymatgen_reads_trajectory_and_charge(run, read):
    from pymatgen.io.vasp import Chgcar, Xdatcar

    folder = run(LCHARG=".TRUE.")
    structures = Xdatcar(folder / "XDATCAR").structures
    for structure, frame in zip(structures, read(folder), strict=True):
        assert np.allclose(structure.frac_coords, frame.fractional, atol=1e-12)
    assert Chgcar.from_file(folder / "CHGCAR").dim == (2, 2, 2)


def test_contcar_holds_the_last_step_and_in_its_block_the_next_one(run, read, launch):
    """As in the outputs of VASP 5.4.4 and 6.4 that the tests of the engine read."""
    folder = run(NSW=3)
    shutil.copy(folder / "CONTCAR", folder / "POSCAR")
    last = read(folder)[-1]
    contcar = read_poscar((folder / "CONTCAR").read_text())
    assert np.allclose(contcar.fractional, last.fractional, rtol=0, atol=1e-15)
    assert not np.allclose(contcar.predicted, last.fractional)
    assert launch(folder).returncode == 0
    assert np.allclose(read(folder)[0].fractional, contcar.predicted, rtol=0, atol=1e-15)


def test_the_final_positions_of_vasprun_are_those_to_come(run):
    from pymatgen.io.vasp import Vasprun

    folder = run()
    contcar = read_poscar((folder / "CONTCAR").read_text())
    final = Vasprun(folder / "vasprun.xml", parse_potcar_file=False).final_structure
    assert np.allclose(final.frac_coords, contcar.predicted, atol=1e-12)


def test_contcar_of_a_static_run_is_its_poscar(run):
    folder = run(NSW=0, IBRION=-1)
    assert (folder / "CONTCAR").read_text() == (folder / "POSCAR").read_text()
