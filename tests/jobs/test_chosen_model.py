"""From a dataset to that of its grid, and from a grid search to a model, by ids alone."""

import pytest
from jobflow import Response

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, NotFoundError, OutOfTimeError, TooFewFramesError
from tm23flows.jobs.chosen_model import chosen_training, make_grid_dataset, train_chosen
from tm23flows.jobs.model import train_model
from tm23flows.ops.audit.invariants import audit

make = make_grid_dataset.original
train = train_chosen.original


@pytest.fixture
def dataset(emt_copy):
    return emt_copy.dataset("Cu-demo")


@pytest.fixture
def searched(emt_copy, dataset, constant_trainer):
    """A function that stores a search among offsets; the one given is the best."""
    del constant_trainer

    def put(best):
        row = GridRow(point={"offset_eV": 1.0}, failure="it failed")
        if best is not None:
            errors = {"evaluation_id": "b" * 64, "force_mae_eV_per_A": 0.1}
            row = GridRow(point={"offset_eV": best}, model_id="a" * 64, **errors)
        search = GridSearch(
            provenance=Provenance.now(),
            trainer="constant",
            element="Cu",
            dataset_id=dataset.id,
            train_part="train",
            test_part="test",
            energy_reference="mean-per-atom",
            seed=0,
            fixed={"fail": False},
            rows=(row,),
            chosen=None if best is None else 0,
            by_likelihood=None,
            by_validation=None,
            conflicts=(),
            at_edge={},
            reason="It is so.",
        )
        emt_copy.put(search)
        return search.id

    return put


def test_the_frames_of_a_grid_are_training_frames(emt_copy, dataset):
    out = make(dataset.id, "train", 9, 6)
    small = emt_copy.get(Dataset, out["dataset_id"])
    assert {name: len(ids) for name, ids in small.parts.items()} == {"train": 9, "test": 6}
    assert set(small.label_ids) < set(dataset.parts["train"])
    assert not set(small.label_ids) & set(dataset.parts["test"])
    assert (small.rule, small.energy) == ("grid", dataset.energy)
    assert (out["name"], out["version"]) == ("Cu-demo-grid", 1)
    # All temperatures, the first frames of each to train on and the last ones to compare on.
    steps = {name: [] for name in small.parts}
    for name, ids in small.parts.items():
        for one in ids:
            label = emt_copy.database["labels"].find_one({"_id": one})
            steps[name].append((label["regime"], label["step"]))
    assert [len({regime for regime, _ in some}) for some in steps.values()] == [3, 3]
    for regime, step in steps["train"]:
        assert all(step < later for other, later in steps["test"] if other == regime)
    assert make(dataset.id, "train", 9, 6) == out
    assert emt_copy.trace(small.id).complete


def test_no_training_frame_is_kept_from_the_grid(emt_copy, dataset):
    out = make(dataset.id, "train", 12, 6)
    small = emt_copy.get(Dataset, out["dataset_id"])
    assert set(small.label_ids) == set(dataset.parts["train"])
    assert small.split_options["min_gap_fs"] == dataset.split_options["min_gap_fs"]


def test_a_grid_wants_frames_and_a_part(dataset):
    with pytest.raises(TooFewFramesError, match="grid"):
        make(dataset.id, "train", 200, 100)
    with pytest.raises(InputError, match="no part 'all'; it has train, test"):
        make(dataset.id, "all", 9, 6)


def test_the_chosen_point_is_trained_by_the_id_of_the_search(emt_copy, dataset, searched):
    grid_id = searched(2.5)
    out = train(grid_id, dataset.id, "train", 7, {})
    model = emt_copy.get(Model, out["model_id"])
    assert (out["grid_id"], out["trainer"]) == (grid_id, "constant")
    assert out["summary"] == model.summary == {"frames": 18}
    assert model.hyperparameters == {"offset_eV": 2.5, "fail": False}
    assert (model.seed, model.part, model.dataset_id) == (7, "train", dataset.id)
    assert model.provenance.inputs["grid_search"] == grid_id
    # The search of this test names a model and errors that never were.
    assert {one.id for one in audit(emt_copy).violations} == {grid_id}


def test_what_differs_in_the_full_training_is_on_record(emt_copy, dataset, searched):
    grid_id = searched(2.5)
    out = train(grid_id, dataset.id, "train", 0, {"offset_eV": 3})
    model = emt_copy.get(Model, out["model_id"])
    assert model.hyperparameters["offset_eV"] == 3
    assert model.provenance.inputs["overrides"] == {"offset_eV": 3}


def test_a_model_that_is_there_is_not_trained_again(dataset, searched, constant_trainer):
    there = train_model.original(dataset.id, "constant", {"offset_eV": 2.5}, 0, "train")
    out = train(searched(2.5), dataset.id, "train", 0, {})
    assert out["model_id"] == there["model_id"]
    assert constant_trainer.trainings == 1


def test_a_search_that_chose_nothing_trains_nothing(emt_copy, dataset, searched):
    with pytest.raises(InputError, match=r"chose no point: It is so\. Run it again"):
        train(searched(None), dataset.id, "train", 0, {})
    with pytest.raises(NotFoundError):
        chosen_training(emt_copy, "f" * 64, dataset.id, "train", 0, {})


def test_a_training_that_runs_out_of_time_goes_on_in_a_detour(dataset, searched, monkeypatch):
    def stop(wanted):
        raise OutOfTimeError(f"No time for {wanted.trainer}.")

    monkeypatch.setattr("tm23flows.jobs.chosen_model.train_or_find", stop)
    monkeypatch.setattr("tm23flows.jobs.chosen_model.as_this_job", lambda one: one)
    grid_id = searched(2.5)
    out = train(grid_id, dataset.id, "train", 3, {"offset_eV": 1})
    assert isinstance(out, Response)
    again = out.detour
    assert again.function_args == (grid_id, dataset.id, "train", 3, {"offset_eV": 1})
    assert out.output["summary"] == {}
    train(grid_id, dataset.id, "train", 3, {"offset_eV": 1})
    with pytest.raises(OutOfTimeError, match="3 workers in a row"):
        train(grid_id, dataset.id, "train", 3, {"offset_eV": 1})
