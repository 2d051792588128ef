from datetime import timedelta

import pytest
from failing_jobs import job
from fireworks import FWorker, Workflow
from status_kit import claimed, fill_launchpad

from tm23flows.ops.moments import server_now
from tm23flows.ops.status.jobs import SILENT_S, WORDS, Place, count_jobs, running_jobs


def test_jobs_are_counted_by_metal_stage_and_state(launchpad, tmp_path):
    fill_launchpad(launchpad, tmp_path)
    table = count_jobs(launchpad.db)
    assert table.counts == {
        Place("Cu", "label"): {"done": 2, "failed": 1},
        Place("Cu", "analyse"): {"waiting": 1},
        Place("Ti", "aimd"): {"ready": 1},
        Place("Ti", "label"): {"ready": 1},
    }
    assert table.by_stage()["label"] == {"done": 2, "failed": 1, "ready": 1}
    assert table.by_element()["Ti"] == {"ready": 2}
    assert set(table.places) == set(launchpad.get_fw_ids())


def test_one_metal_alone(launchpad, tmp_path):
    fill_launchpad(launchpad, tmp_path)
    assert set(count_jobs(launchpad.db, "Ti").by_element()) == {"Ti"}
    assert count_jobs(launchpad.db, "Os").counts == {}


def test_every_state_of_fireworks_has_a_word_and_archived_jobs_have_none(launchpad):
    launchpad.add_wf(Workflow([job(str(number)) for number in range(3)]))
    paused, defused, archived = launchpad.get_fw_ids()
    launchpad.pause_fw(paused)
    launchpad.defuse_fw(defused)
    launchpad.fireworks.update_one({"fw_id": archived}, {"$set": {"state": "ARCHIVED"}})
    assert count_jobs(launchpad.db).by_element() == {"Cu": {"paused": 1, "defused": 1}}
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.fixture
def taken(launchpad, tmp_path):
    """A job that a worker has taken, its uuid as one of jobflow has it."""
    launchpad.add_wf(Workflow([job("Cu labels", element="Cu")]))
    firework, launch = launchpad.checkout_fw(FWorker(), str(tmp_path), host="node3")
    launchpad.fireworks.update_one(
        {"fw_id": firework.fw_id}, {"$set": {"spec._tasks.0.job": {"uuid": "u-1"}}}
    )
    return firework.fw_id, launch


def test_without_a_claim_the_pings_of_the_worker_count(launchpad, taken, archive):
    fw_id, launch = taken
    now = server_now(archive.database)
    (one,) = running_jobs(launchpad.db, archive.database, now)
    assert (one.fw_id, one.name, one.element, one.stage) == (fw_id, "Cu labels", "Cu", "label")
    assert (one.host, one.silent) == ("node3", False)
    later = now + timedelta(seconds=2 * SILENT_S)
    (one,) = running_jobs(launchpad.db, archive.database, later)
    assert one.silent
    assert one.heard_s > SILENT_S
    launchpad.ping_launch(launch, ptime=later)
    (one,) = running_jobs(launchpad.db, archive.database, later)
    assert not one.silent
    assert one.ran_s > SILENT_S


def test_a_claim_says_more_than_pings(launchpad, taken, archive):
    now = claimed(archive, "u-1", ago_s=30)
    (one,) = running_jobs(launchpad.db, archive.database, now)
    assert (one.host, one.silent) == ("node7", False)
    assert one.heard_s == pytest.approx(30, abs=0.01)
    archive.database["claims"].update_one({}, {"$set": {"lease_s": 1.0}})
    assert running_jobs(launchpad.db, archive.database, now + timedelta(seconds=90))[0].silent


def test_what_runs_outside_of_fireworks_is_shown_by_its_claim(launchpad, archive):
    claimed(archive, name="gone", element="Cu", stage="label", ago_s=1e5)
    now = claimed(archive, name="Ti cold trajectory", element="Ti", stage="aimd", kind="trajectory")
    gone, alive = running_jobs(launchpad.db, archive.database, now)
    assert (gone.name, gone.silent) == ("gone", True)
    assert (alive.name, alive.fw_id, alive.stage) == ("Ti cold trajectory", None, "aimd")
    assert alive.ran_s == pytest.approx(90, abs=0.01)
    assert [one.name for one in running_jobs(launchpad.db, archive.database, now, "Cu")] == ["gone"]
