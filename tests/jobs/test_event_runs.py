"""One run of the archive, searched: what is found, and why it cannot be."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.jobs.event_runs import search_run
from tm23flows.science.event_rule import EventRule

RULE = EventRule(persistence_fs=60, quiet_frames=2)


@pytest.fixture
def run_id(archive, walking_vacancy):
    labels = archive.get_many(Label, walking_vacancy().label_ids)
    return labels[0].trajectory_id


def test_events_are_named_by_their_run_and_first_step(archive, run_id):
    found = search_run(archive, run_id, RULE)
    assert found.row.n_hops == len(found.events) == 8
    for event, frames in found.events.items():
        run, _, step = event.partition("-")
        assert run_id.startswith(run)
        assert int(step) <= frames[0].step + 1
        assert all(len(one.migrating) == 1 for one in frames)
    assert len(found.quiet) == 2
    assert all(one.migrating == () for one in found.quiet)


def test_a_long_persistence_finds_nothing(archive, run_id):
    found = search_run(archive, run_id, EventRule(persistence_fs=1e5))
    assert (found.row.n_hops, found.events) == (0, {})
    assert found.row.not_searched is None


def test_spheres_that_overlap_are_a_reason(archive, run_id):
    found = search_run(archive, run_id, EventRule(persistence_fs=60, r_site_A=1.5))
    assert "two sites at once" in found.row.not_searched


@pytest.mark.parametrize(
    ("matrix", "why"),
    [(((1, 0, 0), (0, 1, 0), (0, 0, 1)), "no supercell"), (None, "no steps yet")],
)
def test_a_run_that_cannot_be_searched_says_why(archive, run_id, matrix, why):
    run = archive.get(Trajectory, run_id)
    structure = archive.get(Structure, run.structure_id)
    if matrix:
        stored = {"supercell_matrix": [list(row) for row in matrix]}
        archive.database["structures"].update_one({"_id": structure.id}, {"$set": stored})
    else:
        run = Trajectory(
            provenance=Provenance.now(), structure_id=structure.id, element="Cu", regime="cold",
            recipe=Recipe(engine="emt"), dynamics=Dynamics(temperature_K=300),
        )  # fmt: skip
        archive.put(run)
    assert why in search_run(archive, run.id, RULE).row.not_searched


def test_an_event_says_when_it_was(archive, run_id):
    found = search_run(archive, run_id, RULE)
    assert found.spans_fs.keys() == found.events.keys()
    for event, (first, last) in found.spans_fs.items():
        assert first == (int(event.partition("-")[2]) - 1) * 5.0
        assert all(first <= one.step * 5.0 <= last for one in found.events[event])
