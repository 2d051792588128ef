from __future__ import annotations

import json

import numpy as np
import pytest

from tm23flows.errors import TrainingError
from tm23flows.trainers import flare
from tm23flows.trainers.flare import FlareTrainer

pytestmark = pytest.mark.flare


def test_labels_without_a_finite_likelihood_give_no_model(
    dataset_dir, flare_settings, tmp_path, monkeypatch
):
    """The check of the labels happens before the worker; this is what stands behind it."""

    def write_broken(path, frames, labels):
        write(path, frames, labels)
        with np.load(path) as file:
            arrays = dict(file)
        arrays["forces"][0] = np.nan
        np.savez(path, **arrays)

    write = flare.write_frames
    monkeypatch.setattr(flare, "write_frames", write_broken)
    trainer = FlareTrainer()
    with pytest.raises(TrainingError, match="likelihood is not finite"):
        trainer.train(dataset_dir, trainer.hyperparameters(**flare_settings), tmp_path, 0)
    assert not (tmp_path / "model" / "model.json").exists()


def test_the_model_file_holds_what_a_prediction_needs_and_no_code(flare_run):
    model = json.loads((flare_run[0] / "model.json").read_text())
    assert set(model) == {
        "trainer", "settings", "elements", "atom_energies", "sparse_indices", "values",
    }  # fmt: skip
    with np.load(flare_run[0] / "training.npz", allow_pickle=False) as arrays:
        assert {"positions", "cells", "energies", "forces", "stresses"} <= set(arrays.files)
    assert len(model["sparse_indices"]) == 20
