"""Tasks of a plan compare by what they do."""

from tm23flows.ops.cost.tasks import Task, Work
from tm23flows.ops.cost.work import STEP, Kind


def test_a_task_does_nothing_that_it_was_not_told():
    task = Task(1, "Cu structure", "Cu", "analyse", "build_structure", ())
    assert task.work == ()
    assert task.frames == 0
    assert task.n_atoms is None


def test_work_of_one_kind_and_size_is_the_same():
    sizes = ({"atoms": 7.0},)
    assert Work(Kind("emt", STEP), 10, sizes) == Work(Kind("emt", STEP), 10, ({"atoms": 7.0},))
    assert Work(Kind("emt", STEP), 10, sizes) != Work(Kind("emt", STEP), 11, sizes)
