"""``tm23 cost``: planned and actual, with and without a plan."""

import json

import pytest
from fireworks import Workflow
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.cli.forecast import keep_plan
from tm23flows.flows.scales import make_tm23
from tm23flows.store.archive import Archive

EMT = ("Cu", "--scale", "demo", "--engine", "emt")


def test_what_ran_without_fireworks_has_a_cost(tm23, emt_archive):
    ran = tm23("cost")
    assert ran.code == 0
    assert "core-hours by stage, rejected labels included: aimd " in ran.out
    told = tm23("cost", "--json").json
    steps = next(one for one in told["rows"] if one["work"] == "emt step")
    assert steps["core_s"] == told["core_s"]["aimd"] > 0
    assert steps["ratio"] is None
    assert told["lost_attempts"] == []
    assert emt_archive.database["labels"].count_documents({}) > 0


@pytest.mark.usefixtures("emt_archive")
def test_a_plan_in_a_file(tm23, tmp_path):
    plan = tmp_path / "plan.json"
    assert tm23("plan", *EMT, "-o", plan).code == 0
    rows = tm23("cost", "--plan", plan, "--json").json["rows"]
    steps = next(one for one in rows if one["work"] == "emt step")
    assert steps["units"] == steps["planned_units"]
    assert steps["in_interval"]
    kept = json.loads(plan.read_text())
    for row in kept["kept"]["rows"]:
        if row["core_s"]:
            row["core_s"] = {name: 1e3 * value for name, value in row["core_s"].items()}
    plan.write_text(json.dumps(kept))
    ran = tm23("cost", "--plan", plan)
    assert "in the interval of the plan: 0 of " in ran.out


def test_a_plan_in_the_launchpad(tm23, launchpad, run_flow, monkeypatch):
    monkeypatch.setenv("TM23_DATABASE", "cost-test")
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    run_flow(maker.make("Cu"))
    workflow = flow_to_workflow(maker.make("Cu"), store=None)
    keep_plan(workflow)
    launchpad.add_wf(Workflow.from_dict(workflow.to_dict()))
    told = tm23("cost", "--metal", "Cu", "--json").json
    steps = next(one for one in told["rows"] if one["work"] == "emt step")
    assert steps["planned_units"] == steps["units"] > 0
    assert steps["expected_core_s"]["low"] < steps["core_s"] < steps["expected_core_s"]["high"]
    assert tm23("cost", "--metal", "Ti", "--json").json["rows"] == []
    assert Archive.open().database.name == "cost-test"


def test_nothing_yet(tm23, archive):
    ran = tm23("cost")
    assert ran.code == 0
    assert "nothing was done yet" in ran.out
    assert archive.database["labels"].count_documents({}) == 0


@pytest.mark.parametrize("words", [("--metal", "Xx"), ("--plan", "no-such-file.json")])
def test_wrong_words(tm23, words):
    ran = tm23("cost", *words)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert ran.out == ""
