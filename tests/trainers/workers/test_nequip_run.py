from __future__ import annotations

import os
import pickle
import shutil

import pytest

from tm23flows.errors import InputError, TrainingError
from tm23flows.trainers import prediction
from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.nequip_framework import CHECKPOINT

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


class Trap:
    """Code that runs when it is loaded."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_the_worker_refuses_a_checkpoint_that_changes_after_the_check(
    nequip_run, test_file, tmp_path, monkeypatch
):
    shutil.copytree(nequip_run[0], tmp_path / "model")

    def check_then_swap(folder, names):
        sums = check(folder, names)
        (folder / CHECKPOINT).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
        return sums

    check = prediction.check_manifest
    monkeypatch.setattr(prediction, "check_manifest", check_then_swap)
    with pytest.raises(TrainingError, match="its sha256 differs"):
        NequipTrainer().predict(tmp_path / "model", test_file, tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("device", ["tpu", "cuda"])
def test_a_device_that_is_not_there_is_refused(
    nequip_run, test_file, tmp_path, monkeypatch, device
):
    if device == "cuda":
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a CUDA device here")
    monkeypatch.setenv("TM23_TRAINER_DEVICE", device)
    with pytest.raises(InputError, match="TM23_TRAINER_DEVICE"):
        NequipTrainer().predict(nequip_run[0], test_file, tmp_path)
