"""Molecular dynamics in runs that continue each other, and everything that ends one early."""

import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from engine_kit import (
    DYNAMICS,
    RECIPE,
    TIME_LEFT_S,
    assert_same,
    copper_atoms,
    let_time_run_out,
    n_written,
    quick,
    run,
    vasp_engine,
)

from tm23flows.engines.vasp.makers import TM23MDMaker
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.errors import DiskFullError, OutOfTimeError, PhysicsError

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def reference(_vasp_simulator, tmp_path_factory):
    """Twenty steps in one run of VASP."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _vasp_simulator.items():
            patch.setenv(name, value)
        return list(run(tmp_path_factory.mktemp("reference"), 20))


def take(steps):
    """Take steps until an error ends them, keeping those before it."""
    taken = []
    try:
        for step in steps:
            taken.append(step)  # noqa: PERF402
    except (PhysicsError, OutOfTimeError, DiskFullError) as error:
        return taken, error
    return taken, None


def folders(path):
    return sorted(one.name for one in path.glob("steps-*"))


def test_segments_equal_one_run_frame_by_frame(vasp, tmp_path, reference):
    steps = list(run(tmp_path, 20, segment_steps=5))
    assert_same(steps, reference)
    assert [one.state.step for one in steps if one.state.restart] == [5, 10, 15, 20]
    assert folders(tmp_path) == [f"steps-{n:06d}" for n in (1, 6, 11, 16)]


def test_killed_twice_it_equals_one_run_frame_by_frame(faults, tmp_path, reference):
    """F4.6: 4 x 5 steps; VASP is killed in the second and in the fourth segment."""
    faults(
        {"do": "sigkill", "at_step": 4, "times": 1, "folder": "*steps-000006"},
        {"do": "sigkill", "at_step": 2, "times": 1, "folder": "*steps-000014"},
    )
    steps = list(run(tmp_path, 20, segment_steps=5))
    assert_same(steps, reference)
    # What the killed runs had completed was not computed again.
    computed = [
        int(folder.name[6:12]) + step.number - 1
        for folder in sorted(tmp_path.glob("steps-*"))
        for step in iter_steps(folder / "vasprun.xml")
    ]
    assert sorted(computed) == list(range(1, 21))


def test_the_run_is_what_was_asked_for_and_says_so(vasp, tmp_path):
    engine = vasp_engine(tmp_path, "md", maker=quick(TM23MDMaker(), PREC="Accurate"))
    recipe = engine.complete(RECIPE, ["Cu"])
    assert recipe.options["incar"]["PREC"] == "Accurate"
    steps = list(engine.run_md(copper_atoms(), recipe, DYNAMICS, 3))
    from pymatgen.io.vasp import Incar

    incar = Incar.from_file(tmp_path / "steps-000001/INCAR")
    asked = {"PREC": "Accurate", "ENCUT": 300, "NSW": 3, "TEBEG": 600, "POTIM": 5, "SMASS": 0}
    assert {tag: incar[tag] for tag in asked} == {**asked, "PREC": "Accurate"}
    effort = steps[-1].result.effort
    assert effort.program == "vasp 6.4.3-simulator (vasp_gam)"
    assert effort.folder.endswith(f":{tmp_path}/steps-000001")
    assert effort.corrections == ()
    assert effort.wall_s > 0
    assert effort.cores == 1
    assert all(one.result.effort.scf_iterations > 1 for one in steps)
    assert steps[0].state.positions == pytest.approx(copper_atoms().positions, abs=1e-9)
    assert steps[0].temperature_K == pytest.approx(600, rel=0.2)
    packed = engine.finish()
    assert "steps-000001/vasprun.xml" in packed.members
    assert folders(tmp_path) == []


def test_positions_are_continuous_and_leave_the_cell(reference):
    places = np.array([one.state.positions for one in reference])
    jumps = np.linalg.norm(np.diff(places, axis=0), axis=2)
    assert jumps.max() < 0.15  # 600 K: 0.03 A in a step
    inside = copper_atoms().cell.scaled_positions(places[-1])
    assert (inside < 0).any()


def older_contcar(folder, contcar_of):
    """Put back the CONTCAR of an earlier step, as if VASP had been killed before writing it."""
    shutil.copy(contcar_of / "CONTCAR", folder / "CONTCAR")


def kill_before_contcar(tmp_path, n_back):
    """Leave a run of seven steps whose CONTCAR is some steps older."""
    list(run(tmp_path / "short", 7 - n_back))
    list(run(tmp_path / "dead", 7))
    older_contcar(tmp_path / "dead/steps-000001", tmp_path / "short/steps-000001")
    return tmp_path / "dead"


@pytest.mark.parametrize("n_back", [1, 2])
def test_steps_after_contcar_are_made_again(vasp, tmp_path, reference, n_back):
    dead = kill_before_contcar(tmp_path, n_back)
    steps = list(run(tmp_path / "heir", 20, leftover=dead))
    assert_same(steps, reference)
    assert folders(tmp_path / "heir") == [f"steps-{8 - n_back:06d}"]


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_cut_contcar_makes_the_stretch_run_again(vasp, tmp_path, reference, part):
    list(run(tmp_path / "dead", 5))
    path = tmp_path / "dead/steps-000001/CONTCAR"
    os.truncate(path, int(part * path.stat().st_size))
    steps = list(run(tmp_path / "heir", 10, segment_steps=5, leftover=tmp_path / "dead"))
    assert_same(steps, reference[:10])
    assert folders(tmp_path / "heir") == ["steps-000001", "steps-000006"]


def test_complete_steps_of_a_dead_run_are_taken_over(vasp, tmp_path, reference):
    list(run(tmp_path / "dead", 8))
    os.truncate(tmp_path / "dead/steps-000001/vasprun.xml", 0)
    assert list(run(tmp_path / "none", 2, leftover=tmp_path / "dead"))
    assert folders(tmp_path / "none") == ["steps-000001"]

    list(run(tmp_path / "good", 8))
    steps = list(run(tmp_path / "heir", 10, leftover=tmp_path / "good"))
    assert_same(steps, reference[:10])
    assert folders(tmp_path / "heir") == ["steps-000009"]


def test_another_runs_folder_is_not_taken_over(vasp, tmp_path, reference):
    """Same atoms, same first step, other velocities."""
    engine = vasp_engine(tmp_path / "other", "md")
    recipe = engine.complete(RECIPE, ["Cu"])
    list(engine.run_md(copper_atoms(), recipe, DYNAMICS.model_copy(update={"seed": 4}), 5))
    steps = list(run(tmp_path / "heir", 5, leftover=tmp_path / "other"))
    assert_same(steps, reference[:5])
    assert folders(tmp_path / "heir") == ["steps-000001"]


def test_another_recipes_folder_is_not_taken_over(vasp, tmp_path, reference):
    engine = vasp_engine(tmp_path / "other", "md")
    recipe = engine.complete(RECIPE.model_copy(update={"sigma_eV": 0.1}), ["Cu"])
    list(engine.run_md(copper_atoms(), recipe, DYNAMICS, 5))
    steps = list(run(tmp_path / "heir", 5, leftover=tmp_path / "other"))
    assert_same(steps, reference[:5])


def test_a_vasp_that_outlived_its_worker_is_stopped_and_its_steps_taken(
    faults, tmp_path, reference
):
    dead = tmp_path / "dead/steps-000001"
    list(run(tmp_path / "dead", 1))
    faults({"step_s": 0.5})
    survivor = dead.with_name("steps-000001.2")
    survivor.mkdir()
    for name in ("INCAR", "POSCAR", "KPOINTS", "POTCAR"):
        shutil.copy(dead / name, survivor / name)
    incar = (survivor / "INCAR").read_text().replace("NSW = 1", "NSW = 400")
    (survivor / "INCAR").write_text(incar)
    with (survivor / "vasp.out").open("w") as out:
        process = subprocess.Popen(
            [os.environ["TM23_VASP_GAMMA_CMD"]], cwd=survivor, stdout=out, start_new_session=True
        )
    try:
        while n_written(survivor) < 3:
            time.sleep(0.02)
        shutil.rmtree(dead)
        faults()
        steps = list(run(tmp_path / "heir", 20, leftover=tmp_path / "dead"))
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert_same(steps, reference)
    (heir,) = folders(tmp_path / "heir")
    assert int(heir[6:]) >= 3
    # Also the step in which it was told to stop has been computed to its end.
    energies = [step.energy_free for step in iter_steps(survivor / "vasprun.xml")]
    same = [one.result.energies.free for one in reference[: len(energies)]]
    assert energies == pytest.approx(same, abs=1e-7)


def test_the_step_in_which_somebody_stopped_vasp_hard_becomes_no_frame(vasp, tmp_path, reference):
    list(run(tmp_path / "dead", 8))
    with (tmp_path / "dead/steps-000001/vasp.out").open("a") as out:
        out.write(" hard stop encountered!  aborting job ...\n")
    steps = list(run(tmp_path / "heir", 10, leftover=tmp_path / "dead"))
    assert [one.state.step for one in steps if not one.converged] == [8]
    assert [one.state.step for one in steps] == list(range(1, 11))


def test_walltime_closes_a_part_and_the_next_run_goes_on(faults, tmp_path, reference, monkeypatch):
    faults({"step_s": 0.4})
    let_time_run_out(monkeypatch, lambda: n_written(tmp_path) >= 3)
    steps, error = take(run(tmp_path / "early", 20, end=time.time() + TIME_LEFT_S))
    assert isinstance(error, OutOfTimeError)
    assert 3 <= len(steps) < 20
    assert steps[-1].state.restart
    faults()
    rest = list(run(tmp_path / "late", 20, start=steps[-1].state))
    assert rest[0].state.step == len(steps) + 1
    assert_same([*steps, *rest], reference)


def test_no_time_is_no_run(vasp, tmp_path):
    steps, error = take(run(tmp_path, 5, end=time.time() + 10))
    assert (steps, type(error)) == ([], OutOfTimeError)


def test_unconverged_steps_are_flagged_and_move_on(faults, tmp_path):
    faults({"do": "unconverged", "at_step": [2, 4]})
    steps = list(run(tmp_path, 5))
    assert [one.converged for one in steps] == [True, False, True, False, True]
    assert all(one.result is not None for one in steps)


def test_impossible_numbers_are_no_result_and_the_rest_is_kept(faults, tmp_path, reference):
    faults({"do": "garbage", "at_step": 3, "times": 1})
    # Nobody looks before the end, and stops VASP where it may not have written the step down.
    steps = list(run(tmp_path, 6, maker=quick(TM23MDMaker(), look_every=10**9)))
    assert [one.result is None for one in steps] == [False, False, True, False, False, False]
    assert [one.state.step for one in steps] == [1, 2, 3, 4, 5, 6]
    sound = [one for one in steps if one.result]
    assert_same(sound, [reference[k - 1] for k in (1, 2, 4, 5, 6)])


def test_an_explosion_keeps_what_was_before_and_ends_the_run_for_good(faults, tmp_path, reference):
    faults({"do": "explode", "at_step": 4})
    steps, error = take(run(tmp_path, 20, segment_steps=10))
    assert isinstance(error, PhysicsError)
    assert "exploded" in str(error)
    assert 3 <= len(steps) < 8
    assert_same(steps[:3], reference[:3])
    assert max(one.temperature_K for one in steps) < 5 * 600
    assert steps[-1].state.restart is None
    with pytest.raises(PhysicsError, match="for good"):
        next(run(tmp_path / "again", 20, start=steps[-1].state))


def test_the_same_error_twice_at_a_step_ends_the_run(faults, tmp_path, reference):
    faults(
        {"do": "exit:1", "at_step": 3, "folder": "*steps-000001"},
        {"do": "exit:1", "at_step": 1, "folder": "*steps-000003*"},
    )
    steps, error = take(run(tmp_path, 20, segment_steps=5))
    assert_same(steps, reference[:2])
    assert isinstance(error, PhysicsError)
    assert "exit code 1" in str(error)
    assert "step 2" in str(error)
    assert folders(tmp_path) == ["steps-000001", "steps-000003", "steps-000003.2"]
    # What was there is still good.
    faults()
    rest = list(run(tmp_path / "later", 6, start=steps[-1].state))
    assert_same([*steps, *rest], reference[:6])


def test_a_run_that_fails_again_and_again_gives_up(faults, tmp_path):
    faults({"do": "sigkill", "at_step": 2})
    steps, error = take(run(tmp_path, 20))
    assert isinstance(error, PhysicsError)
    assert [one.state.step for one in steps] == [1, 2, 3, 4, 5]


def test_atoms_in_another_order_are_refused(faults, tmp_path):
    faults({"do": "permute"})
    steps, error = take(run(tmp_path, 5))
    assert steps == []
    assert "another order" in str(error)
    assert folders(tmp_path) == ["steps-000001"]  # trying again would not help


def test_a_full_disk_keeps_complete_steps(faults, tmp_path, reference):
    faults({"do": "enospc", "at_step": 4})
    steps, error = take(run(tmp_path, 20, segment_steps=10))
    assert isinstance(error, DiskFullError)
    assert_same(steps, reference[:3])
    assert steps[-1].state.restart
    faults()
    rest = list(run(tmp_path / "later", 6, start=steps[-1].state))
    assert_same([*steps, *rest], reference[:6])


def test_a_run_with_the_other_binary_says_so(vasp, tmp_path, monkeypatch, reference):
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", "no-such-program")
    steps = list(run(tmp_path, 2))
    assert steps[-1].result.effort.program.endswith("(vasp_std)")
    assert_same(steps, reference[:2])


def test_a_correction_is_kept_with_the_segment(faults, tmp_path):
    message = "Error EDDDAV: Call to ZHEGV failed. Returncode = 7"
    faults({"do": f"message:{message}", "and": "exit:1", "times": 1})
    steps = list(run(tmp_path, 3))
    (correction,) = steps[-1].result.effort.corrections
    assert "ALGO=All" in correction
