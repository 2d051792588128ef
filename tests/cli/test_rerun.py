"""``tm23 rerun`` on a launchpad whose jobs really failed."""

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from fireworks.core.launchpad import WFLock

from tm23flows.ops.launchpad import job_states

DATABASE = "pymongo.errors.AutoReconnect"


@pytest.fixture
def failed(launchpad, tmp_path):
    """Two jobs lost the database, one has no bands, one is done."""
    for one in (
        job("Cu labels", DATABASE, "gone", "Cu"),
        job("Ti labels", DATABASE, "gone", "Ti"),
        job("Ti trajectory", "tm23flows.errors.PhysicsError", "no bands", "Ti", "aimd"),
        job("fine"),
    ):
        launchpad.add_wf(Workflow([one]))
    run_all(launchpad, tmp_path)
    return launchpad


def states(launchpad):
    return {one.name: one.state for one in job_states(launchpad)}


def test_by_class_of_error_once(tm23, failed):
    ran = tm23("rerun", "--where", "class=database", "--json")
    assert ran.code == 0
    assert (ran.json["rerun"], ran.json["problems"]) == (2, 0)
    assert ran.json["classes"] == {"database": 2}
    assert {one["name"] for one in ran.json["jobs"]} == {"Cu labels", "Ti labels"}
    assert states(failed) == {
        "Cu labels": "READY", "Ti labels": "READY", "Ti trajectory": "FIZZLED", "fine": "COMPLETED",
    }  # fmt: skip
    again = tm23("rerun", "--where", "class=database")
    assert (again.code, again.out.strip()) == (
        0,
        "no failed job is like that; 'tm23 status' shows what failed",
    )


def test_all_conditions_must_hold_and_a_dry_run_changes_nothing(tm23, failed):
    words = ("rerun", "--where", "metal=Ti", "--where", "error~=AUTORECONNECT", "--dry-run")
    before = states(failed)
    ran = tm23(*words)
    assert ran.code == 0
    assert "Ti labels: pymongo.errors.AutoReconnect: gone" in ran.out
    assert "Cu labels" not in ran.out
    assert "1 of 1 would run again" in ran.out
    assert states(failed) == before


def test_all_says_which_will_fail_again(tm23, failed):
    ran = tm23("rerun", "--all")
    assert "3 of 3 run again" in ran.out
    assert "1 of them failed of what does not pass by itself" in ran.out
    assert "FIZZLED" not in states(failed).values()


def test_a_locked_workflow_is_a_problem(tm23, failed):
    number = next(one.fw_id for one in job_states(failed) if one.name == "Cu labels")
    with WFLock(failed, number):
        ran = tm23("rerun", "--where", "class=database")
    assert ran.code == 1
    assert "1 of 2 run again" in ran.out
    assert "locked" in ran.out


@pytest.mark.parametrize(
    "words", [(), ("--all", "--where", "class=lost"), ("--where", "class=$ne"), ("--where", "x=y")]
)
def test_without_a_choice_nothing_happens(tm23, failed, words):
    before = states(failed)
    ran = tm23("rerun", *words)
    assert ran.code == 2
    assert ran.err.startswith("tm23: ")
    assert states(failed) == before


def test_without_a_database_one_sentence_says_so(tm23, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://me:S3CRET-word@127.0.0.1:9")
    monkeypatch.setattr("tm23flows.store.connect.SELECTION_TIMEOUT_MS", 200)
    ran = tm23("rerun", "--all")
    assert ran.code == 2
    assert "does not answer" in ran.err
    assert "S3CRET" not in ran.err


def test_what_was_put_back_with_its_parent_is_no_problem(tm23, launchpad, tmp_path):
    # the later a Firework is made, the smaller its number, and smaller numbers come first
    child = job("child", "builtins.MemoryError", "x")
    parent = job("parent", DATABASE, "gone")
    child.spec["_allow_fizzled_parents"] = True
    launchpad.add_wf(Workflow([parent, child], {parent: [child]}))
    run_all(launchpad, tmp_path)
    assert states(launchpad) == {"parent": "FIZZLED", "child": "FIZZLED"}
    ran = tm23("rerun", "--all", "--json")
    assert ran.code == 0
    assert {one["name"]: one["already"] for one in ran.json["jobs"]} == {
        "parent": False, "child": True,
    }  # fmt: skip
    assert states(launchpad) == {"parent": "READY", "child": "WAITING"}
