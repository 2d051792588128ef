"""The job that measures: against the labels, group by group, once."""

from pathlib import Path

import numpy as np
import pytest
from jobflow import CURRENT_JOB
from pymongo.errors import AutoReconnect

from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.label import Label
from tm23flows.errors import (
    DatabaseError,
    InputError,
    NotFoundError,
    OutOfTimeError,
    ResultsKeptError,
)
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.model import train_model
from tm23flows.store.blobs import Blobs
from tm23flows.store.outbox import commit, pending

REFERENCE = "mean-per-atom"


@pytest.fixture
def model_id(emt_copy, constant_trainer):
    dataset = emt_copy.dataset("Cu-demo")
    return train_model.original(dataset.id, "constant", {}, 0, "train")["model_id"]


def evaluate(archive, model_id, part="test", reference=REFERENCE):
    dataset = archive.dataset("Cu-demo")
    return evaluate_model.original(model_id, dataset.id, part, reference)


def test_errors_are_those_of_the_labels(emt_copy, model_id):
    out = evaluate(emt_copy, model_id)
    evaluation = emt_copy.get(Evaluation, out["evaluation_id"])
    labels = emt_copy.get_many(Label, emt_copy.dataset("Cu-demo").parts["test"])
    assert [(one.group, one.n_frames) for one in evaluation.errors] == [
        ("all", 6), ("cold", 2), ("warm", 2), ("melt", 2),
    ]  # fmt: skip
    for group in evaluation.errors:
        chosen = [one for one in labels if group.group in ("all", one.regime)]
        forces = np.concatenate([one.forces.ravel() for one in chosen])
        # The model predicts no forces and no stress: its error is their magnitude.
        assert group.force.mae == pytest.approx(np.abs(forces).mean())
        assert group.force.rmse == pytest.approx(np.sqrt((forces**2).mean()))
        assert group.force.percent == pytest.approx(100)
        assert group.stress.percent == pytest.approx(100)
    assert out["force_percent_error"] == pytest.approx(100)


def test_predictions_wait_in_the_outbox_where_the_database_is_away(
    emt_copy, model_id, constant_trainer, monkeypatch, tmp_path
):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")

    def away(*_args):
        raise AutoReconnect("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "put", away)
        with pytest.raises(ResultsKeptError):
            evaluate(emt_copy, model_id)
    (kept,) = pending(tmp_path / "outbox")
    commit(emt_copy, kept)
    monkeypatch.setattr(constant_trainer, "predict", lambda *_args: pytest.fail("computed again"))
    out = evaluate(emt_copy, model_id)
    evaluation = emt_copy.get(Evaluation, out["evaluation_id"])
    assert len(emt_copy.blobs.get_arrays(evaluation.predictions)["label_id"]) == 6


def test_predictions_are_kept_frame_by_frame(emt_copy, model_id):
    evaluation = emt_copy.get(Evaluation, evaluate(emt_copy, model_id)["evaluation_id"])
    kept = emt_copy.blobs.get_arrays(evaluation.predictions)
    assert tuple(kept["label_id"]) == emt_copy.dataset("Cu-demo").parts["test"]
    assert kept["n_atoms"].tolist() == [7] * 6
    assert kept["forces"].shape == (42, 3)
    assert kept["stress"].shape == (6, 6)
    assert len(set(kept["energy"])) == 1
    assert "uncertainty" not in kept


@pytest.mark.parametrize("name", ["../evil.json", "/tmp/evil.json"])
def test_files_of_a_model_do_not_leave_its_folder(name, emt_copy, model_id):
    change = {"$set": {"files.0.name": name}}
    emt_copy.database["models"].update_one({"_id": model_id}, change)
    with pytest.raises(DatabaseError, match="which is not written"):
        evaluate(emt_copy, model_id)
    assert not Path("/tmp/evil.json").exists()


def test_files_of_a_model_may_lie_in_folders_of_it(
    emt_copy, model_id, constant_trainer, monkeypatch
):
    change = {"$set": {"files.0.name": "deep/constant.json"}}
    emt_copy.database["models"].update_one({"_id": model_id}, change)
    real = constant_trainer.predict
    monkeypatch.setattr(
        constant_trainer, "predict", lambda self, model, *rest: real(self, model / "deep", *rest)
    )
    assert evaluate(emt_copy, model_id)["evaluation_id"]


def test_a_model_is_measured_once_for_each_question(emt_copy, model_id, constant_trainer):
    first = evaluate(emt_copy, model_id)
    constant_trainer.predict, predict = None, constant_trainer.predict
    try:
        assert evaluate(emt_copy, model_id) == first  # nothing is predicted again
    finally:
        constant_trainer.predict = predict
    others = [evaluate(emt_copy, model_id, "train"), evaluate(emt_copy, model_id, reference="none")]
    assert len({one["evaluation_id"] for one in [first, *others]}) == 3


def test_an_evaluation_has_a_whole_past(emt_copy, model_id):
    trace = emt_copy.trace(evaluate(emt_copy, model_id)["evaluation_id"])
    assert trace.complete
    assert [level.collection for level in trace.levels] == [
        "evaluations", "models", "datasets", "labels", "frames", "trajectories", "structures",
    ]  # fmt: skip
    assert trace.levels[1].shown[0].software["constant"] == "1.2.3"


def test_a_model_whose_file_is_gone_is_not_measured(emt_copy, model_id):
    emt_copy.database["blobs"].files.delete_many({"filename": None})
    with pytest.raises(NotFoundError, match="blob"):
        evaluate(emt_copy, model_id)
    assert emt_copy.database["evaluations"].count_documents({}) == 0


def test_a_model_that_was_not_trained_is_said(emt_copy):
    with pytest.raises(InputError, match="its training failed"):
        evaluate_model.original(None, "d" * 64, "test", "mean-per-atom")


def test_a_worker_that_must_stop_gives_the_evaluation_back(
    emt_copy, model_id, constant_trainer, monkeypatch
):
    def stopped(*_args, **_more):
        raise OutOfTimeError("told to stop")

    dataset = emt_copy.dataset("Cu-demo")
    again = evaluate_model(model_id, dataset.id, "test", REFERENCE)
    with monkeypatch.context() as patch:
        patch.setattr(CURRENT_JOB, "job", again)
        patch.setattr(constant_trainer, "predict", stopped)
        out = evaluate(emt_copy, model_id)
    assert out.detour.function_args == again.function_args
    key = out.output["evaluation_id"]
    assert emt_copy.database["claims"].find_one({"_id": key})["state"] == "stopped"
    assert evaluate(emt_copy, model_id)["evaluation_id"] == key
