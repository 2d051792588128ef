"""Segments: nothing lost at a seam, nothing there twice, one writer at a time."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics, Trajectory
from tm23flows.errors import DatabaseError
from tm23flows.store.trajectories import append_segment, read_segments


@pytest.fixture
def run(archive):
    trajectory = Trajectory(
        provenance=Provenance.now(),
        structure_id="s" * 64,
        element="Cu",
        regime="cold",
        recipe=Recipe(engine="emt"),
        dynamics=Dynamics(temperature_K=300),
    )
    archive.put(trajectory)
    return trajectory


def steps(first, last, value=0.0):
    count = last - first + 1
    shapes = dict.fromkeys(SEGMENT_ARRAYS, (count,))
    shapes |= dict.fromkeys(("positions", "momenta", "forces"), (count, 2, 3))
    arrays = {name: np.full(shape, value) for name, shape in shapes.items()}
    return {**arrays, "step": np.arange(first, last + 1)}


def stored(archive, run):
    return archive.get(Trajectory, run.id)


def test_segments_join_without_a_seam(archive, run):
    for first, last in ((1, 5), (6, 10), (11, 12)):
        run = append_segment(archive, run, steps(first, last, value=first))
    assert stored(archive, run).segments == run.segments
    assert run.n_steps == 12
    parts = list(read_segments(archive, stored(archive, run)))
    assert np.concatenate([part["step"] for part in parts]).tolist() == list(range(1, 13))
    assert [part["temperature"][0] for part in parts] == [1.0, 6.0, 11.0]


@pytest.mark.parametrize(
    ("first", "last"), [(7, 9), (5, 9), (1, 5), (0, 5)], ids=["gap", "overlap", "again", "zero"]
)
def test_steps_that_do_not_follow_are_refused(archive, run, first, last):
    run = append_segment(archive, run, steps(1, 5))
    with pytest.raises(
        DatabaseError, match=f"steps {first} to {last} .* do not follow the 5 steps"
    ):
        append_segment(archive, run, steps(first, last))
    assert stored(archive, run).n_steps == 5


def test_a_hole_inside_a_segment_is_refused(archive, run):
    arrays = steps(1, 3)
    arrays["step"] = np.array([1, 2, 4])
    with pytest.raises(DatabaseError, match="do not follow"):
        append_segment(archive, run, arrays)


def test_a_segment_without_steps_is_refused(archive, run):
    with pytest.raises(DatabaseError, match="no steps"):
        append_segment(archive, run, steps(1, 0))


def test_of_two_writers_only_the_first_goes_on(archive, run):
    ahead = append_segment(archive, run, steps(1, 5, value=1.0))
    with pytest.raises(DatabaseError, match="Another worker"):
        append_segment(archive, run, steps(1, 5, value=2.0))
    assert [part["temperature"][0] for part in read_segments(archive, stored(archive, run))] == [
        1.0
    ]
    assert append_segment(archive, ahead, steps(6, 7)).n_steps == 7


def test_a_run_that_was_never_stored_is_not_made_by_its_segments(archive, run):
    archive.database["trajectories"].delete_many({})
    with pytest.raises(DatabaseError):
        append_segment(archive, run, steps(1, 5))
    assert archive.database["trajectories"].count_documents({}) == 0


def test_missing_arrays_are_named(archive, run):
    arrays = steps(1, 5)
    del arrays["momenta"], arrays["forces"]
    with pytest.raises(DatabaseError, match="forces, momenta"):
        append_segment(archive, run, arrays)
