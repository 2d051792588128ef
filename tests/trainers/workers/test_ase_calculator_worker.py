"""The parts of the worker by themselves; its life as a process is in test_ase_calculator."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator


@pytest.fixture
def worker(worker_path):
    return importlib.import_module("ase_calculator_worker")


@pytest.fixture
def refused(worker_path):
    return importlib.import_module("worker_io").RequestError


def copper():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


def test_a_frame_is_measured(worker):
    found, atoms = worker.measure(EMT(), copper()), copper()
    atoms.calc = EMT()
    assert found["energies"].tolist() == [atoms.get_potential_energy()]
    assert np.array_equal(found["forces"], atoms.get_forces())
    assert np.array_equal(found["stresses"], [atoms.get_stress()])


def test_what_is_missing_is_named(worker, refused):
    atoms = copper()
    with pytest.raises(refused) as caught:
        worker.measure(SinglePointCalculator(atoms, energy=1.0), atoms)
    assert caught.value.message == "The calculator gives no forces."
    with pytest.raises(refused) as caught:
        worker.measure(SinglePointCalculator(atoms, forces=np.zeros((4, 3))), atoms)
    assert caught.value.message == "The calculator gives no energy."


def test_the_class_is_found_with_the_module_that_it_is_written_in(worker):
    module, maker = worker.find("ase.calculators.emt:EMT")
    assert (module.__name__, maker) == ("ase.calculators.emt", EMT)
    # methods may come from another class
    assert worker.find("ase.calculators.emt:EMT.read")[0].__name__ == "ase.calculators.emt"
    # a package may offer what is written elsewhere
    assert (
        worker.find("ase.calculators.test:Calculator")[0].__name__ == "ase.calculators.calculator"
    )


def test_a_reason_is_one_line_and_the_log_has_the_traceback(worker, capsys):
    with worker.Told() as told:
        raise ZeroDivisionError("first\nsecond")
    assert told.reason == "ZeroDivisionError: first second"
    lines = capsys.readouterr().out.splitlines()
    assert any("in test_a_reason_is_one_line" in line for line in lines)
    assert all(line.startswith("| ") for line in lines if line)
    with pytest.raises(KeyboardInterrupt), worker.Told():
        raise KeyboardInterrupt


def test_it_is_described(worker, tmp_path):
    about = {"calculator": "ase.calculators.emt:EMT", "kwargs": {"asap_cutoff": True}}
    (tmp_path / "calculator.json").write_text(json.dumps(about))
    said = worker.describe({"model": str(tmp_path)})
    assert set(said["package"]) == {"ase"}
    assert said["versions"]["ase"] == said["package"]["ase"]
    assert worker.load(tmp_path).parameters["asap_cutoff"] is True


def test_another_version_is_refused(worker, refused, tmp_path):
    about = {"calculator": "ase.calculators.emt:EMT", "kwargs": {}, "package": {"ase": "3.0"}}
    (tmp_path / "calculator.json").write_text(json.dumps(about))
    with pytest.raises(refused, match=r"registered with ase 3.0 and .* has 3") as caught:
        worker.load(tmp_path)
    assert caught.value.kind == "unsupported"
