"""Events of a study as frames of a folder: labels, distances, what is stated."""

from dataclasses import asdict

import pytest

from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import make_event_set
from tm23flows.jobs.rare_event_export import frames_of_study
from tm23flows.jobs.studies.rare_events import make_rare_event_study
from tm23flows.science.event_rule import EventRule

RULE = asdict(EventRule(persistence_fs=60))


@pytest.fixture
def study(archive, walking_vacancy):
    found = find_rare_events.original(walking_vacancy().id, RULE, 100, 50)
    frames = {one["frame_id"] for one in found["frames"]}
    fine = Recipe(engine="emt", xc="none", kmesh=(3, 3, 3))
    own = [one for one in archive.labels() if one.frame_id in frames]
    words = {"recipe": fine, "recipe_id": fine.id}
    archive.put(*(one.model_copy(update={**words, "forces": 2 * one.forces}) for one in own))
    made = make_event_set.original("events", found, [fine.id], RULE)
    wired = {"found": found, "set": made, "models": [], "cheap": []}
    settings = {
        "events": RULE, "gap_fs": 50.0,
        "resampling": Resampling(resamples=100).model_dump(mode="json"),
    }  # fmt: skip
    output = make_rare_event_study.original({"Cu": wired}, settings)
    return archive.get(Study, output["study_id"])


def test_truth_and_bar_have_the_names_of_the_format(archive, study):
    frames, facts = frames_of_study(archive, study)
    (metal,) = study.results.metals
    assert facts["labels"]["DFT_K4"]["kmesh"] == "3x3x3"
    assert facts["labels"]["DFT_K1"]["kmesh"] == "1x1x1"
    assert facts["rule"] == RULE
    assert facts["events"] == [one.event for one in metal.frames]
    assert len(frames) == len(metal.frames)
    for one, row in zip(frames, metal.frames, strict=True):
        truth, bar = (one.forces_eV_per_A[name] for name in ("DFT_K4", "DFT_K1"))
        assert truth == pytest.approx(2 * bar)
        assert (one.r_A is None) == (row.event is None)
        assert len(one.vacant_sites_A) == len(row.vacant_sites_A)
    labels = {label.frame_id: label for label in archive.labels(recipe=metal.recipe_id)}
    assert isinstance(labels[metal.frames[0].frame_id], Label)


def test_the_metal_must_be_there(archive, study):
    with pytest.raises(InputError, match="Say which metal"):
        frames_of_study(archive, study, "Au")
