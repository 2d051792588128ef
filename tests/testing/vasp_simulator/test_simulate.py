import json
import os
import shutil
import subprocess
import time
import warnings

import numpy as np
import pytest

from tm23flows.testing.vasp_simulator.faults import PLAN_VARIABLE

TWENTY = {"NSW": 20}
FIVE = {"NSW": 5}


def restart(folder):
    shutil.copy(folder / "CONTCAR", folder / "POSCAR")


def same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert np.allclose(left.fractional, right.fractional, rtol=0, atol=1e-10)
        assert np.allclose(left.forces, right.forces, rtol=0, atol=1e-10)
        assert np.allclose(left.stress, right.stress, rtol=0, atol=1e-9)
        for name, value in left.values.items():
            assert value == pytest.approx(right.values[name], abs=1e-10), name


@pytest.mark.parametrize("smass", [0, -3])
def test_segments_are_the_whole_run(run, launch, read, smass):
    whole = read(run("whole", **TWENTY, SMASS=smass, build="gam"))
    folder = run("parts", **FIVE, SMASS=smass, build="gam")
    frames = read(folder)
    for _ in range(3):
        restart(folder)
        assert launch(folder, "gam").returncode == 0
        frames += read(folder)
    same(whole, frames)


def test_a_killed_run_goes_on_from_its_contcar(run, prepare, launch, read):
    whole = read(run("whole", **TWENTY))
    folder = prepare("killed", **TWENTY)
    launch(folder, plan={"do": "sigkill", "at_step": 8})
    restart(folder)
    assert launch(folder).returncode == 0
    same(whole[7:], read(folder)[:13])


def test_the_way_through_pymatgen_keeps_the_state(run, launch, read):
    """Structures that travel as documents lose nothing that shows in ten steps."""
    from pymatgen.io.vasp import Poscar

    whole = read(run("whole", NSW=10))
    folder = run("parts", **FIVE)
    Poscar.from_file(folder / "CONTCAR").write_file(folder / "POSCAR")
    assert launch(folder).returncode == 0
    same(whole[5:], read(folder))


def test_the_first_step_is_the_poscar(run, read):
    from pymatgen.core import Structure

    folder = run()
    given = Structure.from_file(folder / "POSCAR").frac_coords
    assert np.allclose(read(folder)[0].fractional, given % 1, atol=1e-12)
    assert len(read(folder)) == 6


def test_the_same_inputs_give_the_same_run(run, read):
    same(read(run("a")), read(run("b")))


def test_no_thermostat_conserves_energy(run, read):
    frames = read(run(NSW=40, SMASS=-3, POTIM=2))
    total = [frame.values["total"] for frame in frames]
    assert np.ptp(total) < 0.01 * max(frame.values["kinetic"] for frame in frames)
    assert all(frame.values["nosekinetic"] == 0 for frame in frames)


RECIPES = {
    "plain": {},
    "sigma": {"SIGMA": 1.0},
    "mesh": {"mesh": "Gamma\n2 2 2\n"},
    "shift": {"mesh": "Monkhorst\n2 2 2\n"},
    "electrons": {"NELECT": 120},
    "cutoff": {"ENCUT": 200},
}


def test_everything_in_a_recipe_changes_energy_and_forces(run, prepare, launch, read):
    moved, results = run("moved") / "CONTCAR", []
    for name, inputs in RECIPES.items():
        folder = prepare(name, NSW=0, IBRION=-1, **inputs)
        shutil.copy(moved, folder / "POSCAR")
        assert launch(folder).returncode == 0
        results += read(folder)
    for values in ([r.energy for r in results], [r.forces[0, 0] for r in results]):
        assert np.diff(sorted(values)).min() > 1e-7


@pytest.fixture
def slow(installed, prepare, tmp_path):
    """A function that starts a run of many slow steps; killed at the end of the test."""
    processes = []

    def start(**tags):
        folder = prepare(NSW=500, **tags)
        (tmp_path / "plan.json").write_text(json.dumps({"step_s": 0.1}))
        environment = {**os.environ, PLAN_VARIABLE: str(tmp_path / "plan.json")}
        process = subprocess.Popen(
            [installed["TM23_VASP_CMD"]],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        xml = folder / "vasprun.xml"
        while not (xml.exists() and xml.read_text().count("</calculation>") >= 2):
            assert process.poll() is None
            time.sleep(0.02)
        return folder, process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("order", "word"), [("LSTOP = .TRUE.", "soft stop"), ("LABORT = .TRUE.", "hard stop")]
)
def test_stopcar_ends_a_run_with_whole_files(slow, read, order, word):
    folder, process = slow()
    (folder / "STOPCAR").write_text(order + "\n")
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert word in printed
    assert word in (folder / "OUTCAR").read_text()
    assert 2 <= len(read(folder)) < 500
    assert not (folder / "STOPCAR").exists()
    assert len((folder / "CONTCAR").read_text().splitlines()) > 30


def test_a_read_only_stopcar_stays(slow):
    """custodian writes it so and looks for it afterwards."""
    folder, process = slow()
    written = folder / "STOPCAR.written"
    written.write_text("LSTOP = .TRUE.\n")
    written.chmod(0o444)
    written.rename(folder / "STOPCAR")  # it may be looked for at any time
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert (folder / "STOPCAR").exists()


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(slow, run, launch, read):
    folder, process = slow()
    (folder / "STOPCAR").write_text("LSTOP = .TRUE.\n")
    process.communicate(timeout=300)
    frames = read(folder)
    restart(folder)
    incar = (folder / "INCAR").read_text().replace("NSW = 500", "NSW = 4")
    (folder / "INCAR").write_text(incar)
    assert launch(folder).returncode == 0
    frames += read(folder)
    same(read(run("whole", NSW=len(frames))), frames)


def test_a_wavecar_saves_steps_and_changes_nothing(run, launch, read):
    folder = run(NSW=0, IBRION=-1, LWAVE=".TRUE.")
    (fresh,) = read(folder)
    assert launch(folder).returncode == 0
    (again,) = read(folder)
    assert again.n_scf < fresh.n_scf
    same([fresh], [again])


def test_later_steps_of_dynamics_start_from_the_step_before(run, read):
    first, *others = [frame.n_scf for frame in read(run())]
    assert all(n < first for n in others)


@pytest.mark.parametrize(
    ("build", "inputs", "word"),
    [
        ("gam", {"mesh": "Gamma\n2 1 1\n"}, "Gamma-point only"),
        ("std", {"NONSENSE": 1}, "NONSENSE"),
        ("std", {"mesh": "Auto\n20\n"}, "meshes only"),
    ],
)
def test_what_it_cannot_do_it_refuses(prepare, launch, build, inputs, word):
    folder = prepare(**inputs)
    done = launch(folder, build)
    assert done.returncode == 1
    assert word in done.stdout
    assert (folder / "vasprun.xml").read_text() == ""


@pytest.mark.parametrize("tags", [{}, {"NSW": 0, "IBRION": -1, "NELECT": 120}])
def test_emmet_makes_a_task_document(run, tags):
    from emmet.core.tasks import TaskDoc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = TaskDoc.from_directory(run(mesh="Gamma\n2 2 2\n", **tags))
    assert task.state.value == "successful"
    assert task.structure.charge == (-1.0 if "NELECT" in tags else 0.0)
