"""Datasets of labelled events, and models that predict them or fail alone."""

from dataclasses import asdict

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs import event_sets
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import evaluate_on_events, make_event_set
from tm23flows.jobs.frame import make_label
from tm23flows.science.event_rule import EventRule

RULE = asdict(EventRule(persistence_fs=60, frames_per_event=2))


@pytest.fixture
def found(walking_vacancy):
    return find_rare_events.original(walking_vacancy().id, RULE, 100, 50)


def relabel(archive, found, recipe, leave=0):
    frames = archive.get_many(Frame, [one["frame_id"] for one in found["frames"]][leave:])
    labels = [
        make_label(
            frame,
            recipe=recipe,
            provenance=Provenance.now(),
            energies={"free": -1.0},
            forces=2 * frame.positions,
            stress=None,
        )
        for frame in frames
    ]
    archive.put(*labels)
    return labels


def test_labels_of_the_runs_stand_in_where_none_were_computed(archive, found):
    made = make_event_set.original("events", found, [], RULE)
    assert made["recipe_id"] == found["run_recipe_ids"][0]
    dataset = archive.get(Dataset, made["dataset_id"])
    assert archive.dataset("events").id == dataset.id
    labels = archive.get_many(Label, dataset.parts["test"])
    assert [one.frame_id for one in labels] == [one["frame_id"] for one in found["frames"]]
    assert dataset.facts["n_events"] == 8
    assert dataset.split_options["frames_per_event"] == 2


def test_labels_that_were_computed_are_the_truth_and_rejected_ones_are_counted(archive, found):
    recipe = Recipe(engine="emt", xc="none", kmesh=(4, 4, 4))
    labels = relabel(archive, found, recipe, leave=2)
    made = make_event_set.original("events", found, [recipe.id, None, recipe.id], RULE)
    assert made["n_unlabelled"] == 2
    dataset = archive.get(Dataset, made["dataset_id"])
    assert list(dataset.label_ids) == [one.id for one in labels]
    with pytest.raises(InputError, match="one recipe"):
        make_event_set.original("events", found, [recipe.id, "f" * 64], RULE)


def test_without_frames_there_is_no_dataset(found):
    nothing = {**found, "frames": []}
    made = make_event_set.original("events", nothing, ["f" * 64], RULE)
    assert made == {"dataset_id": None, "recipe_id": "f" * 64, "n_unlabelled": 0}


def model_of(archive, trainer):
    model = Model(
        provenance=Provenance.now(), trainer=trainer, hyperparameters={}, seed=0, dataset_id=None,
        files=(ModelFile(name="a", blob=archive.blobs.put(b"1")),), wall_s=0.0,
    )  # fmt: skip
    archive.put(model)
    return model


def test_a_model_that_fails_says_why_and_stops_nobody(archive, found, monkeypatch):
    dataset_id = make_event_set.original("events", found, [], RULE)["dataset_id"]
    model = model_of(archive, "no-such-trainer")
    assert "no-such-trainer" in evaluate_on_events.original(model.id, dataset_id)["failure"]
    missing = evaluate_on_events.original("0" * 64, dataset_id)
    assert missing == {"model_id": None, "evaluation_id": None, "failure": event_sets.NO_MODEL}
    assert evaluate_on_events.original(None, dataset_id)["failure"] == event_sets.NO_MODEL
    assert evaluate_on_events.original(model.id, None)["failure"] == event_sets.NO_FRAMES

    def fails(*_args):
        raise TrainingError("It exploded.")

    monkeypatch.setattr(event_sets, "evaluate_or_find", fails)
    done = evaluate_on_events.original(model.id, dataset_id)
    assert done == {"model_id": model.id, "evaluation_id": None, "failure": "It exploded."}


def test_a_model_that_works_leaves_an_evaluation(archive, found, scaled_trainer):
    dataset_id = make_event_set.original("events", found, [], RULE)["dataset_id"]
    model = model_of(archive, "scaled")
    done = evaluate_on_events.original(model.id, dataset_id)
    evaluation = archive.get(Evaluation, done["evaluation_id"])
    assert evaluation.part == "test"
    assert label_id(found["frames"][0]["frame_id"], found["run_recipe_ids"][0]) in set(
        archive.blobs.get_arrays(evaluation.predictions)["label_id"].tolist()
    )
