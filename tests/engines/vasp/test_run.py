"""Whole runs: custodian, real processes, real files, and every way in which they go wrong."""

import json
import os
import time
from functools import partial
from pathlib import Path

import pytest
from custodian.vasp.handlers import VaspErrorHandler
from engine_kit import SILENT_S
from pymatgen.io.vasp import Incar, Poscar
from run_kit import dynamics, n_steps, static

from tm23flows.engines.vasp.check import drifts
from tm23flows.engines.vasp.handlers import FROZEN_S, SilenceHandler, tm23_handlers
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.engines.vasp.run import run_in
from tm23flows.errors import InputError, MissingDependencyError

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_static_runs_the_standard_binary_and_is_what_was_asked_for(run, folder, copper):
    maker = static(kmesh=(2, 2, 2), sigma_eV=2.0, electron_shift=-3)
    report = run(maker)
    assert (report.error, report.stopped, report.corrections) == (None, None, ())
    assert report.binary == "vasp_std"
    assert report.build.endswith("complex")
    assert report.wall_s > 0
    assert n_steps(folder) == 1
    assert drifts(folder, maker.input_set_generator, copper) == []


@pytest.mark.parametrize("make", [static, dynamics])
def test_the_gamma_point_runs_the_gamma_binary(make, run):
    report = run(make())
    assert report.error is None
    assert report.binary == "vasp_gam"
    assert report.build.endswith("gamma-only")


def test_without_a_gamma_binary_the_standard_one_runs_and_is_named(run, monkeypatch):
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", "no-such-vasp")
    report = run(static())
    assert (report.error, report.binary) == (None, "vasp_std")


def test_dynamics_make_all_steps(run, folder, copper):
    maker = dynamics(5)
    report = run(maker)
    assert report.error is None
    assert n_steps(folder) == 5
    assert drifts(folder, maker.input_set_generator, copper) == []


def test_a_run_goes_on_from_the_restart_file_of_another(run, tmp_path):
    run(dynamics(6), "whole")
    run(dynamics(3), "first")
    contcar = (tmp_path / "first/CONTCAR").read_text()
    structure = Poscar.from_str(contcar).structure
    report = run_in(tmp_path / "second", dynamics(3), structure, poscar_text=contcar)
    assert report.error is None
    assert (tmp_path / "second/POSCAR").read_text() == contcar
    whole = [step.energy_free for step in iter_steps(tmp_path / "whole/vasprun.xml")]
    second = [step.energy_free for step in iter_steps(tmp_path / "second/vasprun.xml")]
    assert second == pytest.approx(whole[3:], abs=1e-8)


def test_a_warm_start_takes_the_files_of_another_run_and_leaves_them(run, tmp_path):
    run(static(), "cold")
    before = (tmp_path / "cold/WAVECAR").read_bytes()
    report = run(static(sigma_eV=1.0), "warm", warm_from=tmp_path / "cold")
    assert report.error is None
    assert (tmp_path / "cold/WAVECAR").read_bytes() == before
    (cold,), (warm,) = (
        list(iter_steps(tmp_path / name / "vasprun.xml")) for name in ("cold", "warm")
    )
    assert warm.n_scf < cold.n_scf
    assert run(static(), "nothing", warm_from=tmp_path).error is None


def test_a_warm_start_reads_density_too_unless_the_user_says_how_to_start(run, tmp_path):
    """Without ICHARG VASP takes the wave functions alone."""
    run(static(), "cold")
    settings = {"warm": {}, "user": {"ICHARG": 2}, "nothing": {"ISTART": 0}}
    for name, tags in settings.items():
        assert (
            run(static(user_incar_settings=tags), name, warm_from=tmp_path / "cold").error is None
        )
    incars = {name: Incar.from_file(tmp_path / name / "INCAR") for name in settings}
    assert {name: (one.get("ISTART"), one.get("ICHARG")) for name, one in incars.items()} == {
        "warm": (1, 1),
        "user": (1, 2),
        "nothing": (0, None),
    }
    n_scf = {
        name: next(iter_steps(tmp_path / name / "vasprun.xml")).n_scf
        for name in ("cold", *settings)
    }
    assert n_scf["warm"] < n_scf["nothing"] == n_scf["cold"]


def test_a_warm_start_that_gives_no_numbers_is_repeated_from_nothing(run, faults, tmp_path):
    run(static(), "cold")
    faults({"do": "nan", "times": 1})
    report = run(static(), "warm", warm_from=tmp_path / "cold")
    assert report.error is None
    assert report.corrections == (
        "not a number: ISTART=0 ICHARG=2, without WAVECAR, without CHGCAR",
    )


def test_nothing_is_written_into_a_folder_with_something_in_it(run, folder):
    folder.mkdir()
    (folder / "OUTCAR").write_text("old")
    with pytest.raises(InputError, match="empty folder"):
        run(static())
    assert [path.name for path in folder.iterdir()] == ["OUTCAR"]


def test_no_vasp_is_said_before_anything_is_written(run, folder, monkeypatch):
    monkeypatch.setenv("TM23_VASP_CMD", "no-such-vasp")
    with pytest.raises(MissingDependencyError):
        run(static())
    assert not folder.exists()


@pytest.mark.parametrize("kwargs", [{"job_type": "direct"}, {"scratch_dir": "/tmp"}])
def test_settings_that_are_not_for_this_are_refused(kwargs, run):
    maker = static()
    maker.run_vasp_kwargs.update(kwargs)
    with pytest.raises(InputError, match=next(iter(kwargs))):
        run(maker)


def test_a_run_changes_nothing_around_it(run, monkeypatch):
    monkeypatch.delenv("CUSTODIAN_WALLTIME_START", raising=False)
    before, where = dict(os.environ), Path.cwd()
    maker = static()
    made = maker.as_dict()
    run(maker, deadline=partial(float, time.time() + 1e6))
    assert (dict(os.environ), Path.cwd()) == (before, where)
    assert maker.as_dict() == made


BROKEN = {
    "no_output": "wrote no vasprun.xml",
    "exit:1": "exit code 1; vasprun.xml ends early",
    "sigkill": "killed by signal 9; vasprun.xml ends early",
    "segv": "killed by signal 11",
    "truncate:0.6": "vasprun.xml ends early",
    "nan": "not a number",
    "garbage": "not a number",
}


@pytest.mark.parametrize("do", BROKEN)
@pytest.mark.parametrize("make", [static, dynamics])
def test_a_broken_run_is_one_phrase_and_no_exception(do, make, run, faults, folder):
    faults({"do": do})
    report = run(make())
    assert BROKEN[do] in report.error
    assert "\n" not in report.error
    assert report.corrections == ()
    assert report.stopped is None


def test_a_deterministic_failure_is_tried_once_only(run, faults, folder):
    faults({"do": "exit:1"})
    run(static())
    log = json.loads((folder / "custodian.json").read_text())
    assert len(log) == 1
    assert not list(folder.glob("error.*"))


def test_the_last_words_of_vasp_are_in_the_phrase(run, faults):
    faults({"do": "message:LAPACK: Routine ZPOTRF failed!", "and": "exit:1"})
    assert "LAPACK: Routine ZPOTRF failed!" in run(static()).error


def test_a_full_disk_is_named(run, faults):
    faults({"do": "enospc"})
    report = run(static())
    assert report.error
    assert "No space left on device" in report.error or "severe (38)" in report.error


def test_an_exit_code_after_complete_output_is_recorded_and_no_error(run, faults, folder, copper):
    faults({"do": "exit:1", "at_step": "end"})
    maker = static()
    report = run(maker)
    assert report.error is None
    assert report.corrections == ("exit code 1, but the output is complete",)
    assert drifts(folder, maker.input_set_generator, copper) == []


@pytest.mark.parametrize("shift", [0, 2])
def test_brmix_is_mended_by_mixing_also_in_charged_cells(shift, run, faults, folder, copper):
    faults({"do": "message:BRMIX: very serious problems", "and": "exit:1", "times": 1})
    maker = static(electron_shift=shift, kmesh=(2, 2, 2))
    report = run(maker)
    assert report.error is None
    (correction,) = report.corrections
    assert correction.startswith("brmix: IMIX=1, ISTART=0 ICHARG=2")
    assert Incar.from_file(folder / "INCAR")["IMIX"] == 1
    assert drifts(folder, maker.input_set_generator, copper) == []


def test_brmix_that_does_not_go_away_ends_with_one_reason(run, faults, folder, copper):
    faults({"do": "message:BRMIX: very serious problems", "and": "exit:1"})
    maker = static(electron_shift=2)
    report = run(maker)
    assert report.error == "brmix"
    assert len(report.corrections) == 2
    assert not [
        line for line in drifts(folder, maker.input_set_generator, copper) if "INCAR" in line
    ]


def test_brmix_of_a_run_that_goes_on_and_converges_is_left_alone(run, faults):
    faults({"do": "message:BRMIX: very serious problems"})
    report = run(static(electron_shift=2))
    assert (report.error, report.corrections) == (None, ())


def test_a_static_that_does_not_converge_gets_the_stable_algorithm(run, faults, folder, copper):
    faults({"do": "unconverged", "times": 1})
    maker = static(kmesh=(2, 2, 2))
    report = run(maker)
    assert report.error is None
    (correction,) = report.corrections
    assert correction.startswith("the electrons did not converge: ALGO=All ISEARCH=1")
    assert drifts(folder, maker.input_set_generator, copper) == []
    (step,) = iter_steps(folder / "vasprun.xml")
    assert step.converged


def test_a_static_that_never_converges_says_so(run, faults, folder):
    faults({"do": "unconverged"})
    assert run(static(kmesh=(2, 2, 2))).error == "the electrons did not converge"
    assert Incar.from_file(folder / "INCAR")["NELMDL"] == -6


def test_dynamics_that_do_not_converge_in_a_step_go_on(run, faults, folder):
    faults({"do": "unconverged", "at_step": 2})
    report = run(dynamics(n_steps=4))
    assert (report.error, report.corrections) == (None, ())
    assert [one.converged for one in iter_steps(folder / "vasprun.xml")] == [
        True,
        False,
        True,
        True,
    ]


def test_edddav_before_the_output_begins_is_mended(run, faults, folder, copper):
    message = "Error EDDDAV: Call to ZHEGV failed. Returncode = 7"
    faults({"do": f"message:{message}", "and": "exit:1", "times": 1})
    maker = static()
    report = run(maker)
    assert report.error is None
    assert Incar.from_file(folder / "INCAR")["ALGO"] == "All"
    assert "ALGO=All" in report.corrections[0]
    assert drifts(folder, maker.input_set_generator, copper) == []


def test_dynamics_with_steps_are_stopped_and_not_repeated(run, faults, folder):
    message = "Error EDDDAV: Call to ZHEGV failed. Returncode = 7"
    faults({"do": f"message:{message}", "and": "exit:1", "at_step": 4})
    before_run = run(dynamics(6))
    assert "edddav" in before_run.error
    assert before_run.corrections == ()
    assert n_steps(folder) == 3
    assert (folder / "POSCAR").read_bytes() == (folder / "POSCAR.orig").read_bytes()


def test_nan_stops_dynamics_before_their_end(run, faults, folder):
    faults({"do": "nan", "at_step": list(range(3, 400))}, {"step_s": 0.1})
    assert "not a number" in run(dynamics(400)).error
    assert n_steps(folder) < 100


def processes_in(folder):
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "cwd").readlink() == folder:
                found.append(proc.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("make", [static, dynamics])
def test_a_run_that_hangs_is_killed_with_its_children(make, run, faults, folder):
    at_step = 2 if make is dynamics else 1
    faults({"do": "spawn_child", "at_step": at_step, "silent_s": SILENT_S})
    report = run(make())
    assert "no output for 3600 s" in report.error
    assert processes_in(folder) == []
    # a static loses nothing by another start, dynamics would lose their steps
    assert len(report.corrections) == (1 if make is static else 0)


def test_a_static_that_hangs_once_is_computed(run, faults, folder):
    faults({"do": "hang", "times": 1, "silent_s": SILENT_S})
    report = run(static())
    assert report.error is None
    assert "no output" in report.corrections[0]
    assert n_steps(folder) == 1


def test_a_run_of_an_interrupted_process_does_not_live_on(run, faults, folder, monkeypatch):
    class Interrupt(SilenceHandler):
        def check(self, directory="./"):
            raise KeyboardInterrupt

    faults({"do": "hang"})
    maker = static()
    maker.run_vasp_kwargs["handlers"] = [Interrupt()]
    with pytest.raises(KeyboardInterrupt):
        run(maker)
    assert processes_in(folder) == []


def test_a_handler_that_fails_is_recorded_and_vasp_goes_on(run):
    class Broken(SilenceHandler):
        def check(self, directory="./"):
            raise TypeError

    maker = static()
    maker.run_vasp_kwargs["handlers"] = [Broken()]
    report = run(maker)
    assert report.error is None
    assert report.corrections == ("Broken failed",)


def test_users_handlers_are_used_and_none_means_none(run, faults):
    message = "Error EDDDAV: Call to ZHEGV failed. Returncode = 7"
    faults({"do": f"message:{message}", "and": "exit:1", "times": 1})
    maker = static()
    maker.run_vasp_kwargs["handlers"] = ()
    assert "ends early" in run(maker, "none").error
    faults({"do": "message:REAL_OPTLAY: internal error"})
    maker.run_vasp_kwargs["handlers"] = [VaspErrorHandler(errors_subset_to_catch=["real_optlay"])]
    assert run(maker, "theirs").error == "real_optlay"


def test_the_defaults_are_for_production():
    assert tm23_handlers()[-1].timeout == FROZEN_S
