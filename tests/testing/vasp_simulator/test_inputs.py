import shutil
from pathlib import Path

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.inputs import describe, read_inputs
from tm23flows.testing.vasp_simulator.motion import A_PER_FS2, Ensemble
from tm23flows.testing.vasp_simulator.poscar import read_poscar

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


def test_the_whole_problem(prepare):
    inputs = read_inputs(prepare(NELECT=120, ENCUT=450), "gam")
    assert inputs.is_md
    assert len(inputs.per_atom) == 7
    assert inputs.electrons.neutral == 7 * 17
    assert inputs.electrons.shift == 1.0
    assert inputs.electrons.cutoff_ratio == pytest.approx(1.5)
    assert inputs.ensemble.freedoms == 18
    assert inputs.tags["NBANDS"] > 60
    assert not inputs.guess


def test_what_follows_from_the_potcar(prepare):
    folder = prepare(base={})
    tags = read_inputs(folder, "std").tags
    assert tags["NELECT"] == 7 * 17
    assert tags["ENMAX"] == 300.0
    assert (tags["ISTART"], tags["ICHARG"]) == (0, 2)


@pytest.mark.parametrize("name", ["INCAR", "POSCAR", "POTCAR", "KPOINTS"])
def test_every_file_is_needed(prepare, name):
    folder = prepare()
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        read_inputs(folder, "std")


def test_the_gamma_version_refuses_meshes(prepare):
    folder = prepare(mesh="Gamma\n2 2 2\n")
    read_inputs(folder, "std")
    with pytest.raises(InputError, match="Gamma-point only"):
        read_inputs(folder, "gam")


def test_potcar_of_another_metal(prepare):
    folder = prepare()
    shutil.copy(prepare("other", symbol="Au") / "POTCAR", folder / "POTCAR")
    with pytest.raises(InputError, match="POSCAR has Cu and POTCAR has Au"):
        read_inputs(folder, "std")


def test_a_thermostat_needs_a_temperature(prepare):
    with pytest.raises(InputError, match="TEBEG"):
        read_inputs(prepare(TEBEG=0, TEEND=0), "std")


def test_a_block_of_another_time_step(run):
    folder = run()
    shutil.copy(folder / "CONTCAR", folder / "POSCAR")
    incar = (folder / "INCAR").read_text()
    read_inputs(folder, "std")
    (folder / "INCAR").write_text(incar.replace("POTIM = 5", "POTIM = 4"))
    with pytest.raises(InputError, match="POTIM"):
        read_inputs(folder, "std")


@pytest.mark.parametrize(
    ("file", "tags", "used"),
    [
        ("WAVECAR", {}, True),
        ("WAVECAR", {"ISTART": 0}, False),
        ("CHGCAR", {}, False),
        ("CHGCAR", {"ICHARG": 1}, True),
    ],
)
def test_files_of_before_are_used_as_vasp_does(prepare, file, tags, used):
    folder = prepare(**tags)
    poscar = read_poscar((folder / "POSCAR").read_text())
    (folder / file).write_text(describe(poscar) + "\n")
    assert read_inputs(folder, "std").guess is used


def test_files_of_other_atoms_are_not_used(prepare):
    folder = prepare()
    (folder / "WAVECAR").write_text("simulator Cu8\n")
    assert not read_inputs(folder, "std").guess
    (folder / "WAVECAR").write_text("")
    assert read_inputs(folder, "std").tags["ISTART"] == 0


def test_the_mass_of_the_thermostat_is_that_of_real_runs():
    """What VASP reports for SMASS = 0: two atoms at 300 K, 16 atoms at another temperature."""
    runs = SHARED / "vasp_atomate2"
    if not runs.exists():
        pytest.skip(f"shared test data not found: {runs}")
    from pymatgen.io.vasp import Vasprun

    for name in ("Si_multi_md/molecular_dynamics_2", "Si_mp_morph_production_run"):
        file = runs / name / "outputs" / "vasprun.xml.gz"
        real = Vasprun(file, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
        first = real.structures[0]
        temperature, step = real.parameters["TEBEG"], real.parameters["POTIM"]
        ensemble = Ensemble(np.full(len(first), 28.085), temperature, step, thermostat=True)
        mass = ensemble.inertia * A_PER_FS2 / first.lattice.a**2
        assert mass == pytest.approx(real.parameters["SMASS"], rel=1e-5)


def test_tags_are_reported_as_vasp_reports_them(prepare):
    inputs = read_inputs(prepare(PREC="Accurate", GGA="Pe", LREAL="Auto"), "std")
    assert (inputs.reported["PREC"], inputs.reported["GGA"]) == ("accura", "PE")
    assert inputs.reported["LREAL"] is True
    assert inputs.tags["SMASS"] == 0 < inputs.reported["SMASS"]
    assert read_inputs(prepare("nve", SMASS=-3), "std").reported["SMASS"] == -3
