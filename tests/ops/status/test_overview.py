import json
from datetime import timedelta

import pytest
from failing_jobs import job
from fireworks import Workflow
from status_kit import claimed, fill_launchpad, refusal

from tm23flows.ops.status.overview import Observer
from tm23flows.store.trainings import begin_training


@pytest.fixture
def observe(archive, launchpad):
    """A function that looks, perhaps at one metal only."""

    def look(element=None):
        return Observer(archive, element, timedelta(hours=1), launchpad.name).look()

    return look


def test_nothing_at_all(observe):
    view = observe()
    assert (view.elements, view.stages, view.failures, view.running) == ([], [], [], [])
    told = view.as_dict()
    assert (told["jobs"], told["metals"], told["stages"]) == ({}, [], {})
    assert told["eta"]["seconds"] == 0
    assert set(told["rates"].values()) == {0}


def test_a_moment_as_json(observe, archive, launchpad, tmp_path, make_frame, make_label):
    fill_launchpad(launchpad, tmp_path)
    frame, other = make_frame(1), make_frame(2)
    archive.put(frame, other, make_label(frame), refusal(other, "the electrons did not converge"))
    claimed(archive, name="Os labels", element="Os", stage="label")
    told = json.loads(json.dumps(observe().as_dict(), default=str))
    # the words of before
    assert told["jobs"] == {"WAITING": 1, "READY": 2, "COMPLETED": 2, "FIZZLED": 1}
    assert told["running"] == []
    assert told["failed"] == {"Cu labels 3/3": "pymongo.errors.AutoReconnect: gone"}
    assert told["documents"]["frames"] == 2
    assert (told["steps"], told["trainings"]) == (0, [])
    # and the new ones
    copper, titanium = told["metals"]
    assert copper["metal"] == "Cu"
    assert list(copper["stages"]) == ["label", "analyse"]
    assert copper["stages"]["label"]["done"] == 2
    assert copper["stages"]["label"]["paused"] == 0
    assert (copper["frames"], copper["frames_accepted"], copper["frames_rejected"]) == (2, 1, 1)
    assert (copper["frames_waiting"], copper["reasons"]) == (0, {"not_converged": 1})
    assert titanium["stages"]["aimd"]["ready"] == 1
    assert list(told["stages"]) == ["aimd", "label", "analyse"]
    assert told["stages"]["aimd"]["eta"]["seconds"] is None
    assert told["stages"]["label"]["jobs_per_hour"] == pytest.approx(120)  # in a minute at least
    assert told["failures"]["database"]["jobs"] == 1
    assert told["failed_jobs"][0]["error_class"] == "database"
    assert [one["name"] for one in told["running_jobs"]] == ["Os labels"]
    assert told["rates"]["labels_per_hour"] > 0
    assert told["eta"]["seconds"] is None
    assert told["window_s"] == 3600


def test_one_metal_alone(observe, archive, launchpad, tmp_path, make_frame, make_label):
    fill_launchpad(launchpad, tmp_path)
    frame = make_frame(1)
    archive.put(frame, make_label(frame))
    for number, element in enumerate(("Cu", "Ti")):
        begin_training(archive, str(number) * 64, {"trainer": "flare", "element": element}, "node")
    told = observe("Ti").as_dict()
    assert [one["metal"] for one in told["metals"]] == ["Ti"]
    assert told["jobs"] == {"READY": 2}
    assert (told["failed"], told["failed_jobs"], told["rates"]["jobs_per_hour"]) == ({}, [], 0)
    assert [one["about"]["element"] for one in told["trainings"]] == ["Ti"]
    assert observe("Cu").as_dict()["jobs"] == {"COMPLETED": 2, "FIZZLED": 1, "WAITING": 1}


def test_steps_and_running_jobs_of_one_metal_alone(emt_copy, launchpad):
    launchpad.add_wf(Workflow([job("Cu labels"), job("Ti labels", element="Ti")]))
    launchpad.fireworks.update_many({}, {"$set": {"state": "RUNNING"}})

    def look(element):
        return Observer(emt_copy, element, timedelta(hours=1), launchpad.name).look().progress

    assert (look("Cu").steps, look("Cu").running) == (3 * 48, ["Cu labels"])
    assert (look("Ti").steps, look("Ti").running) == (0, ["Ti labels"])


def test_looking_changes_nothing(observe, archive, launchpad, tmp_path):
    fill_launchpad(launchpad, tmp_path)

    def everything():
        databases = (launchpad.db, archive.database)
        return {
            (base.name, name): list(base[name].find({}).sort("_id", 1))
            for base in databases
            for name in base.list_collection_names()
        }

    before = everything()
    observe()
    assert everything() == before
