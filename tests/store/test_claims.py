"""Claims: one owner at a time, by the database's clock, whatever is asked twice."""

import os
import subprocess
import sys
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from tm23flows import process_group
from tm23flows.errors import StaleClaimError
from tm23flows.store import claims
from tm23flows.store.archive import Archive
from tm23flows.store.claims import (
    GRACE_S,
    acquire,
    check,
    expire_lost,
    heartbeat,
    lost_claims,
    note_attempt,
    owner,
    release,
    server_now,
    task_id,
)
from tm23flows.store.collections import CLAIMS
from tm23flows.testing.proxy import database_proxy

TASK = "t" * 64
ABOUT = {"kind": "label", "element": "Cu"}
N_PROCESSES, N_TRIALS, SHORT_S = 8, 200, 30.0


def stored(archive, task=TASK):
    return archive.database[CLAIMS].find_one({"_id": task})


def age(archive, seconds, task=TASK):
    """Let a claim be so much older; the clock of the database goes on as it does."""
    beat = server_now(archive.database) - timedelta(seconds=seconds)
    archive.database[CLAIMS].update_one({"_id": task}, {"$set": {"beat": beat}})


def of_elsewhere(archive, task=TASK):
    """Let the owner of a claim be a process that nobody here can see."""
    archive.database[CLAIMS].update_one({"_id": task}, {"$set": {"machine": "elsewhere"}})


def test_a_claim_and_the_record_of_the_attempt_are_one_document(archive):
    claim = acquire(archive, TASK, ABOUT, 60.0)
    found = stored(archive)
    assert (claim.task_id, claim.owner, claim.token) == (TASK, owner(), 1)
    assert found["state"] == "running"
    assert found["about"] == ABOUT
    assert (found["pid"], found["folder"], found["attempt"]) == (os.getpid(), str(Path.cwd()), 1)
    assert abs(server_now(archive.database) - found["beat"]) < timedelta(seconds=60)


def test_nobody_else_gets_it_and_the_next_has_a_larger_token(archive):
    first = acquire(archive, TASK, ABOUT, 60.0)
    assert acquire(archive, TASK, ABOUT, 60.0) is None
    assert release(archive, first, "stopped", "walltime")
    assert stored(archive)["reason"] == "walltime"
    second = acquire(archive, TASK, ABOUT, 60.0)
    assert second.token == 2
    assert stored(archive)["reason"] is None
    check(archive, second)
    with pytest.raises(StaleClaimError, match="given to another worker"):
        check(archive, first)
    assert not heartbeat(archive, first)
    assert not release(archive, first, "done")
    assert stored(archive)["state"] == "running"


def test_giving_back_twice_is_as_good_as_once(archive):
    claim = acquire(archive, TASK, ABOUT, 60.0)
    assert release(archive, claim, "done")
    before = stored(archive)
    assert release(archive, claim, "done")
    assert stored(archive) == before
    assert not release(archive, claim, "failed", "Error")
    assert not heartbeat(archive, claim)


@pytest.mark.parametrize("elsewhere", [True, False], ids=["elsewhere", "here"])
def test_a_lease_is_over_when_it_and_the_grace_are(archive, elsewhere):
    claim = acquire(archive, TASK, ABOUT, 100.0)
    if elsewhere:
        of_elsewhere(archive)
    age(archive, 100.0 + GRACE_S - SHORT_S)
    assert expire_lost(archive) == []
    age(archive, 100.0 + GRACE_S + 1)
    assert [one["_id"] for one in lost_claims(archive)] == [TASK]
    assert expire_lost(archive) == [TASK]
    assert expire_lost(archive) == []
    found = stored(archive)
    assert (found["state"], found["reason"], found["lost"]) == ("ready", "lost", 1)
    assert acquire(archive, TASK, ABOUT, 100.0).token == claim.token + 1


def test_one_who_was_lost_has_it_again_if_nobody_took_it(archive):
    claim = acquire(archive, TASK, ABOUT, 10.0)
    age(archive, 10.0 + GRACE_S + 1)
    assert expire_lost(archive, TASK) == [TASK]
    check(archive, claim)
    assert (stored(archive)["state"], stored(archive)["reason"]) == ("running", None)
    assert acquire(archive, TASK, ABOUT, 10.0) is None
    age(archive, 10.0 + GRACE_S + 1)
    second = acquire(archive, TASK, ABOUT, 10.0)
    assert second.token == 2
    assert not heartbeat(archive, claim)


def test_a_heartbeat_that_comes_meanwhile_keeps_the_claim(archive, monkeypatch):
    claim = acquire(archive, TASK, ABOUT, 10.0)
    age(archive, 10.0 + GRACE_S + 1)
    found = list(lost_claims(archive))
    heartbeat(archive, claim)
    monkeypatch.setattr(claims, "lost_claims", lambda *_: iter(found))
    assert expire_lost(archive) == []
    check(archive, claim)


HOLDER = """
import sys
from tm23flows.store.archive import Archive
from tm23flows.store.claims import acquire
claim = acquire(Archive(sys.argv[1], sys.argv[2]), sys.argv[3], {}, 3600.0)
sys.stdout.write(f"{claim.token}\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def test_a_worker_of_this_machine_that_is_dead_is_lost_at_once(archive, database):
    command = [sys.executable, "-c", HOLDER, database.uri, archive.database.name, TASK]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "1\n"
        assert acquire(archive, TASK, ABOUT, 60.0) is None
        holder.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
        assert acquire(archive, TASK, ABOUT, 60.0).token == 2
        assert stored(archive)["lost"] == 1


def test_a_number_that_another_process_has_now_is_no_sign_of_life(archive):
    acquire(archive, TASK, ABOUT, 3600.0)
    archive.database[CLAIMS].update_one({"_id": TASK}, {"$set": {"process_start": "1"}})
    assert expire_lost(archive) == [TASK]


def test_a_process_that_hides_when_it_began_is_alive(archive, monkeypatch):
    acquire(archive, TASK, ABOUT, 3600.0)

    def refuse(pid, number):
        raise PermissionError

    monkeypatch.setattr(claims.os, "kill", refuse)
    monkeypatch.setattr(process_group, "_stat", lambda _pid: [])
    assert expire_lost(archive) == []


@pytest.mark.parametrize("fate", ["lose_answer", "cut", "not_primary"])
@pytest.mark.parametrize("which", [1, 2], ids=["the document", "the claim"])
def test_a_claim_whose_answer_is_lost_is_found_again(archive, database, fate, which):
    with database_proxy(database.port) as line:
        through = Archive(line.uri, archive.database.name)
        acquire(through, "warm", ABOUT, 60.0)
        left = [which]

        def rule(command):
            left[0] -= command.get("update") == CLAIMS or command.get("findAndModify") == CLAIMS
            return fate if left[0] == 0 and command.keys() & {"update", "findAndModify"} else "pass"

        line.rule = rule
        with pytest.raises(AutoReconnect):
            acquire(through, TASK, ABOUT, 60.0, "key")
        line.restore()
        assert len(line.fates) == 1
        claim = acquire(through, TASK, ABOUT, 60.0, "key")
    assert claim.token == 1
    assert acquire(archive, TASK, ABOUT, 60.0, "another key") is None
    assert acquire(archive, TASK, ABOUT, 60.0) is None
    assert stored(archive)["attempt"] == 1


def test_f1_7_no_clock_of_this_machine_counts(archive, database):
    """Two hours before, two hours late: neither loses a task nor keeps one for ever."""
    code = (
        "import time, datetime as d, sys\n"
        "import tm23flows.store.claims as claims\n"
        "from tm23flows.store.archive import Archive\n"
        "real = time.time\n"
        "time.time = lambda: real() + float(sys.argv[4])\n"
        "archive = Archive(*sys.argv[1:3])\n"
        "assert claims.expire_lost(archive) == []\n"
        "assert claims.acquire(archive, sys.argv[3], {}, 60.0) is None\n"
        "assert claims.acquire(archive, 'of ' + sys.argv[4], {}, 60.0).token == 1\n"
    )
    claim = acquire(archive, TASK, ABOUT, 60.0)
    of_elsewhere(archive)
    for skew in ("7200", "-7200"):
        subprocess.run(
            [sys.executable, "-c", code, database.uri, archive.database.name, TASK, skew],
            check=True,
        )
        of_elsewhere(archive, f"of {skew}")
        beat = stored(archive, f"of {skew}")["beat"]
        assert abs(server_now(archive.database) - beat) < timedelta(seconds=60)
    assert expire_lost(archive) == []
    check(archive, claim)


def test_who_comes_no_further_is_counted(archive):
    assert [note_attempt(archive, TASK, n) for n in (0, 0, 3, 0)] == [1, 2, 0, 1]
    claim = acquire(archive, TASK, ABOUT, 60.0)
    assert (claim.token, stored(archive)["fruitless"]) == (1, 1)


def test_a_task_is_named_by_what_it_is_asked_for():
    one = task_id("labels", frames=["a", "b"], recipes=["c"])
    assert one == task_id("labels", recipes=["c"], frames=["a", "b"])
    assert one != task_id("labels", frames=["b", "a"], recipes=["c"])
    assert one != task_id("spectra", frames=["a", "b"], recipes=["c"])


def compete(uri, database, barrier, wins):
    archive = Archive(uri, database)
    won = []
    for trial in range(N_TRIALS):
        barrier.wait(300.0)
        if (claim := acquire(archive, f"trial {trial}", ABOUT, 3600.0)) is not None:
            won.append((trial, claim.token))
    wins.put(won)
    wins.close()
    wins.join_thread()
    barrier.wait(300.0)  # who is dead has lost what it won


@pytest.mark.timeout(800)
def test_f1_4_of_eight_workers_one_wins_each_of_200_trials(archive, database):
    context = get_context("fork")
    barrier, wins = context.Barrier(N_PROCESSES), context.Queue()
    asked = (database.uri, archive.database.name, barrier, wins)
    processes = [context.Process(target=compete, args=asked) for _ in range(N_PROCESSES)]
    for one in processes:
        one.start()
    won = [pair for _ in processes for pair in wins.get(timeout=600.0)]
    for one in processes:
        one.join(60.0)
        assert one.exitcode == 0
    assert sorted(won) == [(trial, 1) for trial in range(N_TRIALS)]


def test_who_only_waited_for_another_worker_is_not_counted(archive):
    claim = acquire(archive, "a task", {}, 900.0)
    assert [note_attempt(archive, "a task", 0) for _ in range(4)] == [0] * 4
    release(archive, claim, "stopped")
    assert [note_attempt(archive, "a task", 0) for _ in range(2)] == [1, 2]
    assert note_attempt(archive, "a task", 5) == 0
