import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from tm23flows.testing.vasp_simulator.faults import PLAN_VARIABLE, cut, read_plan


def plan_of(tmp_path, told, folder="/runs/frame-3"):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(told))
    return read_plan({PLAN_VARIABLE: str(file)}, folder)


def test_no_plan_no_faults(tmp_path):
    assert read_plan({}, tmp_path).faults == ()
    assert read_plan({PLAN_VARIABLE: str(tmp_path / "none")}, tmp_path).faults == ()


def test_faults_strike_at_their_steps(tmp_path):
    plan = plan_of(
        tmp_path, [{"do": "nan", "at_step": [3, 8]}, {"do": "sigkill"}, {"do": "garbage"}]
    )
    assert [bool(plan.due("nan", step)) for step in (1, 3, 4, 8)] == [False, True, False, True]
    assert [bool(plan.due("sigkill", step)) for step in (0, 1, 2)] == [False, True, False]
    assert all(plan.due("garbage", step) for step in (1, 2, 3))
    assert not plan.due("hang", 1)


def test_launches_are_counted_when_they_are_struck(tmp_path):
    told = {"do": "exit:1", "at_step": 2, "times": 2}
    launches = [plan_of(tmp_path, told) for _ in range(4)]
    assert not launches[3].due("exit", 1)  # not there yet, so not counted
    struck = []
    for plan in launches:
        fault = plan.due("exit", 2)
        assert plan.due("exit", 2) is fault  # asked again: the same launch
        struck.append(bool(fault))
    assert struck == [True, True, False, False]


def test_only_some_folders(tmp_path):
    told = [{"do": "nan", "folder": "*frame-3"}, {"do": "hang", "folder": "*frame-4"}]
    plan = plan_of(tmp_path, told)
    assert [fault.kind for fault in plan.faults] == ["nan"]


def test_a_delay_is_no_fault(tmp_path):
    plan = plan_of(tmp_path, [{"step_s": 0.5}, {"do": "nan", "step_s": 0.1}])
    assert plan.step_s == 0.5
    assert len(plan.faults) == 1


def test_a_part_of_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    cut(file, 0.65)
    assert file.read_bytes() == b"012345"


def complete_steps(folder):
    return (folder / "vasprun.xml").read_text().count("</calculation>")


@pytest.mark.parametrize(
    ("do", "status"),
    [("sigkill", -signal.SIGKILL), ("segv", -signal.SIGSEGV), ("exit:7", 7), ("enospc", 38)],
)
def test_what_stops_a_run_leaves_the_steps_before(prepare, launch, do, status):
    folder = prepare()
    done = launch(folder, plan={"do": do, "at_step": 4})
    assert done.returncode == status
    assert complete_steps(folder) == 3
    text = (folder / "vasprun.xml").read_text()
    assert text.count("<calculation>") == 4
    assert "</modeling>" not in text
    assert len((folder / "CONTCAR").read_text()) > 0
    assert ("No space left on device" in done.stdout) == (do == "enospc")


def test_not_a_number(run, read):
    steps = read(run(plan={"do": "nan", "at_step": 3}))
    assert [bool(np.isnan(step.energy)) for step in steps] == [False, False, True] + [False] * 3
    assert np.isnan(steps[2].forces).all()
    assert not np.isnan(steps[3].forces).any()


def test_garbage(run):
    folder, good = (
        run(n, plan=p) for n, p in [("bad", {"do": "garbage", "at_step": 2}), ("good", None)]
    )
    text = (folder / "vasprun.xml").read_text()
    second = text.split("<calculation>")[2]
    assert " *****" in second.split('name="forces"')[1].split("</v>")[0]
    assert "*" not in text.split("<calculation>")[1]

    def last_energy(block):
        return float(block.rsplit('"e_fr_energy">', 1)[1].split()[0])

    right = (good / "vasprun.xml").read_text().split("<calculation>")[2]
    assert last_energy(second) - last_energy(right) == pytest.approx(1e6)


def test_unconverged_steps(run, read):
    steps = read(run(plan={"do": "unconverged", "at_step": [3, 5]}, NELM=30))
    assert [step.n_scf == 30 for step in steps] == [False, False, True, False, True, False]
    assert max(step.n_scf for step in steps if step.n_scf < 30) < 15


def test_atoms_in_another_order(run, read):
    right, moved = read(run("a")), read(run("b", plan={"do": "permute"}))
    for one, other in zip(right, moved, strict=True):
        assert other.energy == pytest.approx(one.energy, abs=1e-9)
        assert np.allclose(np.roll(one.forces, 1, axis=0), other.forces, atol=1e-9)
    assert not np.allclose(right[-1].forces, moved[-1].forces, atol=1e-3)


def test_no_output_leaves_what_lies_there(prepare, launch):
    folder = prepare()
    (folder / "vasprun.xml").write_text("of before")
    assert launch(folder, plan={"do": "no_output"}).returncode == 0
    assert (folder / "vasprun.xml").read_text() == "of before"
    assert not (folder / "OUTCAR").exists()


def test_a_truncated_file_and_status_zero(run):
    whole, part = run("whole"), run("part", plan={"do": "truncate:0.6"})
    sizes = [(folder / "vasprun.xml").stat().st_size for folder in (whole, part)]
    assert sizes[1] == int(0.6 * sizes[0])
    assert 0 < complete_steps(part) < 6


def test_a_message_and_on(prepare, launch):
    done = launch(prepare(), plan={"do": "message:BRMIX: very serious problems", "at_step": 2})
    assert done.returncode == 0
    assert "\nBRMIX: very serious problems\n" in done.stdout


def test_a_message_before_anything_is_read(prepare, launch):
    folder = prepare()
    told = {"do": "message:Error EDDDAV: Call to ZHEGV failed", "and": "exit:1", "at_step": 0}
    done = launch(folder, plan=told)
    assert done.returncode == 1
    assert "EDDDAV" in done.stdout
    assert (folder / "OUTCAR").read_text() == ""


def test_a_failure_after_everything_is_written(prepare, launch):
    folder = prepare()
    assert launch(folder, plan={"do": "exit:1", "at_step": "end"}).returncode == 1
    assert complete_steps(folder) == 6
    assert (folder / "vasprun.xml").read_text().endswith("</modeling>\n")


def test_a_run_that_explodes(run, read):
    steps = read(run(plan={"do": "explode", "at_step": 3}))
    kinetic = [step.values["kinetic"] for step in steps]
    assert max(kinetic[2:4]) > 100 * kinetic[0]


def started(installed, folder, tmp_path, told):
    """Start a launch as custodian does, in a session of its own."""
    (tmp_path / "plan.json").write_text(json.dumps(told))
    environment = {**os.environ, PLAN_VARIABLE: str(tmp_path / "plan.json")}
    return subprocess.Popen(
        [installed["TM23_VASP_CMD"]],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def members(group):
    """Processes of a group that still run."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in found.stdout.splitlines()]
    return sum(int(pgid) == group and not state.startswith("Z") for pgid, state in rows)


@pytest.mark.parametrize(("do", "size"), [("hang", 1), ("spawn_child", 3)])
def test_a_hanging_run_and_its_children_die_with_their_group(
    installed, prepare, tmp_path, do, size
):
    folder = prepare()
    process = started(installed, folder, tmp_path, {"do": do, "at_step": 2})
    try:
        wait_for(lambda: members(process.pid) == size and (folder / "vasprun.xml").exists())
        wait_for(lambda: complete_steps(folder) == 1)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    wait_for(lambda: members(process.pid) == 0)
