"""Stored models on the frames of a folder: forces frame by frame, bad ones with a reason."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.rare_event_predictions import predict_folder
from tm23flows.store.exchange.rare_folder import read_rare_events
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events
from tm23flows.trainers.base import Predictions

N_FRAMES = 6


@pytest.fixture
def found(tmp_path):
    frames = []
    for seed in range(N_FRAMES):
        atoms = bulk("Cu", cubic=True) * (1, 1, 2)
        atoms.rattle(0.1, seed=seed)
        forces = np.random.default_rng(seed).normal(0, 1, (len(atoms), 3))
        r = None if seed > 3 else [0.0, *[2.0] * 7]
        labels = {"DFT_K4": forces, "DFT_K1": forces * [1.0, 1.0, -0.5]}
        frames.append(RareFrame(atoms, {"DFT_K4": -1.0}, labels, r, r))
    write_rare_events(tmp_path / "RE", frames, {})
    return read_rare_events(tmp_path / "RE")


def test_a_stored_model_predicts_it_and_bad_frames_are_named(
    archive, found, scaled_trainer, monkeypatch
):
    def predict(self, model_dir, frames_file, workdir):
        forces = [np.ones((8, 3)) for _ in range(N_FRAMES)]
        forces[1] = forces[1] * np.nan
        return Predictions(np.zeros(N_FRAMES), tuple(forces), None, None, {2: "it crashed"})

    monkeypatch.setattr(scaled_trainer, "predict", predict)
    model = Model(
        provenance=Provenance.now(), trainer="scaled", hyperparameters={}, seed=0,
        dataset_id=None, files=(), wall_s=0.0,
    )  # fmt: skip
    forces, failures = predict_folder(archive, model, found)
    assert [one is None for one in forces] == [False, True, True, False, False, False]
    assert failures == {1: "a force is not a finite number", 2: "it crashed"}


def test_a_calculator_from_elsewhere_is_scored(archive, found):
    """The whole way, through the worker of calculators."""
    model = store_calculator(archive, {"calculator": "ase.calculators.emt:EMT"})
    forces, failures = predict_folder(archive, model, found)
    assert failures == {}
    for number, one in enumerate(forces):
        atoms = found.structures[number].copy()
        atoms.calc = EMT()
        # Extended XYZ rounds positions.
        assert one == pytest.approx(atoms.get_forces(), abs=1e-5)
