"""Which jobs nobody does: by their launches, claims, queue jobs and pings."""

import socket
from datetime import datetime, timedelta

import pytest

from tm23flows.ops.recovery.holes import (
    Living,
    claims_by_job,
    find_holes,
    last_ping,
    unsubmitted_launches,
)
from tm23flows.ops.recovery.queue import QueuedJobs

NOW = datetime.fromisoformat("2030-01-01")
HERE = socket.gethostname()


def add(launchpad, state, launch_state, age_s=0.0, host=HERE, **history):
    pinged = (NOW - timedelta(seconds=age_s)).isoformat()
    launchpad.fireworks.insert_one(
        {"fw_id": 1, "name": "a job", "state": state, "launches": [7],
         "spec": {"_tasks": [{"job": {"uuid": "u"}}]}}
    )  # fmt: skip
    launchpad.launches.insert_one(
        {"launch_id": 7, "fw_id": 1, "state": launch_state, "host": host, "launch_dir": "/runs/a",
         "state_history": [{"state": launch_state, "updated_on": pinged, **history}]}
    )  # fmt: skip


def found(launchpad, queue=None, claims=None, unsubmitted=()):
    living = Living(NOW, 100.0, claims or {}, frozenset(unsubmitted), lambda: queue)
    return [(one.how, one.what) for one in find_holes(launchpad.db, living)]


@pytest.mark.parametrize(
    ("state", "launch", "how"),
    [
        ("RUNNING", "COMPLETED", "refresh"),
        ("RUNNING", "FIZZLED", "refresh"),
        ("RESERVED", "COMPLETED", "refresh"),
        ("FIZZLED", "COMPLETED", "refresh"),
        ("FIZZLED", "FIZZLED", None),
        ("FIZZLED", "RUNNING", "put back"),
        ("RUNNING", "RUNNING", "put back"),
        ("RESERVED", "RESERVED", None),
        ("COMPLETED", "COMPLETED", None),
    ],
)
def test_by_the_state_of_the_launch(launchpad, state, launch, how):
    add(launchpad, state, launch, age_s=101.0)
    assert [one for one, _ in found(launchpad)] == ([how] if how else [])


@pytest.mark.parametrize(("age_s", "lost"), [(99.0, False), (100.0, True), (1e6, True)])
def test_by_the_last_ping(launchpad, age_s, lost):
    add(launchpad, "RUNNING", "RUNNING", age_s)
    assert bool(found(launchpad)) is lost
    # a claim that is alive outweighs pings, whose thread may have died, and the worker's clock
    assert found(launchpad, claims={"u": True}) == []
    assert len(found(launchpad, claims={"u": False})) == 1


@pytest.mark.parametrize("state", ["RESERVED", "RUNNING"])
@pytest.mark.parametrize(
    ("host", "folders", "gone"),
    [
        (HERE, {}, True),
        (HERE, {"12": "/runs/a"}, False),
        (HERE, None, False),
        ("another", {}, False),
    ],
)
def test_by_its_job_in_the_queue(launchpad, state, host, folders, gone):
    add(launchpad, state, state, host=host, reservation_id=12)
    queue = None if folders is None else QueuedJobs(folders)
    assert [how for how, _ in found(launchpad, queue)] == (["put back"] if gone else [])


@pytest.mark.parametrize(
    ("folders", "earlier", "gone"),
    [({}, {7}, True), ({}, (), False), ({"12": "/runs/a"}, {7}, False), (None, {7}, False)],
)
def test_a_reservation_without_a_queue_job(launchpad, folders, earlier, gone):
    add(launchpad, "RESERVED", "RESERVED")
    assert unsubmitted_launches(launchpad.db) == {7}
    queue = None if folders is None else QueuedJobs(folders)
    assert bool(found(launchpad, queue, unsubmitted=earlier)) is gone


def test_a_job_is_alive_with_one_living_claim():
    claims = [{"_id": str(n), "about": {"job": job}} for n, job in enumerate("aabbc")]
    claims.append({"_id": "recovery"})
    assert claims_by_job(claims, ["0", "2", "3"]) == {"a": True, "b": False, "c": True}


def test_the_last_ping_is_the_newest_whatever_its_form():
    history = [
        {"state": "RESERVED", "created_on": "2031-01-01T00:00:00"},
        {"state": "RUNNING", "created_on": "2020-01-01T00:00:00"},
        {"state": "RUNNING", "updated_on": "2021-01-01T01:00:00+01:00"},
    ]
    assert last_ping({"state_history": history}) == datetime.fromisoformat("2021-01-01")
    assert last_ping({}) is None
