"""Results of rare events: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    Candidate,
    Predictor,
    RareEventMetal,
    RareEventResults,
    ScoreRow,
    Selection,
)

SCORE = ScoreRow(re_m=Bounded(value=0.2), n_events=1, n_frames=2, n_atoms=3)
LABELS = Predictor(kind="labels", id="a", name="gpaw 1x1x1", score=SCORE)


def metal(**fields):
    given = {
        "element": "Cu", "dataset_id": "d", "source": "runs", "event_dataset_id": "e",
        "recipe_id": "r", "recipe_name": "gpaw 3x3x3", "predictors": (LABELS,),
    }  # fmt: skip
    return RareEventMetal(**{**given, **fields})


def selection(**fields):
    one = Candidate(trainer="flare", hyperparameters={}, training_set="original", model_id="m")
    given = {
        "element": "Cu", "original_id": "o", "enhanced_id": "e", "candidates": (one,),
        "by_rmse": 0, "by_score": None, "reason": "Because.",
    }  # fmt: skip
    return Selection(**{**given, **fields})


def test_they_come_back_from_the_archive_as_they_were():
    results = RareEventResults(metals=(metal(bar=0),), selections=(selection(),))
    assert RareEventResults.model_validate(results.model_dump(mode="json")) == results


def test_what_contradicts_itself_is_refused():
    with pytest.raises(ValidationError, match="bar is not among"):
        metal(bar=1)
    with pytest.raises(ValidationError, match="no candidate"):
        selection(by_score=1)
    with pytest.raises(ValidationError, match="a metal or a selection"):
        RareEventResults()
    with pytest.raises(ValidationError, match="a score or a failure"):
        Predictor(kind="model", id="m", name="flare")
    with pytest.raises(ValidationError, match="a score or a failure"):
        Predictor(kind="model", id="m", name="flare", score=SCORE, failure="why")
