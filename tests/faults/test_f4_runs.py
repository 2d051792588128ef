"""F4 of the fault matrix: runs of VASP that go wrong, through the jobs and into the archive."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import vasp_kit
from engine_kit import SILENT_S, TIME_LEFT_S, let_time_run_out, n_written, vasp_engine
from plant import wait_until
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
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.vasp import places
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
    faults({"do": "spawn_child", "at_step": 4, "times": 1, "silent_s": SILENT_S})
    run(structure, 10, 5)
    assert processes_in(work) == []
    assert_same(read(archive), first(reference, 10))
    assert the_trajectory(archive).segments[0].last_step == 3
    assert_invariants(archive)


def test_f4_2_a_label_that_hangs_is_killed_with_its_children(archive, frame_ids, faults, work):
    faults(
        {"do": "spawn_child", "times": 1, "silent_s": SILENT_S, "folder": "*label-0001"},
        {"do": "spawn_child", "silent_s": SILENT_S, "folder": "*label-0002"},
    )
    out = label(frame_ids)
    assert (out["accepted"], out["rejected"]) == (2, 1)
    assert processes_in(work) == []
    assert "no output" in rejections(archive)[frame_ids[1]]
    (again,) = archive.labels(frame=frame_ids[0])
    assert "no output" in again.effort.corrections[0]
    assert_invariants(archive, frame_ids)


def test_f4_3_no_output_with_status_0_is_a_failure(archive, frame_ids, faults, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE_S", ())
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


def test_f4_3_a_run_with_status_1_after_all_its_steps_goes_on_with_a_note(
    archive, structure, faults, reference
):
    faults({"do": "exit:1", "at_step": "end", "folder": "*steps-000001"})
    run(structure, 10)
    notes = [one.corrections for one in the_trajectory(archive).segments]
    assert notes == [("exit code 1, but the output is complete",), ()]
    assert_same(read(archive), first(reference, 10))
    assert_invariants(archive)


def test_f4_3_a_run_without_output_fails_after_two_tries(archive, structure, faults, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE_S", ())
    faults({"do": "no_output", "folder": "*steps-000006*"})
    with pytest.raises(PhysicsError, match=r"after step 5: VASP wrote no vasprun\.xml"):
        run(structure, 10)
    assert the_trajectory(archive).n_steps == 5
    assert_invariants(archive)


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
    code = WORKER.format(path=sys.path, structure=structure.id)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, start_new_session=True
    )


def computed_steps(*folders):
    """List the steps that VASP has completed in folders of workers."""
    return [
        int(run_folder.name[6:12]) + k
        for folder in folders
        for run_folder in sorted(folder.glob("steps-*"))
        for k in range(n_written(run_folder))
    ]


def kill_worker_in(worker, run_folder, n_steps):
    """Kill a worker, and VASP with it, when VASP hangs in a folder after so many steps."""

    def hangs():
        assert worker.poll() is None, "the worker ended before it could be killed"
        begun = n_written(run_folder, "DAV:   1 ")
        return (n_written(run_folder), begun) == (n_steps, n_steps + 1)

    wait_until(hangs, patience_s=400.0)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    for process in processes_in(run_folder.parent):  # on a cluster the scheduler does this
        os.kill(process, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_f4_6_killed_worker_twice(archive, structure, faults, tmp_path, reference):
    """The next worker runs elsewhere and takes over what is complete."""
    faults(
        {"do": "hang", "at_step": 3, "folder": "*steps-000006"},
        {"do": "hang", "at_step": 2, "folder": "*steps-000013"},
    )
    first_place, second_place = tmp_path / "first", tmp_path / "second"
    kill_worker_in(start_worker(first_place, structure), first_place / "steps-000006", 2)
    assert the_trajectory(archive).n_steps == 5
    assert_invariants(archive)
    kill_worker_in(start_worker(second_place, structure), second_place / "steps-000013", 1)
    assert the_trajectory(archive).n_steps == 12
    assert_invariants(archive)
    faults()
    run(structure, 20, 5)
    assert_same(read(archive), reference)
    assert_invariants(archive)
    assert [one.last_step for one in the_trajectory(archive).segments] == [5, 7, 12, 13, 18, 20]
    # What the dead had written down was not computed again.
    assert computed_steps(first_place, second_place) == list(range(1, 14))


@pytest.mark.timeout(900)
def test_f4_6_the_time_of_a_worker_ends_and_the_next_goes_on(
    archive, structure, faults, reference, monkeypatch, work
):
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    faults({"step_s": 0.5})
    let_time_run_out(monkeypatch, lambda: n_written(work) >= 3)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + TIME_LEFT_S))
    maker = TrajectoryJobMaker(calculation=vasp_kit.quick(vasp_kit.MAKERS["md"]()))
    job = maker.make(structure.id, RECIPE, DYNAMICS, 20, 20, "warm")
    store = JobStore(MemoryStore())
    store.connect()
    response = job.run(store)
    assert 3 <= response.output["n_steps"] < 20
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
    assert_invariants(archive, frame_ids)


def test_f4_7_a_label_belongs_to_the_frame_that_was_put_in(archive, frame_ids, faults, tmp_path):
    """Also where the one before it failed: compared with each frame alone."""
    faults({"do": "exit:1", "folder": "*label-0001"})
    label(frame_ids)
    faults()
    for number, frame in enumerate(archive.get_many(Frame, frame_ids[1:])):
        engine = vasp_engine(tmp_path / str(number), "label")
        recipe = engine.complete(Recipe(**RECIPE), ["Cu"])
        (alone,) = engine.label([frame.atoms], recipe)
        (stored,) = archive.labels(frame=frame.id)
        assert stored.recipe_id == recipe.id
        np.testing.assert_allclose(stored.forces, alone.forces, rtol=0, atol=1e-8)
        assert stored.energies.free == pytest.approx(alone.energies.free, abs=1e-8)
    assert_invariants(archive, frame_ids)


# Puts another cell in front of VASP, and what was asked for back when it has ended.
STRETCHED = """#!/bin/sh
cp POSCAR asked.vasp
sed -i '2s/.*/1.01/' POSCAR
"{vasp}"
mv asked.vasp POSCAR
"""


@pytest.mark.parametrize("task", ["label", "md"])
def test_f4_7_another_cell_is_rejected(
    archive, structure, frame_ids, task, vasp, tmp_path, monkeypatch
):
    program = tmp_path / "vasp_gam"
    program.write_text(STRETCHED.format(vasp=vasp["TM23_VASP_GAMMA_CMD"]))
    program.chmod(0o755)
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", str(program))
    with pytest.raises(PhysicsError, match="another cell"):
        label(frame_ids) if task == "label" else run(structure, 5)
    assert set(rejections(archive)) == (set(frame_ids) if task == "label" else set())
    assert list(archive.labels()) == []
    assert_invariants(archive, frame_ids if task == "label" else ())


def test_f4_7_a_run_with_atoms_in_another_order_is_refused(archive, structure, faults):
    faults({"do": "permute", "folder": "*steps-000006"})
    with pytest.raises(PhysicsError, match="another order"):
        run(structure, 10)
    assert the_trajectory(archive).n_steps == 5
    assert_invariants(archive)
