"""Frames of an evaluation: read from blobs or from labels, matched by identity, ordered in time."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.errors import DatabaseError
from tm23flows.jobs.evaluation import evaluation_of
from tm23flows.store.predictions import read_predictions
from tm23flows.trainers.base import Predictions

STEPS = [31, 11, 21, 12, 22]
REGIMES = ["cold", "melt", "melt", "cold", None]


@pytest.fixture
def stored(archive, make_frame, make_label):
    """Five frames of three runs, out of order; the model fails on the one at step 21."""
    frames = [
        make_frame(seed=i, step=step, regime=regime, origin=regime or "a file")
        for i, (step, regime) in enumerate(zip(STEPS, REGIMES, strict=True))
    ]
    labels = [make_label(one, trajectory_id=one.regime) for one in frames]
    dataset = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"test": [one.id for one in labels]},
        rule="full",
        query={},
        energy="sigma0",
    )
    model = Model(
        provenance=Provenance.now({"x": "1"}), trainer="flare", hyperparameters={}, seed=0,
        dataset_id=dataset.id, files=(), wall_s=0.0,
    )  # fmt: skip
    archive.put(*frames, *labels, dataset, model)
    predictions = Predictions(
        energies=np.arange(5.0),
        forces=tuple(one.forces + i for i, one in enumerate(labels)),
        stresses=None,
        uncertainties=None,
        failures={2: "it crashed"},
    )
    made = evaluation_of(archive, model, dataset, "test", "mean-per-atom", labels, predictions)
    return archive, labels, made


ORDER = [3, 0, 1, 4]
"""Places of the predicted frames: run by run, in time."""


def check(frames, labels):
    assert list(frames.label_ids) == [labels[i].id for i in ORDER]
    assert frames.groups == ("cold", "cold", "melt", "other")
    assert frames.runs == (("cold", "cold"), ("cold", "cold"), ("melt", "melt"), ("", "other"))
    assert frames.predicted.energies_eV.tolist() == ORDER
    off = (frames.predicted.forces_eV_per_A - frames.reference.forces_eV_per_A).reshape(-1, 2, 3)
    assert off[:, 0, 0].tolist() == pytest.approx(ORDER)
    energies = [labels[i].energies.sigma0 for i in ORDER]
    assert frames.reference.energies_eV.tolist() == pytest.approx(energies)
    assert frames.reference.stresses_eV_per_A3 == pytest.approx(np.tile(np.arange(6) / 7, (4, 1)))
    assert frames.predicted.stresses_eV_per_A3 is None
    assert frames.n_failed == 1


def test_frames_are_matched_by_their_labels_and_ordered_in_time(stored):
    archive, labels, evaluation = stored
    archive.database["labels"].delete_many({})  # no label is read
    check(read_predictions(archive, evaluation), labels)


def test_labels_stand_in_for_what_older_programs_did_not_keep(stored):
    archive, labels, evaluation = stored
    old = evaluation.model_copy(update={"reference": None})
    check(read_predictions(archive, old), labels)


def test_labels_are_read_once_for_all_evaluations_on_a_part(stored, monkeypatch):
    archive, _, evaluation = stored
    known = {}
    first = read_predictions(archive, evaluation, known)
    read = []
    real = archive.blobs.get_arrays
    monkeypatch.setattr(archive.blobs, "get_arrays", lambda key: read.append(key) or real(key))
    again = read_predictions(archive, evaluation, known)
    assert read == [evaluation.predictions]
    assert again.label_ids == first.label_ids


def test_frames_are_chosen_by_their_labels(stored):
    archive, labels, evaluation = stored
    chosen = read_predictions(archive, evaluation).only([labels[4].id, labels[3].id, "nothing"])
    assert list(chosen.label_ids) == [labels[3].id, labels[4].id]
    assert chosen.predicted.forces_eV_per_A.shape == (4, 3)
    off = chosen.predicted.forces_eV_per_A - chosen.reference.forces_eV_per_A
    assert off[:, 0].tolist() == pytest.approx([3, 3, 4, 4])
    assert chosen.groups == ("cold", "other")


def test_a_prediction_of_something_else_is_refused(stored):
    archive, _, evaluation = stored
    arrays = archive.blobs.get_arrays(evaluation.predictions)
    arrays["label_id"] = np.array(["0" * 64, *arrays["label_id"][1:]])
    wrong = evaluation.model_copy(update={"predictions": archive.blobs.put_arrays(**arrays)})
    with pytest.raises(DatabaseError, match="not among those"):
        read_predictions(archive, wrong)
