"""The choice between models whose forces are known, on events of two parts."""

from dataclasses import asdict

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.study import Study
from tm23flows.jobs import event_selection
from tm23flows.jobs.enhanced_sets import TEST, VALIDATION, make_enhanced_sets
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_selection import make_selection_study
from tm23flows.jobs.event_sets import NO_MODEL, evaluate_on_events
from tm23flows.science.enhanced_training import Enhancement
from tm23flows.science.event_rule import EventRule

RULE = asdict(EventRule(persistence_fs=60, quiet_frames=0))
SETTINGS = {
    "rmse_filter": 1.5,
    "resampling": Resampling(resamples=100).model_dump(mode="json"),
}


@pytest.fixture
def found(walking_vacancy):
    return find_rare_events.original(walking_vacancy().id, RULE, 100, 50)


@pytest.fixture
def sets(found):
    return make_enhanced_sets.original("x", "train", found, [], asdict(Enhancement(gap_fs=30.0)))


def candidate(archive, sets, factor):
    """A model whose forces are this many times the true ones."""
    content = f'{{"factor": {factor}}}'.encode()
    model = Model(
        provenance=Provenance.now(), trainer="scaled", hyperparameters={"factor": factor}, seed=0,
        dataset_id=sets["enhanced_id"], wall_s=0.0,
        files=(ModelFile(name="model.json", blob=archive.blobs.put(content)),),
    )  # fmt: skip
    archive.put(model)
    tests = {
        word: evaluate_on_events.original(model.id, sets["enhanced_id"], part)
        for word, part in (("validation", VALIDATION), ("test", TEST))
    }
    given = {"trainer": "scaled", "hyperparameters": {"factor": factor}}
    return {**given, "training_set": "enhanced", **tests}


def selection_of(archive, found, sets, candidates, **settings):
    wired = {"Cu": {"found": found, "sets": sets, "candidates": candidates}}
    output = make_selection_study.original(wired, {**SETTINGS, **settings})
    return output, archive.get(Study, output["study_id"])


def test_the_two_ways_can_choose_differently(archive, found, sets, scaled_trainer):
    """Turned forces have the right magnitude; a model without forces has the smaller RMSE."""
    models = [candidate(archive, sets, factor) for factor in (-1.0, 0.01)]
    output, study = selection_of(archive, found, sets, models, rmse_filter=3.0)
    (selection,) = study.results.selections
    assert (selection.by_rmse, selection.by_score) == (1, 0)
    assert output["by_rmse"]["Cu"] == models[1]["test"]["model_id"]
    opposite = selection.candidates[0]
    assert (opposite.validation.re_m.value, opposite.test.re_m.value) == (0, 0)
    # With a strict filter the model without forces is the only good one.
    _, study = selection_of(archive, found, sets, models)
    assert study.results.selections[0].by_score == 1


def test_without_models_nothing_is_chosen_and_it_is_said(archive, found, sets):
    lost = {"model_id": None, "evaluation_id": None, "failure": NO_MODEL}
    given = {"trainer": "scaled", "hyperparameters": {}, "training_set": "original"}
    output, study = selection_of(
        archive, found, sets, [{**given, "validation": lost, "test": lost}]
    )
    assert output["by_rmse"] == output["by_score"] == {"Cu": None}
    assert study.results.selections[0].candidates[0].failure == NO_MODEL
    assert any(NO_MODEL in one for one in study.warnings)


def test_sets_that_cannot_be_made_are_the_reason(archive, found):
    sets = {"original_id": None, "enhanced_id": None, "reason": "too few events"}
    _, study = selection_of(archive, found, sets, [])
    assert study.results.selections[0].reason == "too few events"


def test_a_model_that_failed_on_some_frames_is_not_chosen(
    archive, found, sets, scaled_trainer, monkeypatch
):
    """Left out of its errors, the frames that it fails on would make it the best."""
    whole = event_selection.predicted_forces
    models = [candidate(archive, sets, factor) for factor in (1.0, 0.9)]

    def without_one(given, evaluation_id, frames):
        forces = whole(given, evaluation_id, frames)
        if evaluation_id == models[0]["validation"]["evaluation_id"]:
            forces.pop(next(iter(forces)))
        return forces

    monkeypatch.setattr(event_selection, "predicted_forces", without_one)
    _, study = selection_of(archive, found, sets, models)
    (selection,) = study.results.selections
    assert (selection.by_rmse, selection.by_score) == (1, 1)
    assert "no forces of 1 of" in selection.candidates[0].failure
    assert any("no forces of 1 of" in one for one in study.warnings)
