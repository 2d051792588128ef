"""F4 of the fault matrix: runs of VASP that go wrong, through the jobs and into the archive."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import vasp_kit
from vasp_kit import (
    DYNAMICS,
    RECIPE,
    assert_invariants,
    assert_same,
    label,
    processes_in,
    put_frames,
    put_structure,
    read,
    rejections,
    run,
    the_trajectory,
)

from tm23flows.documents.frame import Frame
from tm23flows.errors import PhysicsError
from tm23flows.jobs.frame import select_frames
from tm23flows.jobs.trajectory import TrajectoryJobMaker

pytestmark = pytest.mark.filterwarnings("ignore")

select = select_frames.original


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch, vasp):
    """A folder for the jobs of this test."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def structure(archive):
    return put_structure(archive)


@pytest.fixture
def frame_ids(archive, structure):
    return put_frames(archive, structure, 3)


@pytest.fixture(scope="module")
def reference(_vasp_simulator, database_server, tmp_path_factory):
    """The arrays of twenty steps in one run of VASP, in a database of their own."""
    from tm23flows.store.archive import Archive

    with pytest.MonkeyPatch.context() as patch:
        for name, value in _vasp_simulator.items():
            patch.setenv(name, value)
        patch.setenv("TM23_DB_PATH", str(database_server.path))
        patch.setenv("TM23_DATABASE", "f4-reference")
        patch.chdir(tmp_path_factory.mktemp("reference"))
        archive = Archive.open()
        run(put_structure(archive), 20, 20)
        return read(archive)


def first(reference, n_steps):
    return {name: values[:n_steps] for name, values in reference.items()}


def test_f4_1_unconverged_steps_are_flagged_counted_and_never_frames(archive, structure, faults):
    faults({"do": "unconverged", "at_step": [3, 8]})
    out = run(structure, 12, 12)
    flags = read(archive)["converged"]
    assert (np.flatnonzero(flags == 0) + 1).tolist() == [3, 8]
    chosen = select(out["trajectory_id"], 0, 1, 2)  # steps 1, 2
    assert chosen["unusable_steps"] == 2
    chosen = select(out["trajectory_id"], 0, 4, 3)  # 4, 8, 12, where a neighbour stands in for 8
    frames = archive.get_many(Frame, chosen["frame_ids"])
    assert [frame.step for frame in frames] == [4, 7, 12]
    steps = archive.database["frames"].distinct("step")
    assert not {3, 8} & set(steps)
    assert_invariants(archive)


def test_f4_2_a_run_that_hangs_is_killed_with_its_children_and_goes_on(
    archive, structure, faults, work, reference
):
    faults({"do": "spawn_child", "at_step": 4, "times": 1})
    run(structure, 10, 5, silence_s=2)
    assert processes_in(work) == []
    assert_same(read(archive), first(reference, 10))
    assert the_trajectory(archive).segments[0].last_step == 3
    assert_invariants(archive)


def test_f4_2_a_label_that_hangs_is_killed_with_its_children(archive, frame_ids, faults, work):
    faults(
        {"do": "spawn_child", "times": 1, "folder": "*label-0001"},
        {"do": "spawn_child", "folder": "*label-0002"},
    )
    out = label(frame_ids, silence_s=2)
    assert (out["accepted"], out["rejected"]) == (2, 1)
    assert processes_in(work) == []
    assert "no output" in rejections(archive)[frame_ids[1]]
    (again,) = archive.labels(frame=frame_ids[0])
    assert "no output" in again.effort.corrections[0]
    assert_invariants(archive, frame_ids)


def test_f4_3_no_output_with_status_0_is_a_failure(archive, frame_ids, faults):
    faults({"do": "no_output", "folder": "*label-0001"})
    label(frame_ids)
    assert rejections(archive) == {frame_ids[0]: "VASP wrote no vasprun.xml"}
    assert_invariants(archive, frame_ids)


def test_f4_3_status_1_with_complete_output_is_a_label_with_a_note(archive, frame_ids, faults):
    faults({"do": "exit:1", "at_step": "end", "folder": "*label-0002"})
    out = label(frame_ids)
    assert out["accepted"] == 3
    notes = {one.frame_id: one.effort.corrections for one in archive.labels()}
    assert notes == {
        frame_ids[0]: (),
        frame_ids[1]: ("exit code 1, but the output is complete",),
        frame_ids[2]: (),
    }
    assert_invariants(archive, frame_ids)


def test_f4_4_a_label_that_always_fails_has_one_reason_and_the_others_go_on(
    archive, frame_ids, faults
):
    faults({"do": "exit:1", "folder": "*label-0002"})
    out = label(frame_ids)
    assert (out["accepted"], out["rejected"], out["waiting"]) == (2, 1, 0)
    (reason,) = rejections(archive).values()
    assert reason.count("exit code 1") == 1
    assert_invariants(archive, frame_ids)
    # The reason is found again when somebody tries again, and goes when it succeeds.
    faults({"do": "exit:1"})
    label(frame_ids)
    assert list(rejections(archive)) == [frame_ids[1]]
    faults()
    out = label(frame_ids)
    assert (out["accepted"], out["existing"]) == (1, 2)
    assert rejections(archive) == {}
    assert_invariants(archive, frame_ids)


def test_f4_4_a_batch_of_which_nothing_works_fails_and_says_why(archive, frame_ids, faults):
    faults({"do": "exit:1"})
    with pytest.raises(PhysicsError, match="exit code 1"):
        label(frame_ids)
    assert set(rejections(archive)) == set(frame_ids)
    assert_invariants(archive, frame_ids)


def test_f4_4_a_run_that_always_fails_at_a_step_ends_after_two_tries(
    archive, structure, faults, work, reference
):
    faults(
        {"do": "exit:1", "at_step": 4, "folder": "*steps-000001"},
        {"do": "exit:1", "at_step": 1, "folder": "*steps-000004*"},
    )
    with pytest.raises(PhysicsError, match="after step 3: exit code 1"):
        run(structure, 10)
    assert sorted(one.name for one in work.glob("steps-*")) == [
        "steps-000001", "steps-000004", "steps-000004.2",
    ]  # fmt: skip
    assert_same(read(archive), first(reference, 3))
    # A sibling is not touched by it.
    faults({"do": "exit:1", "at_step": 1, "folder": "*steps-000004*"})
    sibling = run(structure, 5, dynamics={**DYNAMICS, "seed": 9})
    assert sibling["n_steps"] == 5
    assert_invariants(archive)


def test_f4_5_an_exploding_run_is_stopped_and_keeps_what_was_before(
    archive, structure, faults, reference
):
    faults({"do": "explode", "at_step": 2, "folder": "*steps-000006*"})
    with pytest.raises(PhysicsError, match="exploded"):
        run(structure, 20)
    arrays = read(archive)
    n_steps = len(arrays["step"])
    assert 6 <= n_steps < 10
    assert_same(first(arrays, 6), first(reference, 6))
    assert arrays["temperature"].max() < 5 * DYNAMICS["temperature_K"]
    assert_invariants(archive)
    # Another try does not go on from a state that is lost.
    faults()
    with pytest.raises(PhysicsError, match=f"for good at step {n_steps}"):
        run(structure, 20)
    assert len(read(archive)["step"]) == n_steps
    assert len(select(the_trajectory(archive).id, 0, 2, 3)["frame_ids"]) == 3
    assert_invariants(archive)


def test_f4_6_killed_vasp_twice(archive, structure, faults, reference):
    faults(
        {"do": "sigkill", "at_step": 3, "times": 1, "folder": "*steps-000006"},
        {"do": "segv", "at_step": 5, "times": 1, "folder": "*steps-000013"},
    )
    run(structure, 20, 5)
    assert_same(read(archive), reference)
    assert_invariants(archive)


WORKER = """
import sys
sys.path[:0] = {path!r}
import vasp_kit
from types import SimpleNamespace
vasp_kit.run(SimpleNamespace(id={structure!r}), 20, 5)
"""


def start_worker(folder, structure):
    """Run the job in a process of its own, in a folder of its own."""
    folder.mkdir()
    code = WORKER.format(path=sys.path[:2], structure=structure.id)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, start_new_session=True
    )


def computed_steps(*folders):
    """List the steps that VASP has begun or completed in folders of workers."""
    found = []
    for folder in folders:
        for run_folder in sorted(folder.glob("steps-*")):
            text = (run_folder / "OSZICAR").read_text() if (run_folder / "OSZICAR").exists() else ""
            found += [int(run_folder.name[6:12]) + k for k in range(text.count("F="))]
    return found


def kill_worker_at(worker, folder, step):
    """Kill a worker, and VASP with it, when a step is written."""
    end = time.monotonic() + 60
    while step not in computed_steps(folder):
        assert worker.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    for process in processes_in(folder):  # on a cluster the scheduler does this
        os.kill(process, signal.SIGKILL)


@pytest.mark.slow
def test_f4_6_killed_worker_twice(archive, structure, faults, tmp_path, reference):
    """The next worker runs elsewhere and takes over what is complete."""
    faults({"step_s": 0.15})
    places = [tmp_path / "first", tmp_path / "second"]
    for place, step in zip(places, (8, 14), strict=True):
        kill_worker_at(start_worker(place, structure), place, step)
    done = the_trajectory(archive).n_steps
    assert 10 <= done < 20
    assert_invariants(archive)
    complete = computed_steps(*places)
    faults()
    run(structure, 20, 5)
    assert_same(read(archive), reference)
    assert_invariants(archive)
    heirs = the_trajectory(archive).segments[-1]
    assert heirs.last_step == 20
    # What the dead had written down was not computed again, but for a step whose CONTCAR
    # was not yet there when they were killed.
    assert len(complete) - len(set(complete)) <= 1
    assert max(complete) >= 14


def test_f4_6_the_time_of_a_worker_ends_and_the_next_goes_on(
    archive, structure, faults, reference, monkeypatch
):
    """The handler keeps 300 s back, so a worker with 303 s left has three to work in."""
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    faults({"step_s": 0.3})
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 303))
    maker = TrajectoryJobMaker(calculation=vasp_kit.quick(vasp_kit.MAKERS["md"]()))
    job = maker.make(structure.id, RECIPE, DYNAMICS, 20, 20, "warm")
    store = JobStore(MemoryStore())
    store.connect()
    response = job.run(store)
    assert 1 <= response.output["n_steps"] < 20
    assert_invariants(archive)
    assert_same(read(archive), first(reference, response.output["n_steps"]))
    faults()
    monkeypatch.delenv("TM23_DEADLINE")
    outputs = run_locally(response.detour, store=store, raise_immediately=True, log=False)
    (result,) = (one[1].output for one in outputs.values())
    assert result["n_steps"] == 20
    assert_same(read(archive), reference)
    assert_invariants(archive)


def test_f4_7_atoms_in_another_order_are_rejected(archive, frame_ids, faults):
    faults({"do": "permute", "folder": "*label-0002"})
    label(frame_ids)
    assert list(rejections(archive)) == [frame_ids[1]]
    assert "another order" in rejections(archive)[frame_ids[1]]
    # A label belongs to the frame that was put in, whatever folder it came from.
    for frame in archive.get_many(Frame, [frame_ids[0], frame_ids[2]]):
        (one,) = archive.labels(frame=frame.id)
        assert one.compute_id() == one.id
    assert_invariants(archive, frame_ids)


def test_f4_7_a_run_with_atoms_in_another_order_is_refused(archive, structure, faults):
    faults({"do": "permute", "folder": "*steps-000006"})
    with pytest.raises(PhysicsError, match="another order"):
        run(structure, 10)
    assert the_trajectory(archive).n_steps == 5
    assert_invariants(archive)
