"""Failed jobs run again: chosen by plain text, once, and without waiting for locks."""

import uuid

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from fireworks.core.launchpad import WFLock

from tm23flows.errors import InputError
from tm23flows.ops.failures import Failure, list_failures
from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.ops.rerun import read_condition, rerun, select

DATABASE = "pymongo.errors.AutoReconnect"


@pytest.fixture
def launchpad(database):
    return open_launchpad(database.uri, f"rerun-{uuid.uuid4().hex[:8]}")


def states(launchpad):
    return {one.name: one.state for one in job_states(launchpad)}


def failure(**changes):
    given = {
        "fw_id": 7, "name": "Cu labels 1/2", "element": "Cu", "stage": "label",
        "error_class": "physics", "exception": "x.PhysicsError", "message": "no bands in [1, 2]",
        "host": "node1", "folder": "", "when": None, "attempts": 1,
    }  # fmt: skip
    return Failure(**{**given, **changes})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("error~=NO BANDS", True),
        ("error~=no.bands", False),
        ("error~=[1, 2]", True),
        ("error~=.*", False),
        ("error~={'$ne': 1}", False),
        ("error=x.PhysicsError: no bands in [1, 2]", True),
        ("error=no bands", False),
        ("class=physics", True),
        ("class~=PHYS", True),
        ("class = database", False),
        ("metal=Cu", True),
        ("metal=C", False),
        ("metal=cu", False),
        ("metal~=c", True),
        ("stage=label", True),
        ("name~=labels 1/", True),
        ("host=node1", True),
        ("host=$where", False),
        ("id=7", True),
        ("name~=a=b", False),
    ],
)
def test_conditions_are_plain_text(text, holds):
    assert read_condition(text).holds(failure()) is holds


@pytest.mark.parametrize(
    "text",
    ["", "error", "class", "=x", "error=", "error~= ", "class=nonsense", "color=red", "a.b=c",
     "$where=1", "Error=x", "error!=x"],
)  # fmt: skip
def test_what_is_no_condition_is_refused_with_what_to_write(text):
    with pytest.raises(InputError, match=r"write|choose"):
        read_condition(text)


def test_all_conditions_must_hold():
    failures = [failure(), failure(fw_id=8, element="Ti"), failure(fw_id=9, stage="aimd")]
    chosen = select(failures, [read_condition("metal=Cu"), read_condition("stage=label")])
    assert [one.fw_id for one in chosen] == [7]
    assert select(failures, []) == failures


def test_a_failed_job_runs_again_with_what_depends_on_it(launchpad, tmp_path):
    first = job("first", DATABASE, "gone")
    launchpad.add_wf(Workflow([first, job("child", parents=[first]), job("fine")]))
    run_all(launchpad, tmp_path)
    assert states(launchpad) == {"first": "FIZZLED", "child": "WAITING", "fine": "COMPLETED"}
    (failed,) = list_failures(launchpad.db)
    assert rerun(launchpad, failed).problem is None
    assert states(launchpad) == {"first": "READY", "child": "WAITING", "fine": "COMPLETED"}
    # the second time there is nothing to do, and nothing is done
    again = rerun(launchpad, failed)
    assert (again.problem, again.already) == (None, True)
    assert states(launchpad)["first"] == "READY"
    launchpad.fireworks.update_one({"name": "first"}, {"$set": {"spec._tasks.0.args": ["", ""]}})
    run_all(launchpad, tmp_path)
    assert set(states(launchpad).values()) == {"COMPLETED"}
    assert launchpad.workflows.count_documents({"locked": {"$exists": True}}) == 0


def test_a_locked_workflow_is_named_and_not_waited_for(launchpad, tmp_path):
    launchpad.add_wf(Workflow([job("locked", DATABASE)]))
    launchpad.add_wf(Workflow([job("free", DATABASE)]))
    run_all(launchpad, tmp_path)
    failures = list_failures(launchpad.db)
    with WFLock(launchpad, failures[0].fw_id):
        done = {one.failure.name: one.problem for one in (rerun(launchpad, f) for f in failures)}
    name = failures[0].name
    assert "locked" in done.pop(name)
    assert list(done.values()) == [None]
    assert states(launchpad)[name] == "FIZZLED"


def test_a_job_that_cannot_be_read_does_not_stop_the_others(launchpad, tmp_path):
    launchpad.add_wf(Workflow([job("broken", DATABASE)]))
    launchpad.add_wf(Workflow([job("whole", DATABASE)]))
    run_all(launchpad, tmp_path)
    gone = {"$set": {"spec._tasks.0._fw_name": "{{no.such.module.Task}}"}}
    launchpad.fireworks.update_one({"name": "broken"}, gone)
    found = [rerun(launchpad, one) for one in list_failures(launchpad.db)]
    problems = {one.failure.name: one.problem for one in found}
    assert "cannot be read" in problems["broken"]
    assert problems["whole"] is None
    assert launchpad.workflows.count_documents({"locked": {"$exists": True}}) == 0
