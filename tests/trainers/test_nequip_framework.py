from __future__ import annotations

import pytest

from tm23flows.errors import InputError
from tm23flows.trainers.flare import FlareTrainer
from tm23flows.trainers.nequip import NequipTrainer


def test_hyperparameters_of_another_trainer_are_refused(dataset_dir, tmp_path):
    with pytest.raises(InputError, match="needs its own hyperparameters"):
        NequipTrainer().train(dataset_dir, FlareTrainer().hyperparameters(), tmp_path, 0)
