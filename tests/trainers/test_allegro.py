from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.flows.model import ModelMaker
from tm23flows.store.exchange.models import export_model
from tm23flows.trainers.allegro import AllegroTrainer
from tm23flows.trainers.base import Course, Predictions, get_trainer
from tm23flows.trainers.calculator import model_calculator

pytestmark = [pytest.mark.nequip, pytest.mark.slow]

SMALL = {
    "cutoff_A": 4.0,
    "l_max": 1,
    "n_layers": 1,
    "n_scalar_features": 16,
    "n_tensor_features": 4,
    "embedding_width": 16,
    "latent_width": 16,
    "readout_width": 8,
    "precision": "float64",
    "batch_size": 2,
    "max_epochs": 12,
    "max_wall_s": 1000,
}


@pytest.fixture(scope="module")
def run(dataset_dir, tmp_path_factory, _session_settings):
    trainer, workdir = AllegroTrainer(), tmp_path_factory.mktemp("allegro")
    settings = trainer.hyperparameters(**SMALL)
    return workdir / "model", trainer.train(dataset_dir, settings, workdir, seed=3)


@pytest.fixture(scope="module")
def predicted(run, test_file, tmp_path_factory):
    return AllegroTrainer().predict(run[0], test_file, tmp_path_factory.mktemp("predict"))


@pytest.fixture(scope="module")
def served(run, tmp_path_factory):
    with model_calculator("allegro", run[0], tmp_path_factory.mktemp("serve")) as calculator:
        yield calculator


def test_a_trained_model_predicts_copper(predicted, percent_errors):
    force, _, energy = percent_errors(predicted)
    assert force < 50
    assert energy < 0.05


def test_the_result_accounts_for_the_training(run):
    result = run[1]
    assert set(result.files) == {"model.json", "best.ckpt", "manifest.json"}
    assert result.versions["nequip-allegro"].startswith("0.8")
    assert len(result.history) == 12
    assert result.history[-1]["training_loss"] < 0.5 * result.history[0]["training_loss"]
    assert result.summary["n_weights"] > 500


def test_forces_and_stress_are_derivatives_of_the_energy(served, probes, check_derivatives):
    rows = []
    for atoms in read(probes[0], index=":"):
        atoms.calc = served
        rows.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()))
    energies, forces, stresses = zip(*rows, strict=True)
    found = Predictions(np.array(energies), forces, np.array(stresses), None)
    check_derivatives(found, tolerance=1e-4)


def test_the_model_is_strictly_local(served, test_frames):
    """Beyond the neighbours of its neighbours nothing is felt, however many layers there are."""
    atoms = test_frames[0].repeat((6, 1, 1))
    atoms.calc = served
    before = atoms.get_forces()[0]
    distances = atoms.get_distances(0, range(len(atoms)), mic=True)
    near, far = int(np.argmin(distances[1:])) + 1, int(np.argmax(distances))
    assert distances[far] > 2 * SMALL["cutoff_A"] + 0.3
    atoms.positions[far] += 0.05
    assert np.abs(atoms.get_forces()[0] - before).max() < 1e-10
    atoms.positions[near] += 0.05
    assert np.abs(atoms.get_forces()[0] - before).max() > 1e-4


def test_a_served_model_says_what_predictions_say(served, predicted, test_file):
    for i, atoms in enumerate(read(test_file, index=":")):
        atoms.calc = served
        assert atoms.get_potential_energy() == pytest.approx(predicted.energies[i], abs=1e-10)
        assert atoms.get_forces() == pytest.approx(predicted.forces[i], abs=1e-10)
        assert atoms.get_stress() == pytest.approx(predicted.stresses[i], abs=1e-10)


def test_a_training_that_was_stopped_goes_on_to_the_same_model(run, dataset_dir, tmp_path):
    trainer = AllegroTrainer()
    settings = trainer.hyperparameters(**SMALL)
    stop = Course(look=lambda _folder: True)
    with pytest.raises(OutOfTimeError):
        trainer.train(dataset_dir, settings, tmp_path / "first", 3, stop)
    kept = sorted((tmp_path / "first" / "checkpoints").glob("*.ckpt"), reverse=True)
    course = Course(resume=tuple(kept))
    result = trainer.train(dataset_dir, settings, tmp_path / "second", 3, course)
    assert result.summary["resumed_from"] > 0
    assert result.summary["checkpoints_refused"] == 0
    assert result.history == run[1].history


def test_the_road_trains_measures_and_exports_it(emt_copy, run_flow, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = emt_copy.dataset("Cu-demo")
    few = SMALL | {"max_epochs": 2}
    run_flow(ModelMaker(trainer="allegro", hyperparameters=few).make(dataset.id, "Cu"))
    evaluation = emt_copy.read(Evaluation, emt_copy.database["evaluations"].find_one())
    export_model(emt_copy, evaluation.model_id, tmp_path / "model")
    stored = emt_copy.blobs.get_arrays(evaluation.predictions)
    labels = emt_copy.get_many(Label, stored["label_id"].tolist())
    frames = emt_copy.get_many(Frame, [label.frame_id for label in labels])
    assert len(frames) == len(dataset.parts["test"])
    with model_calculator("allegro", tmp_path / "model", tmp_path / "work") as calculator:
        for frame, energy in zip(frames, stored["energy"], strict=True):
            atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True)
            atoms.calc = calculator
            # frames pass through extended XYZ on the way to an evaluation: 8 decimals
            assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-6)


def test_it_is_found_by_its_name_and_refuses_the_settings_of_another(tmp_path):
    trainer = get_trainer("allegro")
    assert trainer.hyperparameters(l_max="2").l_max == 2
    with pytest.raises(InputError, match="allegro has no hyperparameter 'n_features'"):
        trainer.hyperparameters(n_features=3)
    other = get_trainer("nequip").hyperparameters()
    with pytest.raises(InputError, match="its own hyperparameters"):
        trainer.train(tmp_path, other, tmp_path, 0)


def test_its_weights_are_counted_without_training(run, tmp_path):
    trainer = AllegroTrainer()
    settings = trainer.hyperparameters(**SMALL)
    (counts,) = trainer.count_weights([settings], [29], tmp_path)
    assert sum(counts.values()) == run[1].summary["n_weights"]
