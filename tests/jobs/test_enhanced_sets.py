"""The two training sets, and what is said where they cannot be made."""

from dataclasses import asdict

import pytest

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.jobs.enhanced_sets import TEST, VALIDATION, make_enhanced_sets
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.science.enhanced_training import Enhancement
from tm23flows.science.event_rule import EventRule

RULE = asdict(EventRule(persistence_fs=60, quiet_frames=0))


@pytest.fixture
def found(walking_vacancy):
    return find_rare_events.original(walking_vacancy().id, RULE, 100, 50)


def sets_of(found, part="train", recipes=(), **settings):
    given = asdict(Enhancement(**{"gap_fs": 30.0, **settings}))
    return make_enhanced_sets.original("Cu-choice", part, found, list(recipes), given)


def test_parts_are_apart_in_time_and_by_event(archive, found):
    made = sets_of(found)
    event_of = {one["frame_id"]: one["event"] for one in found["frames"]}
    times = {}
    for word in ("original", "enhanced"):
        dataset = archive.get(Dataset, made[f"{word}_id"])
        assert len(dataset.parts["train"]) == made["n_train"]
        labels = {p: archive.get_many(Label, ids) for p, ids in dataset.parts.items()}
        times = {p: [one.step * 5.0 for one in some] for p, some in labels.items()}
        for part in (VALIDATION, TEST):
            assert min(abs(a - b) for a in times["train"] for b in times[part]) >= 30.0
        events = {p: {event_of.get(one.frame_id) for one in some} for p, some in labels.items()}
        assert not events[VALIDATION] & events[TEST]
        assert (events["train"] != {None}) == (word == "enhanced")
    assert archive.dataset("Cu-choice-enhanced").id == made["enhanced_id"]
    assert made["n_replaced"] > 0
    assert made["n_left_out"] > 0


def test_the_seed_decides(found):
    assert sets_of(found) == sets_of(found)
    assert sets_of(found, seed=1)["enhanced_id"] != sets_of(found)["enhanced_id"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"part": "valid"}, "no part 'valid'"),
        ({"recipes": ["f" * 64]}, "of another recipe"),
        ({"gap_fs": 1e6}, "separate events"),
    ],
)
def test_what_cannot_be_made_is_a_reason(found, words, why):
    made = sets_of(found, **words)
    assert made["original_id"] is made["enhanced_id"] is None
    assert why in made["reason"]
