"""Several models in one go: what has to be true of the datasets, and that nothing is done twice."""

import pytest
from jobflow import CURRENT_JOB

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, OutOfTimeError
from tm23flows.jobs.model import train_model
from tm23flows.jobs.model_sizes import train_sizes
from tm23flows.store.trainings import begin_training, list_trainings
from tm23flows.trainers.workers import worker_io

grow = train_sizes.original


@pytest.fixture
def nested(emt_copy):
    """Datasets of 4, 8 and 12 training frames, each the beginning of the next."""
    whole = emt_copy.dataset("Cu-demo")
    made = []
    for size in (4, 8, 12):
        parts = {"train": whole.parts["train"][:size], "test": whole.parts["test"]}
        dataset = Dataset(
            provenance=Provenance.now(), element="Cu", parts=parts, rule="learning-curve", query={}
        )
        emt_copy.put(dataset)
        made.append(dataset.id)
    return made


@pytest.fixture
def growing(constant_trainer, monkeypatch):
    """The constant trainer, as one that can grow; it says which sizes it was asked for."""
    asked = []

    def train_together(self, dataset_dir, hyperparameters, workdir, seed, sizes, course=None):
        asked.append(list(sizes))
        return {
            size: self.train(dataset_dir, hyperparameters, workdir / str(size), seed)
            for size in sizes
        }

    monkeypatch.setattr(constant_trainer, "train_sizes", train_together, raising=False)
    return asked


def test_models_come_in_the_order_of_the_datasets(emt_copy, nested, growing):
    turned = [nested[2], nested[0], nested[1]]
    out = grow(turned, "constant", {}, 0, "train")
    models = [emt_copy.get(Model, one) for one in out["model_ids"]]
    assert [one.dataset_id for one in models] == turned
    assert growing == [[4, 8, 12]]


def test_nothing_is_trained_twice_and_sizes_may_be_added(emt_copy, nested, growing):
    alone = train_model.original(nested[1], "constant", {}, 0, "train")["model_id"]
    first = grow(nested[:2], "constant", {}, 0, "train")["model_ids"]
    assert first[1] == alone  # the same as if trained alone
    more = grow(nested, "constant", {}, 0, "train")["model_ids"]
    assert more[:2] == first
    assert growing == [[4], [12]]


def test_a_worker_killed_after_it_stored_the_models_leaves_nothing_behind(
    emt_copy, nested, growing
):
    ids = grow(nested, "constant", {}, 0, "train")["model_ids"]
    begin_training(emt_copy, ids[-1], {"trainer": "constant"}, "here")
    grow(nested, "constant", {}, 0, "train")
    assert [one.state for one in list_trainings(emt_copy)] == ["done"]


@pytest.mark.parametrize(("step", "fruitless"), [(0, 1), (7, 0)])
def test_one_that_was_stopped_goes_on_in_a_detour(
    emt_copy, nested, growing, constant_trainer, monkeypatch, step, fruitless
):
    def stop(self, dataset_dir, hyperparameters, workdir, seed, sizes, course=None):
        if step:
            workdir.mkdir()
            (workdir / "state.npz").write_bytes(b"state")
            worker_io.keep_checkpoint(workdir, workdir / "state.npz", step, 1.0)
            course.look(workdir)
        raise OutOfTimeError("asked to stop")

    arguments = (nested, "constant", {}, 0, "train")
    monkeypatch.setattr(constant_trainer, "train_sizes", stop)
    monkeypatch.setattr(CURRENT_JOB, "job", train_sizes(*arguments))
    response = grow(*arguments)
    assert response.detour.name == "train_sizes"
    assert response.detour.function_args == arguments
    claim = emt_copy.database["claims"].find_one({"_id": response.output["model_ids"][-1]})
    assert (claim["state"], claim["fruitless"]) == ("stopped", fruitless)
    assert len(response.output["model_ids"]) == 3
    assert emt_copy.database["models"].count_documents({}) == 0


def test_datasets_must_contain_each_other(emt_copy, nested, growing):
    whole = emt_copy.dataset("Cu-demo")
    other = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"train": whole.parts["train"][1:7], "test": whole.parts["test"]},
        rule="given",
        query={},
    )
    emt_copy.put(other)
    for wrong in ([nested[0], other.id], [nested[0], nested[0]]):
        with pytest.raises(InputError, match="must begin with"):
            grow(wrong, "constant", {"offset_eV": 3.0}, 0, "train")
    assert growing == []


def test_a_trainer_that_cannot_grow_says_so(emt_copy, nested, constant_trainer):
    with pytest.raises(InputError, match="cannot grow"):
        grow(nested, "constant", {}, 0, "train")
