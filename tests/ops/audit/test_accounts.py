"""The accounts of label jobs: every label that was asked for is accepted, rejected or pending."""

import uuid

import pytest
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.flows.label import LabelMaker
from tm23flows.ops.audit.jobs import check_jobs
from tm23flows.ops.audit.ledger import Ledger

pytestmark = pytest.mark.filterwarnings("ignore:Some jobs are not connected")


@pytest.fixture
def launchpad(archive):
    """FireWorks' database beside the archive, under a name of its own."""
    database = archive.database.client[f"launchpad-{uuid.uuid4().hex[:8]}"]
    yield database
    database.client.drop_database(database.name)


def violations(archive, launchpad, only):
    return check(archive, launchpad, only).violations


def check(archive, launchpad, only):
    ledger = Ledger([only])
    check_jobs(ledger, archive, launchpad.name)
    return ledger


@pytest.fixture
def labelled(archive, launchpad, make_frame, make_label):
    """A workflow of two label jobs that are done, as FireWorks and jobflow store them."""
    frames = [make_frame(seed=seed) for seed in range(4)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    flow = LabelMaker(recipe=labels[0].recipe, batch_size=2).make(
        [frame.id for frame in frames], 4, "Cu", "cold"
    )
    outputs = archive.database.client["jobflow"]["outputs"]
    for number, firework in enumerate(flow_to_workflow(flow).fws, start=1):
        stored = {**firework.to_dict(), "fw_id": number, "state": "COMPLETED"}
        launchpad["fireworks"].insert_one(stored)
        job = stored["spec"]["_tasks"][0]["job"]
        outputs.insert_one(
            {"uuid": job["uuid"], "index": 1,
             "output": {"recipe_ids": [labels[0].recipe_id], "waiting": 0}}
        )  # fmt: skip
    return frames, labels


def test_i9_the_accounts_of_jobs_add_up(archive, launchpad, labelled):
    found = check(archive, launchpad, "I9")
    assert found.ok
    assert found.findings["I9"].notes == ["2 jobs, 4 labels asked for, 4 accepted, 0 rejected"]


def test_i9_a_label_that_is_neither_accepted_nor_rejected(archive, launchpad, labelled):
    _, labels = labelled
    archive.database["labels"].delete_one({"_id": labels[3].id})
    (one,) = violations(archive, launchpad, "I9")
    assert labels[3].id in one.what
    assert one.fix.startswith("lpad rerun_fws -i 2")


def test_i9_a_job_that_is_not_done_owes_nothing_yet(archive, launchpad, labelled):
    _, labels = labelled
    archive.database["labels"].delete_one({"_id": labels[3].id})
    launchpad["fireworks"].update_one({"fw_id": 2}, {"$set": {"state": "RUNNING"}})
    found = check(archive, launchpad, "I9")
    assert found.ok
    assert "1 jobs that are not done" in found.findings["I9"].notes[0]


def test_i9_frames_that_another_job_chose_are_looked_up(archive, launchpad, labelled):
    frames, labels = labelled
    outputs = archive.database.client["jobflow"]["outputs"]
    chosen = str(uuid.uuid4())
    outputs.insert_one(
        {"uuid": chosen, "index": 1, "output": {"frame_ids": [one.id for one in frames]}}
    )
    reference = {"@module": "jobflow.core.reference", "@class": "OutputReference", "uuid": chosen,
                 "attributes": [["i", "frame_ids"]]}  # fmt: skip
    launchpad["fireworks"].update_many(
        {}, {"$set": {"spec._tasks.0.job.function_args.0": reference}}
    )
    assert check(archive, launchpad, "I9").findings["I9"].notes[0].startswith("2 jobs, 4 labels")
    archive.database["labels"].delete_one({"_id": labels[0].id})
    (one,) = violations(archive, launchpad, "I9")
    assert labels[0].id in one.what


def test_i9_single_frames_of_other_jobs_are_looked_up(archive, launchpad, labelled):
    """As a convergence test has them: the last frame of each run, and jobs that are not done."""
    frames, labels = labelled
    outputs = archive.database.client["jobflow"]["outputs"]
    chosen = str(uuid.uuid4())
    outputs.insert_one(
        {"uuid": chosen, "index": 1, "output": {"frame_ids": [one.id for one in frames]}}
    )

    def last_of(job):
        return {"@module": "jobflow.core.reference", "@class": "OutputReference", "uuid": job,
                "attributes": [["i", "frame_ids"], ["i", -1]]}  # fmt: skip

    ask = "spec._tasks.0.job.function_args.0"
    fireworks = launchpad["fireworks"]
    fireworks.update_one({"fw_id": 1}, {"$set": {ask: [frames[0].id, last_of(chosen)]}})
    fireworks.update_one({"fw_id": 2}, {"$set": {ask: [last_of(str(uuid.uuid4()))] * 2}})
    both = {"spec._tasks.0.job.function_args.2": -2, "spec._tasks.0.job.function_args.3": 0}
    fireworks.update_many({}, {"$set": both})
    (note,) = check(archive, launchpad, "I9").findings["I9"].notes
    assert "2 jobs, 2 labels asked for, 2 accepted, 0 rejected, 1 jobs whose output" in note
    archive.database["labels"].delete_one({"_id": labels[3].id})
    (one,) = violations(archive, launchpad, "I9")
    assert labels[3].id in one.what


def test_the_launchpad_is_only_read(archive, launchpad, labelled):
    before = {name: list(launchpad[name].find()) for name in launchpad.list_collection_names()}
    for only in ("I4", "I9", "I10"):
        check(archive, launchpad, only)
    assert {
        name: list(launchpad[name].find()) for name in launchpad.list_collection_names()
    } == before
