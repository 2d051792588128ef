import numpy as np
import pytest

from tm23flows.testing.vasp_simulator.vasprun import KBAR, electronic_step, number


def test_numbers_as_fortran_writes_them():
    assert number(1.5, 3, 9) == "    1.500"
    assert number(float("nan"), 3, 9) == "      NaN"
    assert number(float("inf"), 3, 9) == " ********"


def test_pymatgen_reads_everything(run, read):
    from pymatgen.io.vasp import Vasprun

    folder = run(mesh="Gamma\n2 2 2\n", NELECT=120)
    ours = read(folder)
    whole = Vasprun(folder / "vasprun.xml", parse_potcar_file=False)
    assert whole.vasp_version == "6.4.3-simulator"
    assert whole.converged
    assert len(whole.ionic_steps) == len(ours) == 6
    assert whole.parameters["NELECT"] == 120
    assert (whole.parameters["ISMEAR"], whole.parameters["SIGMA"]) == (1, 0.2)
    assert whole.parameters["ENMAX"] == 400
    assert (whole.parameters["NELM"], whole.parameters["LREAL"]) == (60, False)
    assert whole.incar["ENCUT"] == 400
    assert whole.incar["POTIM"] == 5
    assert tuple(whole.kpoints.kpts[0]) == (2, 2, 2)
    assert sum(whole.actual_kpoints_weights) == pytest.approx(1)
    assert whole.atomic_symbols == ["Cu"] * 7
    assert whole.potcar_symbols == ["PAW_PBE Cu_pv 01Jan2000"]
    for theirs, frame in zip(whole.ionic_steps, ours, strict=True):
        assert theirs["e_fr_energy"] == frame.energy
        assert np.array_equal(theirs["forces"], frame.forces)


def test_ase_reads_the_stress_in_its_own_sign(run, read):
    from ase.io import read as ase_read

    folder = run()
    atoms = ase_read(folder / "vasprun.xml", index=-1)
    frame = read(folder)[-1]
    assert atoms.get_stress(voigt=False) == pytest.approx(-frame.stress / KBAR, rel=1e-6)
    assert atoms.get_forces() == pytest.approx(frame.forces, abs=1e-9)


def test_energies_of_dynamics_add_up(run, read):
    for frame in read(run()):
        values = frame.values
        parts = ("e_fr_energy", "kinetic", "nosepot", "nosekinetic")
        assert values["total"] == pytest.approx(sum(values[part] for part in parts), abs=1e-9)
        assert values["kinetic"] > 0


def test_a_step_is_one_block():
    from tm23flows.testing.vasp_simulator.electrons import Energies

    text = electronic_step(Energies(-3.0, -1.0, -2.0))
    assert text.count("<scstep>") == text.count("</scstep>") == 1
    assert text.index("e_fr_energy") < text.index("e_wo_entrp") < text.index("e_0_energy")
