"""The job that trains: once for each thing that makes a model, and honest when it fails."""

import json

import numpy as np
import pytest
from ase.io import read
from jobflow import CURRENT_JOB

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, NotFoundError, OutOfTimeError, TrainingError
from tm23flows.jobs.model import Wanted, make_model, train_model, write_part
from tm23flows.store.trainings import (
    begin_training,
    keep_checkpoint,
    list_trainings,
    newest_step,
)
from tm23flows.trainers.base import TrainResult, get_trainer

train = train_model.original


@pytest.fixture
def dataset(emt_copy):
    return emt_copy.dataset("Cu-demo")


def test_a_model_is_stored_with_its_files_and_its_past(emt_copy, dataset, constant_trainer):
    out = train(dataset.id, "constant", {"offset_eV": 1.0}, 7, "train")
    model = emt_copy.get(Model, out["model_id"])
    assert out["summary"] == {"frames": 18}
    assert model.hyperparameters == {"offset_eV": 1.0, "fail": False}  # the defaults, too
    assert (model.seed, model.part, model.dataset_id) == (7, "train", dataset.id)
    assert model.provenance.software["constant"] == "1.2.3"
    (file,) = model.files
    assert json.loads(emt_copy.blobs.get(file.blob))["seed"] == 7
    assert emt_copy.trace(model.id).complete


def test_the_same_model_is_trained_once(emt_copy, dataset, constant_trainer):
    first = train(dataset.id, "constant", {}, 0, "train")
    assert train(dataset.id, "constant", {"offset_eV": 0.0}, 0, "train") == first
    assert constant_trainer.trainings == 1
    for other in ({"offset_eV": 2.0}, 0, "train"), ({}, 1, "train"), ({}, 0, "test"):
        assert train(dataset.id, "constant", *other)["model_id"] != first["model_id"]
    assert emt_copy.database["models"].count_documents({}) == 4


def test_a_worker_killed_after_it_stored_the_model_leaves_nothing_behind(
    emt_copy, dataset, constant_trainer, tmp_path
):
    key = train(dataset.id, "constant", {}, 0, "train")["model_id"]
    (tmp_path / "1.npz").write_bytes(b"state")
    begin_training(emt_copy, key, {"trainer": "constant"}, "here")
    keep_checkpoint(emt_copy, key, tmp_path / "1.npz", bytes_id(b"state"), 1, 1.0)
    train(dataset.id, "constant", {}, 0, "train")
    assert [one.state for one in list_trainings(emt_copy)] == ["done"]
    assert newest_step(emt_copy, key) == 0


def test_a_trainer_validates_on_the_part_that_the_dataset_has_for_it(
    emt_copy, dataset, constant_trainer, monkeypatch
):
    parts = {
        "train": dataset.parts["train"][:9],
        "validation": dataset.parts["train"][9:12],
        "test": dataset.parts["test"],
    }
    other = Dataset(provenance=Provenance.now(), element="Cu", parts=parts, rule="given", query={})
    emt_copy.put(other)
    seen, real = [], constant_trainer.train

    def look(self, dataset_dir, *rest):
        seen.append({one.stem: len(read(one, ":")) for one in dataset_dir.iterdir()})
        return real(self, dataset_dir, *rest)

    monkeypatch.setattr(constant_trainer, "train", look)
    for name, part in ((other.id, "train"), (other.id, "validation"), (dataset.id, "train")):
        train(name, "constant", {}, 0, part)
    assert seen == [{"train": 9, "validation": 3}, {"train": 3}, {"train": 18}]


def test_a_training_that_fails_leaves_no_model_but_its_folder(
    emt_copy, dataset, constant_trainer, tmp_path
):
    with pytest.raises(TrainingError):
        train(dataset.id, "constant", {"fail": True}, 0, "train")
    assert emt_copy.database["models"].count_documents({}) == 0
    (folder,) = tmp_path.glob("constant-*")
    assert (folder / "data" / "train.xyz").is_file()


def test_a_training_that_ends_leaves_no_folder(dataset, constant_trainer, tmp_path):
    train(dataset.id, "constant", {}, 0, "train")
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_part_holds_its_labels_in_order(emt_copy, dataset, tmp_path):
    path = tmp_path / "deep" / "test.xyz"
    labels = write_part(emt_copy, dataset, "test", path)
    assert tuple(label.id for label in labels) == dataset.parts["test"]
    frames = read(path, ":")
    for atoms, label in zip(frames, labels, strict=True):
        assert atoms.get_potential_energy() == label.energies.free
        assert (atoms.get_forces() == label.forces).all()
        assert (atoms.positions == emt_copy.get(Frame, label.frame_id).positions).all()


def test_the_policy_of_the_dataset_chooses_the_energy(emt_copy, dataset, tmp_path):
    label_id = dataset.parts["test"][0]
    # Without its checksum, or the label would be refused.
    change = {"$set": {"energies.sigma0": 123.0}, "$unset": {"checksum": 1}}
    emt_copy.database["labels"].update_one({"_id": label_id}, change)
    other = dataset.model_copy(update={"energy": "sigma0"})
    write_part(emt_copy, other, "test", tmp_path / "x.xyz")
    assert read(tmp_path / "x.xyz", 0).get_potential_energy() == 123.0


def test_what_cannot_be_trained_is_one_sentence(emt_copy, dataset, constant_trainer):
    del constant_trainer
    with pytest.raises(InputError, match="no part 'validation'; it has train, test"):
        train(dataset.id, "constant", {}, 0, "validation")
    with pytest.raises(InputError, match="no trainer 'mace'"):
        train(dataset.id, "mace", {}, 0, "train")
    emt_copy.database["labels"].delete_one({"_id": dataset.parts["train"][0]})
    with pytest.raises(NotFoundError, match="labels are not in the archive"):
        train(dataset.id, "constant", {}, 0, "train")
    assert isinstance(emt_copy.get(Label, dataset.parts["test"][0]), Label)


def test_a_training_that_runs_out_of_time_goes_on_in_a_job_of_its_own(
    emt_copy, dataset, constant_trainer, monkeypatch
):
    def no_time(*_, **__):
        raise OutOfTimeError("asked to stop")

    monkeypatch.setattr(constant_trainer, "train", no_time)
    monkeypatch.setattr(CURRENT_JOB, "job", train_model(dataset.id, "constant", {}, 0, "train"))
    response = train(dataset.id, "constant", {}, 0, "train")
    assert response.detour.name == "train_model"
    assert response.detour.function_args == (dataset.id, "constant", {}, 0, "train")
    claim = emt_copy.database["claims"].find_one({"_id": response.output["model_id"]})
    assert (claim["state"], claim["fruitless"]) == ("stopped", 1)  # this worker came no further
    assert emt_copy.database["models"].count_documents({}) == 0
    monkeypatch.undo()


def test_a_long_history_is_whole_in_a_blob_and_thin_in_the_document(
    emt_copy, dataset, constant_trainer
):
    wanted = Wanted(dataset.id, "constant", get_trainer("constant").hyperparameters(), 0, "train")
    rows = [{"epoch": float(i), **({"loss": 1 / (i + 1)} if i % 2 else {})} for i in range(2501)]
    model = make_model(emt_copy, wanted, TrainResult({}, rows, {}, {}, 1.0))
    emt_copy.put(model)
    assert len(model.history) <= 1000
    assert model.history[-1] == rows[-1]
    whole = emt_copy.blobs.get_arrays(model.full_history)
    assert whole["epoch"].tolist() == list(range(2501))
    assert np.isnan(whole["loss"][0])
    assert whole["loss"][1] == rows[1]["loss"]
    assert emt_copy.trace(model.id).complete
