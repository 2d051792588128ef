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


def test_frames_that_say_only_which_atoms_hop_are_written_with_r(archive, study):
    """As those of an imported folder: without r, a reader would find no event."""
    (metal,) = study.results.metals
    bare = [one.model_copy(update={"r_A": None, "r_v_A": None}) for one in metal.frames]
    tagged = metal.model_copy(update={"frames": tuple(bare)})
    results = study.results.model_copy(update={"metals": (tagged,)})
    frames, _ = frames_of_study(archive, study.model_copy(update={"results": results}))
    for one, row in zip(frames, metal.frames, strict=True):
        assert one.r_v_A is None
        if row.event is None:
            assert one.r_A is None
            continue
        assert [i for i, r in enumerate(one.r_A) if r == 0] == list(row.re_atoms)
        assert one.r_A == pytest.approx(row.r_A, abs=1e-9)
