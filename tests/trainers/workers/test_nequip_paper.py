from __future__ import annotations

import pytest

from tm23flows.errors import InputError
from tm23flows.trainers.nequip import NequipTrainer, paper_network

pytestmark = [pytest.mark.nequip, pytest.mark.slow]

SMALL = {"n_features": 4, "n_layers": 2, "radial_width": 8, "max_epochs": 2, "cutoff_A": 4.0}


def test_the_network_of_the_paper_trains_and_its_derivatives_agree(
    dataset_dir, probes, tmp_path, check_derivatives
):
    trainer = NequipTrainer()
    changes = paper_network(1) | SMALL | {"precision": "float64", "max_wall_s": 1000}
    result = trainer.train(dataset_dir, trainer.hyperparameters(**changes), tmp_path, 0)
    assert result.history[1]["training_loss"] < result.history[0]["training_loss"]
    found = trainer.predict(tmp_path / "model", probes[0], tmp_path / "predict")
    check_derivatives(found, tolerance=2e-5)


def test_the_multiplicity_follows_from_the_order():
    made = [paper_network(order)["n_features"] for order in range(6)]
    assert made == [64, 32, 16, 8, 4, 2]
    with pytest.raises(InputError, match="l_max 6"):
        paper_network(6)
