"""What plans say about costs, in words and in the workflow itself."""

import json

from fireworks import Workflow
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.cli.forecast import keep_plan, make_forecast
from tm23flows.flows.scales import make_tm23
from tm23flows.store.archive import Archive

EMT = ("Cu", "--scale", "demo", "--engine", "emt")


def test_without_a_database_nothing_has_a_time_and_the_reason_is_said(tm23):
    ran = tm23("plan", *EMT)
    assert ran.code == 0
    assert "times: unknown" in ran.out
    assert "tm23 db start" in ran.out
    told = tm23("plan", *EMT, "--json").json
    assert told["forecast"]["sums"][-1]["core_s"] is None
    assert "tm23 db start" in told["forecast"]["no_archive"]
    assert told["forecast"]["sums"][-1]["database_bytes"] > 0


def test_an_archive_says_what_it_has_measured(tm23, emt_archive):
    told = tm23("plan", *EMT, "--json").json["forecast"]
    assert told["no_archive"] is None
    known = {row["work"]: row["core_s"] for row in told["rows"]}
    assert known["emt step"]["low"] < known["emt step"]["value"] < known["emt step"]["high"]
    assert known["flare training"] is None
    assert any("flare training" in one for one in told["unknown"])
    ran = tm23("plan", *EMT, "--workers", 2)
    assert "with 2 workers: " in ran.out
    assert "no flare training with these hyperparameters was measured yet" in ran.out
    assert emt_archive.database["labels"].count_documents({}) > 0


def test_a_database_that_does_not_answer_is_none(monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://user:secret@127.0.0.1:9/")
    monkeypatch.setattr("tm23flows.store.connect.SELECTION_TIMEOUT_MS", 200)
    flow = make_tm23("Cu", "demo", "emt").make("Cu")
    found, reason = make_forecast(flow_to_workflow(flow, store=None))
    assert found.total.core_s is None
    assert "does not answer" in reason
    assert "secret" not in reason


def test_a_built_workflow_keeps_its_plan(tm23, emt_archive, tmp_path):
    assert tm23("build", *EMT, "-o", tmp_path / "wf.yaml").code == 0
    workflow = Workflow.from_file(str(tmp_path / "wf.yaml"))
    kept = workflow.metadata["tm23_plan"]
    planned = tm23("plan", *EMT, "--json").json
    assert kept == planned["kept"]
    assert {row["stage"] for row in kept["rows"]} == {"aimd", "label", "train-gpu", "analyse"}
    assert Archive.open().database.name == emt_archive.database.name
    keep_plan(workflow)
    assert workflow.metadata["tm23_plan"] == kept


def test_the_plan_as_a_file(tm23, tmp_path):
    ran = tm23("plan", *EMT, "-o", tmp_path / "plan.json", "--json")
    assert json.loads((tmp_path / "plan.json").read_text()) == ran.json
    refused = tm23("plan", *EMT, "-o", tmp_path / "nowhere" / "plan.json")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
