"""Holding a task: the claim, its heartbeat, and what a worker that lost it may not do."""

import json
import os
import signal
import threading
import time
from datetime import timedelta

import pytest

from tm23flows import stopping
from tm23flows.documents.frame import Frame
from tm23flows.errors import OutOfTimeError, ResultsKeptError, StaleClaimError
from tm23flows.jobs import claimed
from tm23flows.jobs.claimed import BEATS, Hold
from tm23flows.settings import get_settings
from tm23flows.store import connect, patience
from tm23flows.store.archive import Archive
from tm23flows.store.claims import acquire, expire_lost, release, server_now
from tm23flows.store.collections import CLAIMS
from tm23flows.store.outbox import pending
from tm23flows.testing.proxy import database_proxy, heartbeat_of_claim

TASK = "t" * 64
PATIENCE_S = 300.0


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("TM23_LOG_FILE", str(tmp_path / "events.log"))
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "20")
    monkeypatch.setattr(patience, "FIRST_S", 0.02)
    yield
    stopping.forget_request()


@pytest.fixture
def line(database):
    with database_proxy(database.port) as proxy:
        yield proxy


@pytest.fixture
def hold(archive):
    return Hold(archive)


def stored(archive):
    return archive.database[CLAIMS].find_one({"_id": TASK})


def events(tmp_path):
    return [json.loads(one)["event"] for one in (tmp_path / "events.log").read_text().splitlines()]


def rob(archive):
    """Let another worker have the task, as if this one had not been heard of."""
    late = server_now(archive.database) - timedelta(days=1)
    for _ in range(100):  # a heartbeat may come in between
        archive.database[CLAIMS].update_one({"_id": TASK}, {"$set": {"beat": late}})
        if other := acquire(archive, TASK, {"kind": "label"}, 3600.0):
            assert other.token == 2
            return other
    raise AssertionError("the task could not be taken away")


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_task_is_held_and_then_done(archive, hold, tmp_path):
    with hold.claim(TASK, "label", "Cu"):
        found = stored(archive)
        assert (found["state"], found["about"]["element"]) == ("running", "Cu")
        hold.check()
    assert stored(archive)["state"] == "done"
    assert events(tmp_path) == ["task.begun", "task.done"]
    assert [one.name for one in threading.enumerate()].count("heartbeat") == 0


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (OutOfTimeError("no time"), "stopped", "walltime"),
        (KeyError("x"), "failed", "KeyError"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
    ],
    ids=["time", "error", "interrupt"],
)
def test_how_it_ended_is_written_down(archive, hold, error, state, reason):
    with pytest.raises(type(error)), hold.claim(TASK, "label", "Cu"):
        raise error
    assert (stored(archive)["state"], stored(archive)["reason"]) == (state, reason)
    with hold.claim(TASK, "label", "Cu"):
        assert stored(archive)["token"] == 2


def test_a_signal_is_the_reason(archive, hold):
    with pytest.raises(OutOfTimeError), hold.claim(TASK, "label", "Cu"):  # noqa: PT012
        os.kill(os.getpid(), signal.SIGUSR1)
        assert hold.deadline() <= time.time()
        raise OutOfTimeError("no time")
    assert stored(archive)["reason"] == "SIGUSR1"


def test_it_beats(archive, hold, monkeypatch):
    monkeypatch.setenv("TM23_LEASE_S", str(0.05 * BEATS))
    with hold.claim(TASK, "label", "Cu"):
        first = stored(archive)["beat"]
        wait_for(lambda: stored(archive)["beat"] > first)


def test_who_loses_a_task_stops_writes_nothing_and_ends_with_an_error(
    archive, hold, monkeypatch, make_frame, tmp_path
):
    monkeypatch.setenv("TM23_LEASE_S", str(0.05 * BEATS))
    frame = make_frame(1)
    with pytest.raises(StaleClaimError), hold.claim(TASK, "label", "Cu"):  # noqa: PT012
        other = rob(archive)
        wait_for(lambda: hold.deadline() == 0.0)
        with pytest.raises(StaleClaimError):
            hold.write(lambda target: target.put(frame))
    assert archive.existing(Frame, [frame.id]) == set()
    found = stored(archive)
    assert (found["state"], found["token"]) == ("running", 2)
    assert release(archive, other, "done")
    assert {"task.lost", "task.stale"} <= set(events(tmp_path))


@pytest.mark.parametrize("error", [None, OutOfTimeError("stopped at once")], ids=["end", "time"])
def test_who_lost_a_task_says_neither_done_nor_stopped(archive, hold, error):
    def work():
        with hold.claim(TASK, "label", "Cu"):
            rob(archive)
            if error:
                raise error

    with pytest.raises(StaleClaimError):
        work()
    assert stored(archive)["state"] == "running"


def test_who_was_lost_and_not_replaced_goes_on(archive, hold, make_frame):
    frame = make_frame(1)
    for last in (False, True):
        with hold.claim(TASK, "label", "Cu"):
            late = server_now(archive.database) - timedelta(days=1)
            archive.database[CLAIMS].update_one({"_id": TASK}, {"$set": {"beat": late}})
            assert expire_lost(archive) == [TASK]
            if not last:
                hold.write(lambda target: target.put(frame))
        assert stored(archive)["state"] == "done"
    assert archive.existing(Frame, [frame.id])


def test_it_waits_for_another_worker(archive, monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_LEASE_S", str(0.05 * BEATS))
    other = acquire(archive, TASK, {}, 3600.0)
    entered = threading.Event()

    def wait():
        with Hold(archive).claim(TASK, "label", "Cu"):
            entered.set()

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for(lambda: "task.taken" in events(tmp_path) if (tmp_path / "events.log").exists() else 0)
    assert not entered.is_set()
    release(archive, other, "done")
    thread.join(PATIENCE_S)
    assert entered.is_set()
    assert stored(archive)["token"] == 2


@pytest.mark.parametrize("left_s", [-1.0, 1000.0], ids=["over", "for the way back"])
def test_it_does_not_wait_longer_than_it_has_time(archive, hold, monkeypatch, left_s):
    acquire(archive, TASK, {}, 3600.0)
    monkeypatch.setattr(claimed, "SPARE_S", 2000.0)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + left_s))
    with pytest.raises(OutOfTimeError, match="still at this task"), hold.claim(TASK, "x", "Cu"):
        pass
    assert stored(archive)["token"] == 1
    assert left_s < 0 or time.time() < get_settings().deadline  # the job can go back in time


@pytest.mark.parametrize("fate", ["lose_answer", "cut", "not_primary"])
@pytest.mark.parametrize("command", ["findAndModify", "update"])
def test_each_lost_answer_is_asked_for_again(archive, line, fate, command, make_frame):
    """Claiming, writing and giving back, each with an answer that is lost once."""
    through = Archive(line.uri, archive.database.name)
    lost, frame = [], make_frame(1)

    def rule(given):
        key = (given.get(command), len(given.get("updates", ())), str(given.get("updates"))[:200])
        if command in given and key not in lost:
            lost.append(key)
            return fate
        return "pass"

    line.rule = rule
    hold = Hold(through)
    with hold.claim(TASK, "label", "Cu"):
        assert hold.write(lambda target: target.put(frame)) in {0, 1}
    assert line.fates
    found = stored(archive)
    assert (found["state"], found["token"], found["attempt"]) == ("done", 1, 1)
    assert archive.existing(Frame, [frame.id])


def test_f1_10_a_run_goes_on_without_heartbeats_and_its_write_decides(
    archive, line, monkeypatch, make_frame
):
    monkeypatch.setenv("TM23_LEASE_S", str(0.02 * BEATS))
    through, frame = Archive(line.uri, archive.database.name), make_frame(1)
    line.rule = lambda given: "cut" if heartbeat_of_claim(given) else "pass"
    hold = Hold(through)
    with hold.claim(TASK, "label", "Cu"):
        wait_for(lambda: len(line.fates) >= 3)
        assert hold.deadline() is None
        line.restore()
        hold.write(lambda target: target.put(frame))
    assert stored(archive)["state"] == "done"
    line.rule = lambda given: "cut" if heartbeat_of_claim(given) else "pass"
    with pytest.raises(StaleClaimError), hold.claim(TASK, "label", "Cu"):  # noqa: PT012
        n_cut = len(line.fates)
        wait_for(lambda: len(line.fates) > n_cut)
        late = server_now(archive.database) - timedelta(days=1)
        archive.database[CLAIMS].update_one({"_id": TASK}, {"$set": {"beat": late}})
        assert acquire(archive, TASK, {}, 3600.0)
        line.restore()
        hold.write(lambda target: target.put(make_frame(2)))
    assert archive.database["frames"].count_documents({}) == 1


def test_a_heartbeat_that_gets_no_answer_holds_up_nothing(archive, line, monkeypatch):
    monkeypatch.setattr(claimed, "JOIN_S", 0.1)
    monkeypatch.setenv("TM23_LEASE_S", str(0.02 * BEATS))
    through = Archive(line.uri, archive.database.name)
    blocked, answered = threading.Event(), threading.Event()

    def block(*_):
        blocked.set()
        answered.wait(PATIENCE_S)
        return False

    monkeypatch.setattr(claimed, "heartbeat", block)
    hold = Hold(through)
    with hold.claim(TASK, "label", "Cu"):
        assert blocked.wait(PATIENCE_S)
    assert stored(archive)["state"] == "done"
    assert hold.deadline() is None
    answered.set()
    wait_for(lambda: "heartbeat" not in {one.name for one in threading.enumerate()})


def test_f2_2_results_are_kept_and_the_task_is_free_when_its_lease_is_over(
    archive, line, monkeypatch, make_frame, tmp_path
):
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")
    monkeypatch.setattr(connect, "SELECTION_TIMEOUT_MS", 2000)
    through, frame = Archive(line.uri, archive.database.name), make_frame(1)
    hold = Hold(through)
    with pytest.raises(ResultsKeptError), hold.claim(TASK, "label", "Cu"):  # noqa: PT012
        line.drop()
        hold.write(lambda target: target.put(frame))
    assert len(pending(tmp_path / "outbox")) == 1
    assert stored(archive)["state"] == "running"
    line.restore()
    assert "results.kept" in events(tmp_path)


def test_without_a_claim_nothing_is_checked(archive, hold, make_frame):
    hold.check()
    assert hold.write(lambda target: target.put(make_frame(1))) == 1
    assert hold.deadline() is None
