"""Calculators from elsewhere: every way to fail is one frame's, the rest is what EMT says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from calculator_kit import (
    MODULE,
    make_interpreter,
    numbered_frames,
    write_file,
    write_module,
)

from tm23flows.errors import InputError, MissingDependencyError, TrainingError
from tm23flows.trainers.ase_calculator import (
    CalculatorTrainer,
    Prepared,
    find_interpreter,
    map_files,
)
from tm23flows.trainers.base import get_trainer
from tm23flows.trainers.calculator import model_calculator

LOSSES = {
    "raises": "ArithmeticError: the matrix is singular",
    "nan_forces": "NaN or infinite values in the forces.",
    "inf_energy": "NaN or infinite values in the energy.",
    "nan_stress": "NaN or infinite values in the stress.",
    "overflow": "NaN or infinite values in the forces.",
    "short_forces": "The forces came in the shape (3, 3), not (4, 3).",
    "flat_forces": "The forces came in the shape (12,), not (4, 3).",
    "no_forces": "The calculator gives no forces.",
    "none_forces": "The calculator gives no forces.",
    "words": "ValueError: could not convert string to float",
    "two_energies": "The energy came in the shape (2,), not (1,).",
    "strange_stress": "The stress came in the shape (9,), not (6,).",
    "ends": "The process ended with exit status 3.",
    "leaves": "The process ended with exit status 1.",
    "segfaults": "The process was ended by signal 11",
}
HARMLESS = ("no_stress", "full_stress", "one_energy", "moves_atoms")


@pytest.fixture(autouse=True)
def wild(tmp_path, monkeypatch) -> Path:
    """The folder of the module, where workers find it."""
    folder = write_module(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def other_python(tmp_path) -> Path:
    return make_interpreter(tmp_path / "other")


@pytest.fixture
def prepare(tmp_path):
    """Make a model of a calculator; return its folder and what it is."""

    def make(calculator: str, python: str | None = None, **settings) -> tuple[Path, Prepared]:
        trainer = CalculatorTrainer()
        folder = tmp_path / "model"
        told = trainer.hyperparameters(calculator=calculator, **settings)
        return folder, trainer.prepare(told, python, folder, tmp_path / "prepare")

    return make


def test_every_failure_is_one_frame_and_the_rest_is_what_it_should_be(prepare, tmp_path):
    # a good frame between any two
    faults = {str(2 * i): fault for i, fault in enumerate([*LOSSES, *HARMLESS])}
    n = 2 * len(faults) + 1
    frames = write_file(numbered_frames(n), tmp_path / "frames.xyz")
    folder, _ = prepare("wild:Faulty", kwargs={"faults": faults})
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")

    expected = {2 * i: reason for i, reason in enumerate(LOSSES.values())}
    assert set(found.failures) == set(expected)
    for place, reason in expected.items():
        assert found.failures[place].startswith(reason)
        assert np.isnan(found.energies[place])
        assert np.isnan(found.forces[place]).all()
    for place, atoms in enumerate(frames):
        if place in expected:
            continue
        atoms.calc = EMT()
        # EMT keeps its list of neighbours from frame to frame, so sums have another order
        assert found.energies[place] == pytest.approx(atoms.get_potential_energy(), abs=1e-12)
        assert found.forces[place] == pytest.approx(atoms.get_forces(), abs=1e-12)
        if faults.get(str(place)) == "no_stress":
            assert np.isnan(found.stresses[place]).all()
        else:
            assert found.stresses[place] == pytest.approx(atoms.get_stress(), abs=1e-12)


def test_a_calculator_that_hangs_loses_its_frame_alone(prepare, tmp_path):
    write_file(numbered_frames(2), tmp_path / "frames.xyz")
    folder, _ = prepare("wild:Faulty", kwargs={"faults": {"0": "hangs"}}, frame_limit_s=6.0)
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert found.failures == {0: "The calculator did not answer within 6 s."}
    assert np.isfinite(found.energies).tolist() == [False, True]


def test_a_calculator_without_stress_fails_on_no_frame(prepare, tmp_path):
    write_file(numbered_frames(3), tmp_path / "frames.xyz")
    folder, _ = prepare("wild:NoStress")
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert (found.failures, found.stresses) == ({}, None)
    with model_calculator("calculator", folder, tmp_path / "serve") as calculator:
        atoms = numbered_frames(1)[0]
        atoms.calc = calculator
        assert np.isfinite(atoms.get_forces()).all()
        with pytest.raises(NotImplementedError):
            atoms.get_stress()


def test_the_energy_that_belongs_to_the_forces_is_taken(prepare, tmp_path):
    write_file(numbered_frames(1), tmp_path / "frames.xyz")
    folder, _ = prepare("wild:Entropic")
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert found.energies.tolist() == [-2.0]


def test_a_calculator_with_an_energy_of_the_old_form_will_do(prepare, wild, tmp_path):
    (wild / "old.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "class Old(EMT):\n"
        "    implemented_properties = ['energy', 'forces']\n"
        "    def get_potential_energy(self, atoms=None):\n"
        "        return super().get_potential_energy(atoms)\n"
    )
    write_file(numbered_frames(1), tmp_path / "frames.xyz")
    folder, _ = prepare("old:Old")
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert found.failures == {}


def test_one_that_can_be_made_only_once_keeps_what_it_has_predicted(prepare, wild, tmp_path):
    (wild / "once.py").write_text(
        "import pathlib\n"
        "from ase.calculators.emt import EMT\n"
        "class Once(EMT):\n"
        "    def __init__(self, log):\n"
        "        self.done = 0\n"
        "        path = pathlib.Path(log + '/made')\n"
        "        path.write_text((path.read_text() if path.exists() else '') + 'x')\n"
        "        if len(path.read_text()) > 2:\n"
        "            raise RuntimeError('the licence is taken')\n"
        "        super().__init__()\n"
        "    def calculate(self, *args, **kwargs):\n"
        "        self.done += 1\n"
        "        if self.done == 3:\n"
        "            raise ArithmeticError('singular')\n"
        "        super().calculate(*args, **kwargs)\n"
    )
    write_file(numbered_frames(5), tmp_path / "frames.xyz")
    folder, _ = prepare("once:Once", kwargs={"log": str(tmp_path)})
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert np.isfinite(found.energies[:2]).all()
    assert list(found.failures) == [2, 3, 4]
    assert found.failures[2].startswith("ArithmeticError")
    assert "could not be made again" in found.failures[4]
    assert "the licence is taken" in found.failures[4]
    assert str(tmp_path) not in found.failures[4]


def test_one_that_ends_its_process_on_every_frame_is_given_up(prepare, tmp_path):
    write_file(numbered_frames(5), tmp_path / "frames.xyz")
    faults = {str(i): "ends" for i in range(1, 5)}
    folder, _ = prepare("wild:Faulty", kwargs={"faults": faults}, give_up_after=2)
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert np.isfinite(found.energies).tolist() == [True, False, False, False, False]
    assert [found.failures[i].partition(":")[0] for i in (1, 2, 3, 4)] == [
        "The process ended with exit status 3.",
        "The process ended with exit status 3.",
        "Not tried",
        "Not tried",
    ]


def test_a_served_one_says_why_it_fails_and_goes_on(prepare, tmp_path):
    folder, _ = prepare("wild:Faulty", kwargs={"faults": {"1": "raises", "2": "segfaults"}})
    good, bad, worse = numbered_frames(3)
    with model_calculator("calculator", folder, tmp_path / "serve") as calculator:
        bad.calc = good.calc = worse.calc = calculator
        with pytest.raises(TrainingError, match="ArithmeticError: the matrix is singular"):
            bad.get_forces()
        energy = good.get_potential_energy()
        good.calc = EMT()
        assert energy == good.get_potential_energy()
        with pytest.raises(TrainingError, match="signal 11") as caught:
            worse.get_forces()
        assert str(tmp_path) not in str(caught.value)  # studies store it


def test_another_interpreter_runs_what_this_one_does_not_have(
    prepare, tmp_path, monkeypatch, other_python
):
    monkeypatch.delenv("PYTHONPATH")
    write_file(numbered_frames(2), tmp_path / "frames.xyz")
    with pytest.raises(MissingDependencyError, match=r"No module named 'elsewhere'.*--python"):
        prepare("elsewhere:NoStress")
    folder, made = prepare("elsewhere:NoStress", python=str(other_python))
    assert made.hyperparameters.package == {"elsewhere-kit": "4.2"}
    assert made.versions["elsewhere-kit"] == "4.2"
    found = CalculatorTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path / "work")
    assert np.isfinite(found.energies).all()
    assert str(other_python) not in made.hyperparameters.model_dump_json()


def test_an_interpreter_that_is_gone_is_replaced_by_the_setting_alone(
    prepare, tmp_path, monkeypatch, other_python
):
    folder, _ = prepare("wild:NoStress", python=str(other_python))
    other_python.unlink()
    with (
        pytest.raises(MissingDependencyError, match="TM23_TRAINER_PYTHON_CALCULATOR"),
        model_calculator("calculator", folder, tmp_path / "serve"),
    ):
        pytest.fail("this must not be reached")
    monkeypatch.setenv("TM23_TRAINER_PYTHON_CALCULATOR", sys.executable)
    with model_calculator("calculator", folder, tmp_path / "serve") as calculator:
        assert calculator is not None


def test_the_same_calculator_in_two_interpreters_is_one_model(prepare, other_python):
    _, here = prepare("wild:NoStress")
    _, there = prepare("wild:NoStress", python=str(other_python))
    assert here.hyperparameters == there.hyperparameters


def test_files_travel_with_the_model(prepare, tmp_path):
    (tmp_path / "weights.v1.dat").write_text("0.5")
    kwargs = {"path": str(tmp_path / "weights.v1.dat"), "others": ["cpu", str(tmp_path)]}
    folder, made = prepare("wild:Made.from_file", kwargs=kwargs)
    (name,) = made.hyperparameters.files
    assert set(made.files) == {"calculator.json", "manifest.json", name}
    assert name.endswith("weights.v1.dat")
    assert str(tmp_path) not in str(made.hyperparameters.kwargs["path"])
    (tmp_path / "weights.v1.dat").write_text("0.7")  # the model does not look at it again
    atoms = numbered_frames(1)[0]
    with model_calculator("calculator", folder, tmp_path / "serve") as atoms.calc:
        energy = atoms.get_potential_energy()
    atoms.calc = EMT()
    assert energy - atoms.get_potential_energy() == pytest.approx(0.5, abs=1e-12)
    _, other = prepare("wild:Made.from_file", kwargs=kwargs)
    assert other.hyperparameters != made.hyperparameters

    (folder / next(iter(other.hyperparameters.files))).write_text("0.9")
    with (
        pytest.raises(TrainingError, match="sha256 differs"),
        model_calculator("calculator", folder, tmp_path / "serve"),
    ):
        pytest.fail("this must not be reached")


def test_code_that_has_changed_is_not_run(prepare, wild, tmp_path):
    folder, _ = prepare("wild:NoStress")
    write_module(wild, text=MODULE.replace("VERSION = 1", "VERSION = 2"))
    with (
        pytest.raises(MissingDependencyError, match=r"is not the one that.*register it again"),
        model_calculator("calculator", folder, tmp_path / "serve"),
    ):
        pytest.fail("this must not be reached")


@pytest.mark.parametrize(
    ("calculator", "kwargs", "kind", "why"),
    [
        ("nowhere:Calc", {}, MissingDependencyError, "No module named 'nowhere'"),
        ("wild:Nothing", {}, InputError, "The module wild has no 'Nothing'"),
        ("wild:Bare", {}, InputError, "wild:Bare is no calculator of ASE"),
        ("wild:make_anything", {}, InputError, "is no calculator of ASE.*return annotation"),
        ("os:system", {"command": "true"}, InputError, "os:system is no calculator"),
        ("wild:Picky", {"colour": 1}, InputError, "TypeError.*colour"),
        ("wild:Picky", {"cutoff": 0.1}, InputError, "ValueError: the cutoff is too small"),
        ("wild:Crashing", {}, TrainingError, "exit status 7"),
    ],
    ids=str,
)
def test_what_cannot_be_a_model_is_one_sentence(prepare, calculator, kwargs, kind, why):
    with pytest.raises(kind, match=why) as caught:
        prepare(calculator, kwargs=kwargs)
    assert "\n" not in str(caught.value)


def test_a_function_that_says_what_it_makes_will_do(prepare):
    assert prepare("wild:make_faulty")[1].hyperparameters.calculator == "wild:make_faulty"


@pytest.mark.parametrize(
    "settings", [{"calculator": "EMT"}, {"calculator": "a:b", "give_up_after": 0}, {}], ids=str
)
def test_hyperparameters_are_checked(settings):
    with pytest.raises(InputError):
        get_trainer("calculator").hyperparameters(**settings)


def test_it_is_not_trained(tmp_path):
    trainer = get_trainer("calculator")
    settings = trainer.hyperparameters(calculator="wild:Faulty")
    with pytest.raises(InputError, match="tm23 bench"):
        trainer.train(tmp_path, settings, tmp_path, 0)


def test_only_files_are_taken_for_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("small", "a.pt"):
        Path(name).write_text("x")
    kwargs = {"model": "small", "deep": [{"path": "a.pt"}, "b.pt", 3, None], "folder": "."}
    changed = map_files(kwargs, lambda path: f"<{path}>")
    assert changed == {**kwargs, "deep": [{"path": "<a.pt>"}, "b.pt", 3, None]}
    texts = {"parameters": "Cu 1.0 2.0\n" * 1000, "home": "~nobody.of.this.name/x"}
    assert map_files(texts, lambda path: f"<{path}>") == texts


def test_interpreters_are_found_by_name_or_place(tmp_path, monkeypatch, other_python):
    assert find_interpreter(str(other_python)) == str(other_python)
    monkeypatch.chdir(other_python.parent)
    assert find_interpreter("./python") == str(other_python)
    monkeypatch.setenv("PATH", str(other_python.parent))
    assert find_interpreter("python") == str(other_python)
    with pytest.raises(InputError, match="no interpreter"):
        find_interpreter(str(tmp_path / "python"))


def test_a_description_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "calculator.json").write_text(json.dumps([1]))
    with pytest.raises(TrainingError, match=r"no readable calculator\.json"):
        CalculatorTrainer().opened(tmp_path)
