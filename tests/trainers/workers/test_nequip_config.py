from __future__ import annotations

import json
from pathlib import Path

import pytest

from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.workers.nequip_config import make_config


@pytest.fixture
def config(worker_path):
    """A function that makes the whole configuration of NequIP's worker."""
    from nequip_worker import model_config

    def make(**overrides) -> dict:
        settings = NequipTrainer().hyperparameters(**overrides).model_dump()
        model = model_config(settings, ["Cu"], 5)
        return make_config(settings, ["Cu"], 5, Path("/work"), model)

    return make


# what the loop of the training reads itself; its tests are those of the loop
OF_THE_LOOP = {"batch_size", "max_epochs", "max_wall_s", "minimum_learning_rate"}


def test_every_hyperparameter_reaches_the_configuration(config):
    """A setting that changes nothing would be a silent lie in the archive."""
    usual = json.dumps(config())
    other = {
        "cutoff_A": 3.3, "l_max": 3, "n_layers": 5, "n_features": 7, "parity": False,
        "n_bessel": 11, "radial_depth": 4, "radial_width": 33, "precision": "float64",
        "energy_weight": 2.5, "force_weight": 3.5, "stress_weight": 4.5, "learning_rate": 0.003,
        "patience": 13, "ema_decay": 0.5, "network": "paper",
    }  # fmt: skip
    assert set(other) | OF_THE_LOOP == set(NequipTrainer().hyperparameters().model_dump())
    for key, value in other.items():
        assert json.dumps(config(**{key: value})) != usual, key


def test_the_rate_falls_by_four_fifths_on_a_plateau(config):
    scheduler = config()["training_module"]["lr_scheduler"]
    assert scheduler["scheduler"]["_target_"].endswith("ReduceLROnPlateau")
    assert config(patience=7)["training_module"]["lr_scheduler"]["scheduler"]["patience"] == 7
    assert scheduler["scheduler"]["factor"] == pytest.approx(0.2)


def test_the_loss_takes_the_energy_per_atom_and_equal_weights(config):
    loss = config(energy_weight=1, force_weight=1, stress_weight=1)["training_module"]["loss"]
    assert loss["per_atom_energy"] is True
    assert loss["coeffs"] == {"total_energy": 1.0, "forces": 1.0, "stress": 1.0}


def test_the_seed_reaches_the_data_and_the_weights(config):
    made = config()
    assert made["data"]["seed"] == made["training_module"]["model"]["seed"] == 5


def test_without_averaging_the_plain_module_trains(config):
    module = config(ema_decay=0)["training_module"]
    assert module["_target_"] == "nequip.train.NequIPLightningModule"
    assert "ema_decay" not in module
