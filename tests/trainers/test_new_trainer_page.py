"""docs/tutorials/add_a_trainer.md says what really works: its package is installed, trains and predicts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from tm23flows.errors import InputError, MissingDependencyError, TrainingError
from tm23flows.settings import get_settings
from tm23flows.trainers.base import get_trainer
from tm23flows.trainers.calculator import model_calculator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "add_a_trainer.md"
BLOCKS = dict(re.findall(r"```(?:python|toml)\n# (.+?)\n(.+?)```", PAGE.read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package of the page, installed by pip into a folder of its own."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for title, text in BLOCKS.items():
        if title != "use it":
            (source / title).parent.mkdir(exist_ok=True)
            (source / title).write_text(text)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.fixture
def trainer(installed, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("PYTHONPATH", str(installed))
    return get_trainer("pair")


@pytest.fixture
def model(trainer, dataset_dir, tmp_path) -> Path:
    settings = trainer.hyperparameters(cutoff_A=4.5)
    trainer.train(dataset_dir, settings, tmp_path / "work", 0)
    return tmp_path / "work" / "model"


def test_the_page_has_its_files():
    files = {"trainer.py", "pair_worker.py", "pair_potential.py"}
    assert set(BLOCKS) == {"pyproject.toml", "use it", *(f"tm23_pair/{one}" for one in files)}


def test_the_last_block_runs(trainer, dataset_dir, test_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(dataset_dir, "data")
    shutil.copy(test_file, "data/test.xyz")
    names: dict = {}
    exec(compile(BLOCKS["use it"], str(PAGE), "exec"), names)
    assert capsys.readouterr().out.split()[-1] == "servedcalculator"
    result = names["result"]
    assert set(result.files) == {"model.json", "manifest.json"}
    assert set(result.versions) == {"python", "tm23-pair", "numpy", "ase"}
    assert result.summary["n_frames"] == 20
    progress = json.loads(Path("work/progress.json").read_text())
    assert (progress["step"], progress["of"], progress["unit"]) == (1, 1, "fit")


def test_forces_and_stress_are_derivatives_of_the_energy(
    trainer, model, probes, tmp_path, check_derivatives
):
    check_derivatives(trainer.predict(model, probes[0], tmp_path), tolerance=1e-5)


def test_it_learns_copper(trainer, model, test_file, tmp_path, percent_errors):
    force, stress, energy = percent_errors(trainer.predict(model, test_file, tmp_path))
    assert force < 10
    assert stress < 30
    assert energy < 0.005


def test_it_finds_the_pair_potential_that_made_the_data(trainer, tmp_path, dataset_dir, test_file):
    """Frames labelled by a model of the same form give its coefficients back."""
    settings = trainer.hyperparameters(n_functions=3)
    trainer.train(dataset_dir, settings, tmp_path / "first", 0)
    frames = read(dataset_dir / "train.xyz", index=":")
    with model_calculator("pair", tmp_path / "first" / "model", tmp_path) as calculator:
        for atoms in frames:
            atoms.calc = calculator
            atoms.info["energy"] = atoms.get_potential_energy()
            atoms.info["stress"] = atoms.get_stress()
            atoms.arrays["forces"] = atoms.get_forces()
            atoms.calc = None
    (tmp_path / "again").mkdir()
    write(tmp_path / "again" / "train.xyz", frames, format="extxyz")
    trainer.train(tmp_path / "again", settings, tmp_path / "second", 0)
    first, second = (
        json.loads((tmp_path / name / "model" / "model.json").read_text())["coefficients"]
        for name in ("first", "second")
    )
    assert second == pytest.approx(first, rel=1e-3)


def test_a_served_model_says_what_predictions_say(trainer, model, test_file, tmp_path):
    found = trainer.predict(model, test_file, tmp_path)
    with model_calculator("pair", model, tmp_path) as calculator:
        for i, atoms in enumerate(read(test_file, index=":")):
            atoms.calc = calculator
            assert atoms.get_potential_energy() == found.energies[i]
            assert np.array_equal(atoms.get_forces(), found.forces[i])
            assert np.array_equal(atoms.get_stress(), found.stresses[i])


def test_the_same_training_gives_the_same_model(trainer, model, dataset_dir, tmp_path):
    trainer.train(dataset_dir, trainer.hyperparameters(cutoff_A=4.5), tmp_path / "again", 0)
    assert (tmp_path / "again" / "model" / "model.json").read_bytes() == (
        model / "model.json"
    ).read_bytes()


def test_what_cannot_be_is_refused(trainer, model, dataset_dir, test_frames, tmp_path):
    with pytest.raises(InputError, match="pair has no hyperparameter 'colour'"):
        trainer.hyperparameters(colour=1)
    mixed = read(dataset_dir / "train.xyz", index=":")
    mixed[0].numbers[0] = 79
    write(tmp_path / "train.xyz", mixed, format="extxyz")
    with pytest.raises(InputError, match="for one element"):
        trainer.train(tmp_path, trainer.hyperparameters(), tmp_path, 0)
    gold = Atoms("Au7", test_frames[0].positions, cell=test_frames[0].cell, pbc=True)
    write(tmp_path / "gold.xyz", gold, format="extxyz")
    with pytest.raises(InputError, match="atomic number 79"):
        trainer.predict(model, tmp_path / "gold.xyz", tmp_path)
    (model / "model.json").write_text((model / "model.json").read_text() + " ")
    with pytest.raises(TrainingError, match="sha256 differs"):
        trainer.predict(model, tmp_path / "gold.xyz", tmp_path)


def test_a_variable_names_its_interpreter(trainer, dataset_dir, tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("TM23_TRAINER_PYTHON_PAIR", "/nowhere/python")
    get_settings()
    assert not [one for one in recwarn if "names no setting" in str(one.message)]
    with pytest.raises(MissingDependencyError, match="TM23_TRAINER_PYTHON_PAIR"):
        trainer.train(dataset_dir, trainer.hyperparameters(), tmp_path, 0)


def test_an_installed_trainer_is_listed_and_a_broken_one_named(trainer, installed, monkeypatch):
    with pytest.raises(InputError, match="allegro, pair"):
        get_trainer("oracle")
    monkeypatch.delitem(sys.modules, "tm23_pair.trainer")
    (installed / "tm23_pair" / "trainer.py").rename(installed / "trainer.away")
    try:
        with pytest.raises(MissingDependencyError, match=r"'pair' is installed.*install its pack"):
            get_trainer("pair")
    finally:
        (installed / "trainer.away").rename(installed / "tm23_pair" / "trainer.py")
