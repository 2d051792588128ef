"""Why there are no rare-event errors, and what limits those that there are."""

import pytest

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    EventRow,
    Predictor,
    RareEventMetal,
    ScoreRow,
)
from tm23flows.jobs.studies.rare_event_words import undefined_because, warnings_of


def run(**fields):
    given = {"trajectory_id": "t", "regime": "warm", "temperature_K": 1.0, "n_steps": 9,
             "timestep_fs": 5.0, "order": 0.9}  # fmt: skip
    return {**given, **fields}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"frames": [{"event": "e"}], "runs": []}, "none of them has a label"),
        ({"frames": [], "runs": []}, "no runs in the archive"),
        ({"frames": [], "runs": [run(not_searched="no lattice sites", regime="melt")]},
         "no run can be searched for hops: melt: no lattice sites"),
        ({"frames": [], "runs": [run(), run(not_searched="no lattice sites")]}, "no atom hopped"),
        ({"frames": [], "runs": [run(n_hops=3)]}, "3 hops were found, and no usable step"),
    ],
)  # fmt: skip
def test_every_reason_is_told_apart(found, why):
    assert why in undefined_because(found, has_events=False)
    assert undefined_because(found, has_events=True) is None


def score(n_events):
    return ScoreRow(re_m=Bounded(value=0.1), n_events=n_events, n_frames=1, n_atoms=1)


def metal(**fields):
    good = Predictor(kind="model", id="a", name="flare", score=score(5), unseen=score(5))
    given = {
        "element": "Cu", "dataset_id": "d", "source": "runs", "event_dataset_id": None,
        "recipe_id": None, "recipe_name": None, "predictors": (good,), "bar": 0,
        "frames": (EventRow(frame_id="f", event="frame-f", re_atoms=(0,)),),
    }  # fmt: skip
    return RareEventMetal(**{**given, **fields})


def test_what_is_complete_needs_no_warning():
    assert list(warnings_of(metal())) == []


def test_what_limits_the_numbers_is_said():
    one = Predictor(kind="model", id="a", name="flare", score=score(5), unseen=score(2),
                    n_failed_frames=1)  # fmt: skip
    lost = Predictor(kind="model", id=None, name="model", failure="no model")
    said = " ".join(
        warnings_of(
            metal(source="tags", predictors=(one, lost), bar=None, no_bar="why", n_unlabelled=2)
        )
    )
    for words in (
        "2 frames have no label",
        "there is no bar: why",
        "do not say of which event",
        "no forces of 1 frames",
        "3 of 5 events are close in time to training frames",
        "has no errors: no model",
    ):
        assert words in said
    (only,) = warnings_of(metal(undefined="no atom hopped"))
    assert only == "Cu: rare-event errors are undefined: no atom hopped."
