"""F1 of the fault matrix: workers that are killed, told to stop, paused and late."""

import os
import signal
import time
from datetime import timedelta

import pytest
import roads
import vasp_kit
from engine_kit import n_written
from plant import wait_until
from test_kill_points import assert_same, summary
from vasp_kit import processes_in

from tm23flows.documents.trajectory import Trajectory
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.archive import Archive
from tm23flows.store.claims import GRACE_S, acquire, expire_lost, lost_claims, server_now
from tm23flows.store.collections import CLAIMS
from tm23flows.testing.faults import Fault
from tm23flows.testing.invariants import assert_all_invariants

pytestmark = pytest.mark.filterwarnings("ignore")

PATIENCE_S = 400.0
PUSH = "tm23flows.store.archive:Archive.push_segment"


@pytest.fixture(autouse=True)
def _vasp(vasp):
    del vasp


@pytest.fixture(scope="module")
def undisturbed(database_server, tmp_path_factory, _vasp_simulator):
    """What the archive is like when nobody disturbs a road."""
    found = {}
    for road in ("trajectory", "vasp_trajectory"):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in _vasp_simulator.items():
                patch.setenv(name, value)
            patch.setenv("TM23_DB_PATH", str(database_server.path))
            patch.setenv("TM23_DATABASE", f"f1-{road}")
            folder = tmp_path_factory.mktemp(road)
            assert roads.walk(getattr(roads, road), folder / "only") == 0
            found[road] = summary(Archive.open())
    return found


def begin(road, folder, *faults):
    """Begin a road in a process of its own, with a group of its own; return its number."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os._exit(roads.walk_here(road, folder, *faults))
    return pid


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def the_claim(archive):
    (found,) = archive.database[CLAIMS].find()
    return found


def set_claim(archive, **fields):
    archive.database[CLAIMS].update_one({}, {"$set": fields})


def n_steps(archive):
    return sum(
        Trajectory.from_stored(one).n_steps for one in archive.database["trajectories"].find()
    )


def age(archive, seconds):
    set_claim(archive, beat=server_now(archive.database) - timedelta(seconds=seconds))


def test_f1_1_a_killed_worker_is_lost_when_its_lease_is_over_and_its_steps_are_kept(
    archive, tmp_path, faults, undisturbed
):
    faults({"do": "hang", "at_step": 2, "folder": "*steps-000004"})
    first = tmp_path / "first"
    pid = begin(roads.vasp_trajectory, first)
    wait_until(lambda: n_written(first, "DAV:   1 ") >= 5, patience_s=PATIENCE_S)
    os.kill(pid, signal.SIGKILL)
    assert status_of(pid) == -signal.SIGKILL
    for process in processes_in(first):  # on a cluster the scheduler does this
        os.kill(process, signal.SIGKILL)
    faults()
    set_claim(archive, machine="elsewhere")  # nobody here can see that it is dead
    task, lease = the_claim(archive)["_id"], the_claim(archive)["lease_s"]
    age(archive, lease + GRACE_S - 30)
    assert expire_lost(archive) == []
    assert acquire(archive, task, {}, 60.0) is None
    age(archive, lease + GRACE_S + 1)
    assert {one.invariant for one in audit(archive).violations} == {"I4"}
    assert expire_lost(archive) == [task]
    assert roads.walk(roads.vasp_trajectory, tmp_path / "second") == 0
    claim = the_claim(archive)
    assert (claim["state"], claim["attempt"], claim["lost"]) == ("done", 2, 1)
    # what the dead one had written to its folder was taken over, and not computed again
    assert not (tmp_path / "second" / "steps-000004").exists()
    assert_same(summary(archive), undisturbed["vasp_trajectory"])


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGUSR1], ids=["TERM", "USR1"])
def test_f1_2_a_signal_stops_vasp_and_the_next_worker_goes_on(
    archive, tmp_path, faults, undisturbed, sign
):
    faults({"step_s": 2.0})
    first = tmp_path / "first"
    pid = begin(roads.vasp_trajectory, first)
    wait_until(lambda: n_written(first) >= 1, patience_s=PATIENCE_S)
    os.kill(pid, sign)
    assert status_of(pid) == 0
    assert processes_in(first) == []
    claim, done = the_claim(archive), n_steps(archive)
    assert 1 <= done < 6
    assert claim["state"] != "running"
    assert_all_invariants(archive)
    faults()
    assert roads.walk(roads.vasp_trajectory, tmp_path / "second") == 0
    found, (run, labels) = summary(archive)
    wanted, (whole, _) = undisturbed["vasp_trajectory"]
    assert found == wanted
    assert_same((found, [run, labels]), (wanted, [whole, labels]))


def test_f1_5_a_claim_and_its_record_are_one_write_so_a_crash_between_them_is_listed(
    archive, tmp_path
):
    fault = Fault(at="tm23flows.store.claims:acquire", when="after")
    assert roads.walk(roads.trajectory, tmp_path / "first", fault) == -signal.SIGKILL
    (lost,) = lost_claims(archive)
    assert (lost["attempt"], lost["about"]["kind"]) == (1, "trajectory")
    (violation,) = audit(archive).violations
    assert violation.invariant == "I4"
    assert expire_lost(archive) == [lost["_id"]]
    assert the_claim(archive)["state"] == "ready"


@pytest.mark.parametrize("call", [1, 2], ids=["in the middle", "before the last write"])
def test_f1_6_a_worker_that_slept_past_its_lease_writes_nothing_more(
    archive, tmp_path, undisturbed, call, capfd
):
    fault = Fault(at=PUSH, when="after", do="sigstop", call=call)
    zombie = begin(roads.trajectory, tmp_path / "zombie", fault)
    assert os.WIFSTOPPED(os.waitpid(zombie, os.WUNTRACED)[1])
    assert n_steps(archive) == 4 * call
    set_claim(archive, machine="elsewhere")
    age(archive, the_claim(archive)["lease_s"] + GRACE_S + 1)
    assert roads.walk(roads.trajectory, tmp_path / "second") == 0
    before = summary(archive)
    os.kill(zombie, signal.SIGCONT)
    assert status_of(zombie) == 1
    assert "StaleClaimError" in capfd.readouterr().err
    assert_same(summary(archive), before)
    assert_same(before, undisturbed["trajectory"])
    claim = the_claim(archive)
    assert (claim["state"], claim["token"]) == ("done", 2)
    assert (tmp_path / "zombie").is_dir()


def test_f1_4_two_workers_at_one_task_one_after_the_other(
    archive, tmp_path, undisturbed, monkeypatch
):
    """The second waits for the first, and finds everything done."""
    monkeypatch.setenv("TM23_LEASE_S", "6")  # it looks every second
    fault = Fault(at=PUSH, do="sleep", seconds=1.0, once=tmp_path / "reached")
    first = begin(roads.trajectory, tmp_path / "first", fault)
    wait_until((tmp_path / "reached").exists, patience_s=PATIENCE_S)
    second = begin(roads.trajectory, tmp_path / "second")
    assert [status_of(first), status_of(second)] == [0, 0]
    assert_same(summary(archive), undisturbed["trajectory"])
    assert vasp_kit.the_trajectory(archive).n_steps == 12


def test_f1_7_a_worker_with_a_wrong_clock_loses_nothing_and_keeps_nothing(
    archive, tmp_path, undisturbed, monkeypatch
):
    real = time.time
    for skew in (7200.0, -7200.0):
        monkeypatch.setattr(time, "time", lambda skew=skew: real() + skew)
        assert roads.walk(roads.trajectory, tmp_path / f"of {skew:g}") == 0
        claim = the_claim(archive)
        assert abs(claim["beat"] - server_now(archive.database)) < timedelta(seconds=60)
    assert_same(summary(archive), undisturbed["trajectory"])
