"""What was spent beside what was planned: in the archive, with plans of the launchpad or a file."""

import json

import pytest
from fireworks import Firework, ScriptTask, Workflow

from tm23flows.documents.effort import Effort
from tm23flows.errors import InputError
from tm23flows.ops.cost.measured_work import measured_work
from tm23flows.ops.cost.spending import (
    PLAN_KEY,
    launchpad_plans,
    read_plan,
    spending,
)
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.testing.database import local_database


def row(core_s=None, units=100, metal="Cu", stage="aimd", work="emt step"):
    return {"metal": metal, "stage": stage, "work": work, "jobs": 3, "units": units,
            "core_s": core_s}  # fmt: skip


def around(value):
    return {"value": value, "low": value / 2, "high": value * 2}


def steps_of(archive, plans):
    return next(one for one in spending(archive, plans) if one.work == "emt step")


def test_without_a_plan_there_is_what_was_spent(emt_archive):
    found = spending(emt_archive, [])
    measured = measured_work(emt_archive)
    assert sum(one.core_s for one in found) == pytest.approx(sum(m.core_s for m in measured))
    assert {one.stage for one in found} == {"aimd", "label"}
    assert all(one.ratio is None and one.in_interval is None for one in found)
    assert all(one.memory_bytes > 0 for one in found)
    assert spending(emt_archive, [], "Ti") == []


@pytest.mark.parametrize(("factor", "inside"), [(1.0, True), (0.8, True), (5.0, False)])
def test_the_units_that_were_done_are_compared(emt_archive, factor, inside):
    spent = steps_of(emt_archive, [])
    # a plan of twice as many steps, of which half are done
    plan = [row(around(2 * factor * spent.core_s), units=2 * spent.units)]
    found = steps_of(emt_archive, [plan])
    assert found.planned_units == 2 * found.units
    assert found.expected_core_s.value == pytest.approx(factor * spent.core_s)
    assert found.ratio == pytest.approx(1 / factor)
    assert found.in_interval is inside
    assert found.as_dict()["ratio"] == found.ratio


def test_plans_add_up_and_one_without_times_makes_no_promise(emt_archive):
    both = steps_of(emt_archive, [[row(around(10.0))], [row(around(5.0))]])
    assert both.planned_units == 200
    assert (both.planned_core_s.low, both.planned_core_s.value) == (7.5, 15.0)
    open_one = steps_of(emt_archive, [[row(around(10.0))], [row(None)]])
    assert open_one.planned_core_s is None
    assert open_one.ratio is None


def test_what_is_planned_and_not_begun_is_there(emt_archive):
    plan = [row(around(9.0), metal="Au"), row(work="", stage="analyse", metal="Au")]
    (au,) = spending(emt_archive, [plan], "Au")
    assert (au.units, au.planned_units, au.core_s) == (0, 100, 0)
    assert au.expected_core_s is None


def test_rejected_labels_are_spent_too(emt_copy, make_frame):
    before = spending(emt_copy, [])
    label = emt_copy.database["labels"].find_one({"effort.cpu_s": {"$ne": None}})
    rejection = {
        "_id": "0" * 64,
        "frame_id": label["frame_id"],
        "recipe": label["recipe"],
        "reason": "a test",
        "effort": Effort(cpu_s=7.0).model_dump(),
    }
    emt_copy.database["rejections"].insert_one(rejection)
    after = spending(emt_copy, [])
    assert sum(one.rejected for one in after) == 1
    assert sum(one.rejected_core_s for one in after) == 7.0
    assert sum(one.core_s for one in after) == sum(one.core_s for one in before)


def test_a_plan_comes_back_from_its_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"kept": {"rows": [row(around(3.0)), row(None, work="x")]}}))
    first, second = read_plan(path)
    assert first["core_s"] == around(3.0)
    assert second["core_s"] is None


@pytest.mark.parametrize(
    "text", [None, "", "{}", '{"kept": {"rows": [{}]}}', '{"kept": {"rows": [1]}}', "[]"]
)
def test_another_file_is_no_plan(tmp_path, text):
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"no plan.*tm23 plan"):
        read_plan(path)


@pytest.fixture
def own_launchpad(archive, monkeypatch):
    """A launchpad beside an archive, in a server of their own."""
    with local_database() as server:
        monkeypatch.setenv("TM23_DB_PATH", str(server.path))
        launchpad = open_launchpad(server.uri)
        yield launchpad, type(archive).open()


def workflow(plan):
    return Workflow([Firework([ScriptTask.from_str("true")])], metadata={PLAN_KEY: plan})


def test_plans_of_the_launchpad_count_once_each(own_launchpad):
    launchpad, archive = own_launchpad
    one, other = {"rows": [row(around(1.0))]}, {"rows": [row(around(2.0))]}
    for plan in (one, one, other):
        launchpad.add_wf(workflow(plan))
    launchpad.add_wf(Workflow([Firework([ScriptTask.from_str("true")])]))
    assert sorted(plan[0]["core_s"]["value"] for plan in launchpad_plans(archive)) == [1.0, 2.0]


def test_the_same_work_counts_once_whatever_was_known_of_it(own_launchpad):
    launchpad, archive = own_launchpad
    before = len(launchpad_plans(archive))
    for work_id, value in (("a", 3.0), ("a", 4.0), ("b", 3.0)):
        launchpad.add_wf(workflow({"work_id": work_id, "rows": [row(around(value))]}))
    found = [plan[0]["core_s"]["value"] for plan in launchpad_plans(archive)[before:]]
    assert found == [3.0, 3.0]
