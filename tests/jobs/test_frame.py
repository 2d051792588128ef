"""The job that picks frames: the right steps, their own forces, and never too few."""

import numpy as np
import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.jobs.frame import make_label, select_frames
from tm23flows.jobs.trajectory import run_trajectory
from tm23flows.store.trajectories import read_segments

select = select_frames.original


@pytest.fixture
def trajectory(archive, structure):
    dynamics = {"temperature_K": 600.0, "timestep_fs": 4.0}
    out = run_trajectory(structure.id, {"engine": "emt"}, dynamics, 20, 6, "warm")
    return archive.get(Trajectory, out["trajectory_id"])


def test_frames_are_the_steps_that_were_asked_for(archive, trajectory):
    out = select(trajectory.id, 5, 4, 3)
    frames = archive.get_many(Frame, out["frame_ids"])
    assert [frame.step for frame in frames] == [9, 13, 17]
    assert [frame.time_fs for frame in frames] == [32.0, 48.0, 64.0]
    steps = {
        int(step): (positions, forces)
        for part in read_segments(archive, trajectory)
        for step, positions, forces in zip(
            part["step"], part["positions"], part["forces"], strict=True
        )
    }
    for frame in frames:
        assert np.array_equal(frame.positions, steps[frame.step][0])
        assert (frame.trajectory_id, frame.regime, frame.element) == (trajectory.id, "warm", "Cu")
        assert frame.temperature_K == 600.0
        (label,) = archive.labels(frame=frame.id)
        assert np.array_equal(label.forces, steps[frame.step][1])


def test_the_forces_of_the_run_are_labels_with_the_past_of_the_run(archive, trajectory):
    out = select(trajectory.id, 5, 4, 3)
    labels = list(archive.labels(recipe=trajectory.recipe.id))
    assert [label.frame_id for label in labels] == out["frame_ids"]
    for label in labels:
        assert label.provenance == trajectory.provenance
        assert label.stress is not None
        assert archive.trace(label.id).complete


def test_twice_is_once(archive, trajectory):
    assert select(trajectory.id, 5, 4, 3) == select(trajectory.id, 5, 4, 3)
    assert archive.database["frames"].count_documents({}) == 3
    assert archive.database["labels"].count_documents({}) == 3


@pytest.mark.parametrize("numbers", [(5, 4, 4), (20, 1, 1), (0, 7, 3)])
def test_a_run_that_is_too_short_gives_no_frame_at_all(archive, trajectory, numbers):
    with pytest.raises(InputError, match="20 steps but"):
        select(trajectory.id, *numbers)
    assert archive.database["frames"].count_documents({}) == 0


def test_a_label_repeats_the_facts_of_its_frame(make_frame, make_label):
    frame = make_frame(seed=4, trajectory_id="t" * 64)
    pattern = make_label(frame)
    label = make_label_from(frame, pattern)
    for name in ("element", "regime", "temperature_K", "trajectory_id", "step"):
        assert getattr(label, name) == getattr(frame, name)
    assert label.id == pattern.id


def make_label_from(frame, pattern):
    names = ("recipe", "provenance", "energies", "forces", "stress", "effort")
    label = make_label(frame, **{name: getattr(pattern, name) for name in names})
    assert isinstance(label, Label)
    return label


def test_steps_that_did_not_converge_never_become_frames(archive, structure):
    from tm23flows.documents.base import Provenance
    from tm23flows.documents.recipe import Recipe
    from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics
    from tm23flows.store.trajectories import append_segment

    atoms, count = len(structure.numbers), 20
    run = Trajectory(
        provenance=Provenance.now(),
        structure_id=structure.id,
        element="Cu",
        regime="warm",
        recipe=Recipe(engine="emt"),
        dynamics=Dynamics(temperature_K=600.0),
    )
    archive.put(run)
    shapes = dict.fromkeys(SEGMENT_ARRAYS, (count,))
    shapes |= dict.fromkeys(("positions", "forces"), (count, atoms, 3))
    shapes |= {"momenta": (count, 0, 3), "thermostat": (count, 0), "stress": (count, 6)}
    random = np.random.default_rng(1)
    arrays = {name: random.normal(size=shape) for name, shape in shapes.items()}
    arrays |= {"step": np.arange(1, count + 1), "scf_iterations": np.full(count, 9)}
    arrays["converged"] = np.ones(count, dtype=int)
    arrays["converged"][[11, 12, 15]] = 0  # steps 12, 13, 16
    arrays["forces"][11] = np.nan
    append_segment(archive, run, arrays)
    out = select(run.id, 8, 4, 3)
    assert [frame.step for frame in archive.get_many(Frame, out["frame_ids"])] == [11, 15, 20]
    assert out["unusable_steps"] == 3
    assert {label.effort.scf_iterations for label in archive.labels(recipe=run.recipe.id)} == {9}
