"""The audit of seams: gaps, overlaps, and runs that went on with another state."""

from dataclasses import replace

import pytest
from audit_kit import replace_segment, trajectory_of, violations

from tm23flows.documents.structure import Structure
from tm23flows.engines.base import Setup, State, get_engine
from tm23flows.jobs.trajectory import segment_arrays


def test_i5_segments_are_followed(emt_copy):
    assert len(trajectory_of(emt_copy).segments) > 1
    assert violations(emt_copy, "I5") == []


@pytest.mark.parametrize(("first", "kind"), [(-3, "overlap"), (+2, "gap")])
def test_i5_gaps_and_overlaps(emt_copy, first, kind):
    trajectory = trajectory_of(emt_copy)
    wrong = trajectory.segments[1].first_step + first
    emt_copy.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {"segments.1.first_step": wrong}}
    )
    found = violations(emt_copy, "I5")
    assert any(kind in one.what for one in found)
    assert {one.id for one in found} == {trajectory.id}


def test_i5_a_blob_with_the_steps_of_another_segment(emt_copy):
    trajectory = trajectory_of(emt_copy)
    emt_copy.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {"segments.1.blob": trajectory.segments[0].blob}}
    )
    assert any("holds steps" in one.what for one in violations(emt_copy, "I5"))


def test_i5_a_segment_that_starts_from_another_geometry(emt_copy):
    trajectory = trajectory_of(emt_copy)
    positions = emt_copy.blobs.get_arrays(trajectory.segments[1].blob)["positions"]
    replace_segment(emt_copy, trajectory, 1, positions=positions + 0.3)
    (one, *_) = violations(emt_copy, "I5")
    assert "its positions do not go on" in one.what
    assert f"step {trajectory.segments[1].first_step}" in one.what


STARTS = {
    "as it was": lambda state: state,
    "with other velocities": lambda state: replace(state, momenta=state.momenta[::-1]),
    "with faster atoms": lambda state: replace(state, momenta=state.momenta * 1.5),
    "with a new thermostat": lambda state: replace(state, thermostat=state.thermostat * 0),
}


@pytest.mark.parametrize("start", STARTS)
def test_i5_a_run_that_went_on_wrongly(emt_copy, tmp_path, start):
    trajectory = trajectory_of(emt_copy)
    *before, segment = trajectory.segments
    last = emt_copy.blobs.get_arrays(before[-1].blob)
    state = State(
        step=before[-1].last_step,
        **{name: last[name][-1] for name in ("positions", "momenta", "thermostat")},
    )
    steps = get_engine("emt", tmp_path, Setup("md")).run_md(
        emt_copy.get(Structure, trajectory.structure_id).atoms,
        trajectory.recipe,
        trajectory.dynamics,
        segment.last_step,
        STARTS[start](state),
    )
    replace_segment(
        emt_copy, trajectory, -1 % len(trajectory.segments), **segment_arrays(list(steps))
    )
    found = violations(emt_copy, "I5")
    assert bool(found) == (start != "as it was"), found
    assert all(f"do not go on at step {segment.first_step}" in one.what for one in found)
