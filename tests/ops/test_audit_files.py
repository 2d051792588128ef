"""The audit of blobs and seams: missing, damaged and foreign arrays are found."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.base import Setup, State, get_engine
from tm23flows.jobs.trajectory import segment_arrays
from tm23flows.ops.audit import audit


def violations(archive, only):
    return audit(archive, [only]).violations


def trajectory_of(archive):
    stored = archive.database["trajectories"].find_one(sort=[("_id", 1)])
    return archive.get(Trajectory, stored["_id"])


def replace_segment(archive, trajectory, place, **changes):
    """Put other arrays into a segment, as if a program had written them."""
    segment = trajectory.segments[place]
    arrays = {**archive.blobs.get_arrays(segment.blob), **changes}
    blob = archive.blobs.put_arrays(**arrays)
    archive.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {f"segments.{place}.blob": blob}}
    )


@pytest.mark.parametrize("owner", ["trajectories", "models", "evaluations"])
def test_i2_a_blob_that_is_gone(road, owner):
    archive, _ = road
    stored = archive.database[owner].find_one()
    blob = {
        "trajectories": lambda: stored["segments"][0]["blob"],
        "models": lambda: stored["files"][0]["blob"],
        "evaluations": lambda: stored["predictions"],
    }[owner]()
    archive.database["blobs"].files.delete_one({"_id": blob})
    (one,) = violations(archive, "I2")
    assert (one.where, one.id, blob in one.what) == (owner, stored["_id"], True)
    assert "backup" in one.fix


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_i2_a_blob_that_is_damaged(emt_copy, damage):
    blob = trajectory_of(emt_copy).segments[0].blob
    chunks = emt_copy.database["blobs"].chunks
    chunk = chunks.find_one({"files_id": blob})
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    changed = bytes(data) if damage == "flip" else bytes(data[:100])
    chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": changed}})
    (one,) = violations(emt_copy, "I2")
    assert "damaged" in one.what
    # The run cannot be followed either, which is said and is no second violation.
    found = audit(emt_copy, ["I5"])
    assert found.ok
    assert "could not be followed" in found.findings["I5"].notes[0]


def test_i2_a_blob_that_holds_no_arrays(road):
    archive, evaluation = road
    blob = archive.blobs.put(b"nonsense")
    archive.database["evaluations"].update_one(
        {"_id": evaluation.id}, {"$set": {"predictions": blob}}
    )
    (one,) = violations(archive, "I2")
    assert "holds no arrays" in one.what


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("forces", lambda a: a[:, :-1], "forces has shape"),
        ("forces", lambda a: a[:-1], "forces has shape"),
        ("stress", lambda a: a[:, :3], "stress has shape"),
        ("positions", lambda a: a.astype(int), "positions is int64"),
        ("converged", lambda a: a.astype(float), "converged is float64"),
    ],
)
def test_i2_arrays_of_another_shape_or_type(emt_copy, name, change, words):
    trajectory = trajectory_of(emt_copy)
    arrays = emt_copy.blobs.get_arrays(trajectory.segments[0].blob)
    replace_segment(emt_copy, trajectory, 0, **{name: change(arrays[name])})
    assert any(words in one.what for one in violations(emt_copy, "I2"))


def test_i2_blobs_without_a_document_are_counted_not_blamed(emt_copy):
    new, old = emt_copy.blobs.put(b"new"), emt_copy.blobs.put(b"old")
    files = emt_copy.database["blobs"].files
    long_ago = datetime.now() - timedelta(days=40)  # noqa: DTZ005 - as the driver returns it
    files.update_one({"_id": old}, {"$set": {"uploadDate": long_ago}})
    emt_copy.database["blobs"].chunks.insert_one({"files_id": "f" * 64, "n": 0, "data": b"x"})
    found = audit(emt_copy, ["I2"])
    assert found.ok
    first, second = found.findings["I2"].notes
    assert first.startswith("2 blobs that no document names, 1 of them older")
    assert second.startswith("1 blobs that were begun")
    assert new != old


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
