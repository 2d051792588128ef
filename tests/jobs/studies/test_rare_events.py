"""The job of rare events: what the bar is, and what is said where there is nothing."""

from dataclasses import asdict

import pytest

from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import NO_MODEL, make_event_set
from tm23flows.jobs.studies.rare_events import make_rare_event_study, recipe_name
from tm23flows.science.event_rule import EventRule

RULE = asdict(EventRule(persistence_fs=60, quiet_frames=0))
SETTINGS = {"gap_fs": 50.0, "resampling": Resampling(resamples=100).model_dump(mode="json")}


@pytest.fixture
def wired(walking_vacancy):
    found = find_rare_events.original(walking_vacancy().id, RULE, 100, 50)
    frames = make_event_set.original("events", found, [], RULE)
    missing = {"model_id": None, "evaluation_id": None, "failure": NO_MODEL}
    return {"found": found, "set": frames, "models": [missing], "cheap": []}


def study_of(archive, wired, **settings):
    output = make_rare_event_study.original({"Cu": wired}, {**SETTINGS, **settings})
    return archive.get(Study, output["study_id"])


def also_labelled(archive, wired, mesh, off=0.1, leave=0):
    """Labels of the same frames on another mesh, whose forces are off by a factor."""
    recipe = Recipe(engine="emt", xc="none", kmesh=mesh)
    frames = [one["frame_id"] for one in wired["found"]["frames"]][leave:]
    true = [
        one for one in archive.labels() if one.frame_id in frames and one.recipe.kmesh == (1, 1, 1)
    ]
    words = {"recipe": recipe, "recipe_id": recipe.id}
    archive.put(
        *(one.model_copy(update={**words, "forces": (1 + off) * one.forces}) for one in true)
    )
    return recipe


def test_a_model_that_is_not_there_is_a_row_with_its_reason(archive, wired):
    study = study_of(archive, wired)
    (metal,) = study.results.metals
    assert metal.predictors[0].failure == NO_MODEL
    assert metal.predictors[0].score is None
    assert any(NO_MODEL in one for one in study.warnings)


def test_only_a_coarser_mesh_is_a_bar(archive, wired):
    fine = also_labelled(archive, wired, (3, 3, 3), off=0.0)
    wired = {**wired, "set": {**wired["set"], "recipe_id": fine.id}}
    also_labelled(archive, wired, (2, 2, 2))
    also_labelled(archive, wired, (4, 4, 4))
    (metal,) = study_of(archive, wired).results.metals
    assert metal.predictors[metal.bar].name == "emt 1x1x1"
    by_name = {one.name: one for one in metal.predictors}
    assert by_name["emt 2x2x2"].difference.re_f_eV_per_A.value > 0
    asked = {**wired, "cheap": [by_name["emt 2x2x2"].id]}
    (metal,) = study_of(archive, asked, cheap_kmesh=[2, 2, 2]).results.metals
    assert metal.predictors[metal.bar].name == "emt 2x2x2"


def test_missing_labels_are_counted_and_the_rest_is_compared(archive, wired):
    recipe = also_labelled(archive, wired, (2, 2, 2), leave=3)
    (metal,) = study_of(archive, wired).results.metals
    (labels,) = [one for one in metal.predictors if one.id == recipe.id]
    assert labels.n_failed_frames == 3
    assert labels.score.n_frames == len(metal.frames) - 3
    assert metal.bar is None  # it is finer than the truth


def test_other_labels_make_another_study(archive, wired):
    first = study_of(archive, wired)
    assert study_of(archive, wired).id == first.id
    also_labelled(archive, wired, (2, 2, 2))
    assert study_of(archive, wired).id != first.id


def test_a_recipe_is_named_by_its_mesh():
    assert recipe_name(Recipe(engine="gpaw", kmesh=(2, 3, 4))) == "gpaw 2x3x4"
