"""The job of rare events: what the bar is, and what is said where there is nothing."""

from dataclasses import asdict

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import NO_MODEL, make_event_set
from tm23flows.jobs.studies.rare_events import make_rare_event_study, recipe_name
from tm23flows.science.event_rule import EventRule
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events
from tm23flows.store.files import import_files

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


def test_an_imported_folder_has_its_cheap_label_as_the_bar(archive, tmp_path):
    frames = []
    for seed in range(6):
        atoms = bulk("Cu", cubic=True) * (1, 1, 2)
        atoms.rattle(0.1, seed=seed)
        forces = np.random.default_rng(seed).normal(0, 1, (8, 3))
        labels = {"DFT_K4": forces, "DFT_K1": 1.5 * forces}
        r = None if seed == 5 else [0.0, *[2.0] * 7]
        energies = {"DFT_K4": -1.0, "DFT_K1": -1.1}
        frames.append(RareFrame(atoms, energies, labels, r, r))
    write_rare_events(tmp_path / "RE", frames, {})
    first, *_ = import_files(archive, [tmp_path / "RE"], "re", "rare-events")
    found = find_rare_events.original(first.named.dataset.id, RULE, 100, 50)
    made = make_event_set.original("events", found, [], RULE)
    wired = {"found": found, "set": made, "models": [], "cheap": []}
    study = study_of(archive, wired)
    (metal,) = study.results.metals
    assert (metal.source, metal.recipe_name) == ("tags", "vasp 4x4x4")
    bar = metal.predictors[metal.bar]
    assert bar.name == "vasp 1x1x1"
    assert (bar.score.n_frames, bar.score.n_atoms, len(metal.frames)) == (5, 5, 6)
    assert bar.score.re_a.value == 0
    sizes = [np.linalg.norm(one.forces_eV_per_A["DFT_K4"][0]) for one in frames[:5]]
    assert bar.score.re_f_eV_per_A.value == pytest.approx(0.5 * np.sqrt(np.mean(np.square(sizes))))
    assert any("do not say of which event" in one for one in study.warnings)


def test_recipes_of_one_mesh_can_be_told_apart(archive, wired):
    fine = also_labelled(archive, wired, (3, 3, 3), off=0.0)
    moved = Recipe(engine="emt", xc="none", kmesh=(1, 1, 1), kmesh_offset=(0.25, 0.25, 0.25))
    own = [one for one in archive.labels() if one.recipe.kmesh == (1, 1, 1)]
    words = {"recipe": moved, "recipe_id": moved.id}
    archive.put(*(one.model_copy(update=words) for one in own))
    wired = {**wired, "set": {**wired["set"], "recipe_id": fine.id}}
    (metal,) = study_of(archive, wired).results.metals
    names = [one.name for one in metal.predictors if one.kind == "labels"]
    assert len(set(names)) == 2
    assert f"emt 1x1x1 {moved.id[:8]}" in names
