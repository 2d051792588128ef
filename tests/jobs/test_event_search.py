"""The search for events in the runs of a dataset: hops that are known, melts, tagged frames."""

from dataclasses import asdict

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, label_id
from tm23flows.errors import InputError
from tm23flows.jobs.event_search import find_rare_events, rows_of
from tm23flows.science.event_rule import EventRule
from tm23flows.store.datasets.creation import create_dataset

RULE = EventRule(persistence_fs=60)
N_HOPS = 8


def search(dataset_id, rule=RULE, max_frames=100, batch_size=10):
    return find_rare_events.original(dataset_id, asdict(rule), max_frames, batch_size)


def test_every_hop_is_found_with_frames_of_it(archive, walking_vacancy):
    dataset = walking_vacancy()
    found = search(dataset.id)
    (run,) = found["runs"]
    assert (run["n_hops"], run["n_events"], run["n_sampled"]) == (N_HOPS, N_HOPS, N_HOPS)
    assert run["order"] > 0.8
    assert found["source"] == "runs"
    assert found["mesh"] == {"kmesh": [1, 1, 1], "kmesh_offset": [0.0, 0.0, 0.0]}
    rows = list(rows_of(found))
    assert len(rows) == 3 * N_HOPS + 3
    for row in rows:
        frame = archive.get(Frame, row.frame_id)
        assert frame.trajectory_id == row.trajectory_id == run["trajectory_id"]
        assert frame.time_fs == row.time_fs
        if row.event is None:
            assert row.re_atoms == ()
            assert row.r_A is None
            continue
        assert len(row.re_atoms) == 1
        assert [i for i, r in enumerate(row.r_A) if r == 0] == list(row.re_atoms)
        assert row.r_A == pytest.approx(
            frame.atoms.get_distances(row.re_atoms[0], range(31), mic=True), abs=1e-9
        )
        assert row.r_v_A[row.re_atoms[0]] == max(row.r_v_A)
        # The run itself gives a label of each frame.
        assert archive.existing(Label, [label_id(row.frame_id, found["run_recipe_ids"][0])])
    assert len({row.event for row in rows} - {None}) == N_HOPS


def test_batches_hold_every_frame_once_and_are_never_empty(walking_vacancy):
    dataset = walking_vacancy()
    found = search(dataset.id)
    assert len(found["batches"]) == 10
    assert sorted(one for some in found["batches"] for one in some) == sorted(
        one["frame_id"] for one in found["frames"]
    )
    few = search(dataset.id, max_frames=10)
    assert len(few["frames"]) <= 10
    assert [len(one) for one in few["batches"]] == [len(few["frames"])]
    tiny = search(dataset.id, EventRule(persistence_fs=60, quiet_frames=0), 2, 1)
    assert tiny["frames"] == []  # no event fits
    assert all(len(one) == 1 for one in tiny["batches"])


def test_a_melt_has_no_lattice_sites(walking_vacancy, walk):
    _, arrays = walk
    scattered = np.random.default_rng(1).uniform(0, 7.2, arrays["positions"].shape)
    # Atoms move slowly from one scattered place to another, and are nowhere at home.
    weights = np.linspace(0, 1, len(scattered))[:, None, None]
    moving = (1 - weights) * scattered[0] + weights * scattered[-1]
    found = search(walking_vacancy(moving).id)
    (run,) = found["runs"]
    assert "no lattice sites" in run["not_searched"]
    assert (run["n_hops"], found["frames"]) == (0, [])
    assert found["batches"] == [[found["batches"][0][0]]] * 10  # one that has its label


def test_events_are_tags_for_the_split_that_keeps_them_whole(archive, walking_vacancy):
    found = search(walking_vacancy().id, EventRule(persistence_fs=60, quiet_frames=0))
    rows = [row for row in rows_of(found) if archive.get(Frame, row.frame_id).tags.get("event")]
    labels = archive.get_many(
        Label, [label_id(row.frame_id, found["run_recipe_ids"][0]) for row in rows]
    )
    options = {"test_fraction": 0.3, "gap_fs": 50.0}
    made = create_dataset(archive, "events", labels, "event", options).dataset
    event_of = {row.frame_id: row.event for row in rows}
    by_part = {
        part: {event_of[one.frame_id] for one in archive.get_many(Label, ids)}
        for part, ids in made.parts.items()
    }
    assert not by_part["train"] & by_part["test"]
    assert len(by_part["test"]) == 2


def test_a_frame_that_was_stored_before_is_an_event_all_the_same(archive, walking_vacancy):
    """Frames are what they are: what the search finds is in its output."""
    dataset = walking_vacancy()
    every = search(dataset.id, EventRule(persistence_fs=60, frames_per_event=20))
    known = {one.frame_id for one in archive.get_many(Label, dataset.label_ids)}
    both = [row for row in rows_of(every) if row.event and row.frame_id in known]
    assert both
    assert all(not archive.get(Frame, row.frame_id).tags for row in both)


def test_tagged_frames_are_taken_as_they_are(archive, make_frame, make_label):
    frames = [
        make_frame(0, tags={"re_atoms": [1], "event": "e"}),
        make_frame(1, tags={"re_atoms": [0, 1]}),
        make_frame(2, tags={"re_atoms": []}),
        make_frame(3),
    ]
    labels = [make_label(one) for one in frames]
    archive.put(*frames, *labels)
    dataset = Dataset(
        provenance=Provenance.now(), element="Cu", rule="all", query={},
        parts={"all": [one.id for one in labels]},
    )  # fmt: skip
    archive.put(dataset)
    found = search(dataset.id)
    assert found["source"] == "tags"
    assert [row.re_atoms for row in rows_of(found)] == [(1,), (0, 1), (), ()]
    events = [row.event for row in rows_of(found)]
    assert events == ["e", f"frame-{frames[1].id[:16]}", None, None]


def test_a_run_that_cannot_be_searched_says_why(archive, emt_archive):
    found = search(emt_archive.dataset("Cu-demo").id)
    assert len(found["runs"]) == 3
    for run in found["runs"]:
        assert run["n_hops"] == 0
    assert search(emt_archive.dataset("Cu-demo").id) == found


def test_senseless_numbers_are_refused(archive):
    with pytest.raises(InputError, match="nothing is learnt"):
        search("0" * 64, max_frames=0)


def test_quiet_frames_leave_room_for_events(walking_vacancy):
    found = search(walking_vacancy().id, max_frames=6)
    assert [one["event"] is None for one in found["frames"]].count(False) == 3
    assert len(found["frames"]) <= 6
    events = [one for one in rows_of(found) if one.event]
    assert all(one.event_fs[0] <= one.time_fs <= one.event_fs[1] for one in events)
