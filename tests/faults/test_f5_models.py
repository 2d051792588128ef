"""F5 of the fault matrix: trainings that are killed, damaged, out of numbers, or of other data.

The trainer counts; that real ones come out the same is told in tests/trainers.
"""

import json

import pytest
import roads

from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.model import Model
from tm23flows.errors import TM23Error, TrainingError
from tm23flows.jobs.evaluation import evaluate_or_find
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.claims import expire_lost
from tm23flows.store.trainings import fetch_checkpoints, list_trainings
from tm23flows.testing.faults import Fault
from tm23flows.trainers.base import TRAINERS

pytestmark = pytest.mark.filterwarnings("ignore")

KEEP = "tm23flows.store.trainings:keep_checkpoint"


@pytest.fixture(autouse=True)
def _counting(monkeypatch):
    monkeypatch.setitem(TRAINERS, "counting", "roads:CountingTrainer")


@pytest.fixture
def killed(archive, tmp_path):
    """A training that was killed after its third checkpoint; the id of its model."""
    assert roads.walk(roads.model, tmp_path / "first", Fault(at=KEEP, when="after", call=3)) < 0
    (training,) = list_trainings(archive)
    assert training.state == "running"
    assert archive.database["models"].count_documents({}) == 0
    return training.model_id


def begun_at(archive, model_id, folder):
    files = fetch_checkpoints(archive, model_id, folder)
    return [json.loads(one.read_text())["step"] for one in files]


def test_f5_1_a_killed_training_goes_on_from_its_newest_checkpoint(archive, killed, tmp_path):
    assert begun_at(archive, killed, tmp_path / "look") == [3, 2]
    assert roads.walk(roads.model, tmp_path / "second") == 0
    (training,) = list_trainings(archive)
    assert (training.state, training.attempts) == ("done", 2)
    assert archive.get(Model, killed).id == killed


@pytest.mark.parametrize("n_damaged", [1, 2], ids=["the newest", "both"])
def test_f5_2_a_damaged_checkpoint_is_passed_over(archive, killed, tmp_path, n_damaged):
    files = archive.database["checkpoints.files"].find().sort("metadata.step", -1)
    for one in list(files)[:n_damaged]:
        archive.database["checkpoints.chunks"].update_one(
            {"files_id": one["_id"]}, {"$set": {"data": b"{"}}
        )
    assert begun_at(archive, killed, tmp_path / "look") == [2][: 2 - n_damaged]
    assert roads.walk(roads.model, tmp_path / "second") == 0
    assert archive.existing(Model, [killed]) == {killed}


@pytest.mark.parametrize("reason", ["diverged", "out_of_memory"])
def test_f5_3_a_training_without_a_model_says_why_and_can_be_tried_again(
    archive, tmp_path, monkeypatch, reason
):
    def fail(self, *args):
        raise TrainingError("It came to nothing.", reason)

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(roads.CountingTrainer, "train", fail)
        with pytest.raises(TrainingError):
            roads.model()
    (training,) = list_trainings(archive)
    assert (training.state, training.reason) == ("failed", reason)
    assert archive.database["models"].count_documents({}) == 0
    assert archive.database["claims"].find_one({"_id": training.model_id})["state"] == "failed"
    roads.model()
    assert archive.existing(Model, [training.model_id])


def test_f5_4_a_model_whose_file_is_another_one_is_not_measured(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = roads.model()
    chunks, (file,) = archive.database["blobs.chunks"], model.files
    whole = chunks.find_one({"files_id": file.blob})
    chunks.update_one({"_id": whole["_id"]}, {"$set": {"data": b"x" * len(whole["data"])}})
    with pytest.raises(TM23Error, match="damaged"):
        evaluate_or_find(model.id, model.dataset_id, "test", "mean-per-atom")
    assert archive.database["evaluations"].count_documents({}) == 0
    expire_lost(archive)
    assert {one.invariant for one in audit(archive).violations} == {"I2"}
    chunks.replace_one({"_id": whole["_id"]}, whole)
    done = evaluate_or_find(model.id, model.dataset_id, "test", "mean-per-atom")
    assert archive.get(Evaluation, done["evaluation_id"]).model_id == model.id
