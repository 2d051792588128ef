from __future__ import annotations

import numpy as np
import pytest
from ase.io import read

from tm23flows.errors import InputError
from tm23flows.trainers.allegro import AllegroTrainer
from tm23flows.trainers.base import get_trainer
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
    "ema_decay": 0,
    "batch_size": 2,
    "max_epochs": 20,
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


def test_a_trained_model_predicts_copper(predicted, percent_errors):
    force, _, energy = percent_errors(predicted)
    assert force < 40
    assert energy < 0.05


def test_the_result_accounts_for_the_training(run):
    result = run[1]
    assert set(result.files) == {"model.json", "best.ckpt", "manifest.json"}
    assert result.versions["nequip-allegro"].startswith("0.8")
    assert len(result.history) == 20
    assert result.history[-1]["training_loss"] < 0.5 * result.history[0]["training_loss"]
    assert result.summary["n_weights"] > 500


def test_forces_and_stress_are_derivatives_of_the_energy(run, probes, tmp_path, check_derivatives):
    check_derivatives(AllegroTrainer().predict(run[0], probes[0], tmp_path), tolerance=1e-4)


def test_the_model_is_strictly_local(run, test_frames, tmp_path):
    """An atom beyond the cutoff of every neighbour is not felt, which messages would bring."""
    atoms = test_frames[0].repeat((6, 1, 1))
    with model_calculator("allegro", run[0], tmp_path) as atoms.calc:
        before = atoms.get_forces()[0]
        distances = atoms.get_distances(0, range(len(atoms)), mic=True)
        # force on an atom: pairs of the atom and of its neighbours, so two cutoffs
        far = int(np.argmax(distances))
        assert distances[far] > 8.0 + 0.3
        atoms.positions[far] += 0.05
        assert np.abs(atoms.get_forces()[0] - before).max() < 1e-10


def test_a_served_model_says_what_predictions_say(run, predicted, test_file, tmp_path):
    frames = read(test_file, index=":")
    with model_calculator("allegro", run[0], tmp_path) as calculator:
        for i, atoms in enumerate(frames):
            atoms.calc = calculator
            assert atoms.get_potential_energy() == pytest.approx(predicted.energies[i], abs=1e-10)
            assert atoms.get_forces() == pytest.approx(predicted.forces[i], abs=1e-10)
            assert atoms.get_stress() == pytest.approx(predicted.stresses[i], abs=1e-10)


def test_it_is_found_by_its_name_and_refuses_the_settings_of_another(tmp_path):
    trainer = get_trainer("allegro")
    assert trainer.hyperparameters(l_max="2").l_max == 2
    with pytest.raises(InputError, match="allegro has no hyperparameter 'n_features'"):
        trainer.hyperparameters(n_features=3)
    other = get_trainer("nequip").hyperparameters()
    with pytest.raises(InputError, match="its own hyperparameters"):
        trainer.train(tmp_path, other, tmp_path, 0)
