from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS

from tm23flows.errors import InputError, MissingDependencyError, TrainingError
from tm23flows.trainers.base import TRAINERS, get_trainer
from tm23flows.trainers.calculator import model_calculator
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.workers import worker_io

WORKERS = Path(worker_io.__file__).parent

WORKER = f"""
import json, os, signal, sys, time
sys.path.insert(0, {str(WORKERS)!r})
from ase.calculators.emt import EMT
from model_tasks import serving
from worker_io import RequestError, answer

class Faulty(EMT):
    fault = ""
    def calculate(self, atoms, *arguments):
        super().calculate(atoms, *arguments)
        if self.fault == "calculate":
            raise ArithmeticError("the matrix is singular")
        if self.fault == "kill":
            os.kill(os.getpid(), 9)
        if self.fault == "interrupts":
            os.kill(os.getppid(), signal.SIGALRM)
            time.sleep(3)
        self.results["spread"] = atoms.positions[:, 0] ** 2

def load(folder, request):
    print("a line for the log", request["sha256"]["model.json"])
    calculator = Faulty()
    calculator.fault = json.loads((folder / "model.json").read_text())["fault"]
    if calculator.fault == "load":
        raise RequestError("failed", "The weights are of another network.")
    if calculator.fault == "library":
        raise RequestError("library", "No module named 'oracle'")
    return calculator

answer(["ase"], {{"serve": serving(load, extra="spread")}})
"""

TRAINER = """
from tm23flows.trainers.worker import Worker

class Toy:
    worker = Worker("Oracle", {script!r}, "trainer_python_flare", "ask it to come")
    files = ["model.json"]

class Mute:
    pass
"""


@pytest.fixture(autouse=True)
def _toy(tmp_path, monkeypatch):
    """A trainer whose models are EMT with a fault."""
    (tmp_path / "toy_worker.py").write_text(WORKER)
    module = f"toy_trainer_{tmp_path.name}"
    script = str(tmp_path / "toy_worker.py")
    (tmp_path / f"{module}.py").write_text(TRAINER.format(script=script))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(TRAINERS, "toy", f"{module}:Toy")
    monkeypatch.setitem(TRAINERS, "mute", f"{module}:Mute")


@pytest.fixture
def serve(tmp_path):
    """Serve EMT for copper and gold, perhaps with a fault."""

    def make(fault: str = ""):
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        about = {"elements": [29, 79], "fault": fault}
        (folder / "model.json").write_text(json.dumps(about))
        write_manifest(folder, ["model.json"])
        return model_calculator("toy", folder, tmp_path / "work")

    return make


def rattled(symbol: str = "Cu", repeat: int = 2) -> Atoms:
    atoms = bulk(symbol, a=3.65, cubic=True).repeat(repeat)
    atoms.rattle(0.1, seed=1)
    return atoms


def served_process(tmp_path: Path) -> int | None:
    """Find the worker of this test among all processes."""
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if str(tmp_path / "toy_worker.py").encode() in command and state != "Z":
            return int(folder.name)
    return None


def wait_until(condition, seconds: float = 300.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_numbers_are_those_of_the_calculator_to_the_last_bit(serve):
    atoms, direct = rattled(), rattled()
    direct.calc = EMT()
    with serve() as atoms.calc:
        assert atoms.get_potential_energy() == direct.get_potential_energy()
        assert atoms.get_potential_energy(force_consistent=True) == direct.get_potential_energy()
        assert np.array_equal(atoms.get_forces(), direct.get_forces())
        assert np.array_equal(atoms.get_stress(), direct.get_stress())
        assert np.array_equal(atoms.calc.results["uncertainties"], atoms.positions[:, 0] ** 2)


def test_elements_sizes_and_cells_may_change(serve):
    """Where ASE's own SocketIOCalculator would go on with the elements of the first atoms."""
    with serve() as calculator:
        for direct in (rattled(), rattled("Au"), rattled("Cu", 1), bulk("Cu").repeat((3, 2, 1))):
            atoms = direct.copy()
            atoms.calc, direct.calc = calculator, EMT()
            assert atoms.get_potential_energy() == direct.get_potential_energy()
            assert np.array_equal(atoms.get_forces(), direct.get_forces())
        before = atoms.get_potential_energy()
        atoms.numbers[0] = 79
        direct.numbers[0] = 79
        assert atoms.get_potential_energy() == direct.get_potential_energy() != before


def test_forces_are_derivatives_of_the_energy(serve):
    atoms, step = rattled(), 1e-4
    with serve() as atoms.calc:
        force = atoms.get_forces()[3, 1]
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[3, 1] += sign * step
            moved.calc = atoms.calc
            energies.append(moved.get_potential_energy())
    assert -(energies[0] - energies[1]) / (2 * step) == pytest.approx(force, abs=1e-5)


def moved(atoms: Atoms) -> tuple[list[float], list[float]]:
    """Total and kinetic energies in 20 steps of dynamics."""
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(0))
    energies, kinetic = [atoms.get_total_energy()], [atoms.get_kinetic_energy()]
    dynamics = VelocityVerlet(atoms, 2 * units.fs)
    for _ in range(20):
        dynamics.run(1)
        energies.append(atoms.get_total_energy())
        kinetic.append(atoms.get_kinetic_energy())
    return energies, kinetic


def test_dynamics_conserve_the_energy(serve):
    atoms = rattled()
    with serve() as atoms.calc:
        energies, kinetic = moved(atoms)
    assert np.ptp(energies) < 0.02 * np.ptp(kinetic)


def test_images_of_a_path_share_the_calculator(serve):
    start = rattled()
    del start[0]
    end = start.copy()
    end.positions[0] += [0.3, 0, 0]
    images = [start, start.copy(), start.copy(), end]
    path = NEB(images, method="improvedtangent", allow_shared_calculator=True)
    path.interpolate()
    with serve() as calculator:
        for image in images:
            image.calc = calculator
        BFGS(path, logfile=None).run(steps=2)
        assert len({image.get_potential_energy() for image in images}) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda atoms: atoms.set_chemical_symbols(["Ni"] * len(atoms)), "atomic number 28"),
        (lambda atoms: atoms.set_pbc([True, True, False]), "not periodic"),
        (lambda atoms: atoms.positions.__setitem__((0, 0), np.nan), "NaN"),
    ],
)
def test_atoms_that_do_not_fit_are_refused_and_the_next_are_not(serve, change, reason):
    atoms = rattled()
    with serve() as calculator:
        change(atoms)
        atoms.calc = calculator
        with pytest.raises(InputError, match=reason):
            atoms.get_potential_energy()
        good = rattled()
        good.calc = calculator
        assert np.isfinite(good.get_potential_energy())


def test_a_changed_file_is_refused_before_anything_starts(serve, tmp_path):
    context = serve()
    (tmp_path / "model" / "model.json").write_text('{"elements": [29], "fault": ""}')
    with pytest.raises(TrainingError, match="sha256 differs"):
        context.__enter__()
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("load", TrainingError, "The weights are of another network"),
        ("library", MissingDependencyError, "No module named 'oracle'.*ask it to come"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why(serve, fault, kind, reason):
    with pytest.raises(kind, match=reason), serve(fault):
        pytest.fail("this must not be reached")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("calculate", "ArithmeticError: the matrix is singular"), ("kill", "signal 9")],
)
def test_a_calculation_that_fails_says_why(serve, fault, reason):
    atoms = rattled()
    with serve(fault) as atoms.calc:
        with pytest.raises(TrainingError, match=reason):
            atoms.get_potential_energy()
        with pytest.raises(TrainingError, match="has ended"):
            atoms.get_potential_energy()


def test_what_the_library_prints_goes_to_the_log(serve, tmp_path):
    with serve():
        assert "a line for the log" in (tmp_path / "work" / "serve.log").read_text()


def test_the_worker_ends_with_the_block(serve, tmp_path):
    atoms = rattled()
    with serve() as atoms.calc:
        atoms.get_potential_energy()
        assert served_process(tmp_path)
    assert served_process(tmp_path) is None
    atoms.rattle(0.1, seed=2)
    with pytest.raises(TrainingError, match="inside its with block"):
        atoms.get_potential_energy()


def test_an_interruption_does_not_mix_up_the_answers(serve):
    def interrupt(_signum, _frame):
        raise KeyboardInterrupt

    atoms = rattled()
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with serve("interrupts") as atoms.calc:
            with pytest.raises(KeyboardInterrupt):
                atoms.get_potential_energy()
            with pytest.raises(TrainingError, match="after an interruption"):
                atoms.get_potential_energy()
    finally:
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_ends_with_us(serve, tmp_path, signum):
    serve()
    program = """
        import sys, time
        from pathlib import Path
        from tm23flows.trainers.base import TRAINERS, get_trainer
        from tm23flows.trainers.calculator import model_calculator
        TRAINERS["toy"] = sys.argv[1]
        folder = Path(sys.argv[2])
        with model_calculator("toy", folder / "model", folder / "work"):
            (folder / "entered").touch()
            time.sleep(100)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), TRAINERS["toy"], str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert wait_until((tmp_path / "entered").exists)
    assert served_process(tmp_path)
    process.send_signal(signum)
    process.wait()
    assert wait_until(lambda: served_process(tmp_path) is None)


def test_a_trainer_that_cannot_serve_is_named(tmp_path):
    with pytest.raises(InputError, match="'mute' cannot be served"):
        model_calculator("mute", tmp_path, tmp_path).__enter__()


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match=r"no readable manifest\.json"):
        model_calculator("toy", tmp_path / "none", tmp_path).__enter__()


@pytest.mark.flare
def test_a_model_of_flare_moves_atoms_and_knows_how_sure_it_is(
    flare_run, test_file, test_frames, tmp_path
):
    found = get_trainer("flare").predict(flare_run[0], test_file, tmp_path / "predict")
    with model_calculator("flare", flare_run[0], tmp_path / "serve") as calculator:
        # read from the file: extended XYZ rounds positions
        for i, atoms in enumerate(read(test_file, index=":")):
            atoms.calc = calculator
            assert atoms.get_potential_energy() == pytest.approx(found.energies[i], abs=1e-10)
            assert atoms.get_forces() == pytest.approx(found.forces[i], abs=1e-10)
            assert atoms.get_stress() == pytest.approx(found.stresses[i], abs=1e-10)
            spread = calculator.results["uncertainties"]
            assert spread == pytest.approx(found.uncertainties[i], abs=1e-10)
        atoms = test_frames[0].copy()
        atoms.calc = calculator
        energies, kinetic = moved(atoms)
    assert np.ptp(energies) < 0.02 * np.ptp(kinetic)
