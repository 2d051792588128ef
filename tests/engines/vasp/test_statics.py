"""Statics in a row: warm from each other, judged one by one, and what ends a row."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from engine_kit import (
    MAKERS,
    TIME_LEFT_S,
    copper_atoms,
    let_time_run_out,
    n_written,
    quick,
)
from pymatgen.io.vasp import Incar

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Failure, Result, no_deadline
from tm23flows.engines.vasp import places
from tm23flows.engines.vasp.recipes import complete_recipe, with_recipe
from tm23flows.engines.vasp.statics import LARGE_FILES, MAX_SILENT, Statics
from tm23flows.errors import DiskFullError, OutOfTimeError, PhysicsError

pytestmark = pytest.mark.filterwarnings("ignore")

RECIPE = Recipe(engine="vasp", cutoff_eV=300.0, kmesh=(2, 2, 2))


def maker_of(recipe, **settings):
    maker = quick(MAKERS["label"](), **settings)
    complete = complete_recipe(maker.input_set_generator, recipe, ["Cu"])
    generator = with_recipe(maker.input_set_generator, complete)
    return replace(maker, input_set_generator=generator), complete


@pytest.fixture
def statics(vasp, tmp_path):
    return Statics(tmp_path, no_deadline)


def compute(statics, seed=1, recipe=RECIPE, atoms=None, **settings):
    maker, complete = maker_of(recipe, **settings)
    return statics.compute(atoms or copper_atoms(seed), maker, complete)


def test_a_static_is_complete_and_says_how_it_was_made(statics, tmp_path):
    result = compute(statics)
    assert isinstance(result, Result)
    energies = result.energies
    assert energies.sigma0 == pytest.approx((2 * energies.free + energies.without_entropy) / 3)
    assert result.forces.shape == (7, 3)
    assert result.stress.shape == (6,)
    assert result.versions == {"vasp": "6.4.3-simulator"}
    assert result.effort.program == "vasp 6.4.3-simulator (vasp_std)"
    assert result.effort.folder.endswith(f":{tmp_path}/label-0001")
    assert result.effort.scf_iterations > 3
    assert result.effort.wall_s > 0
    assert result.effort.cores == 1
    assert result.effort.cpu_s is not None
    assert result.effort.max_memory_bytes == 30_000 * 1024


def test_forces_and_stress_are_derivatives_of_the_free_energy(statics):
    """Signs and units through the whole road, with the smearing that changes the energy."""
    recipe = RECIPE.model_copy(update={"sigma_eV": 1.0})
    atoms = copper_atoms()
    here = compute(statics, recipe=recipe, atoms=atoms)
    step = 1e-3
    pair = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[2, 1] += sign * step
        pair.append(compute(statics, recipe=recipe, atoms=moved).energies.free)
    assert -(pair[0] - pair[1]) / (2 * step) == pytest.approx(here.forces[2, 1], abs=1e-4)
    pair = []
    for sign in (1, -1):
        strained = atoms.copy()
        strain = np.eye(3)
        strain[1, 2] = strain[2, 1] = sign * step / 2
        strained.set_cell(atoms.cell @ strain, scale_atoms=True)
        pair.append(compute(statics, recipe=recipe, atoms=strained).energies.free)
    derivative = (pair[0] - pair[1]) / (2 * step) / atoms.get_volume()
    assert derivative == pytest.approx(here.stress[3], abs=1e-5)  # yz is the fourth of ASE


def test_the_next_one_is_warm_and_only_the_last_keeps_large_files(statics, tmp_path):
    cold, warm = compute(statics, 1), compute(statics, 2)
    assert warm.effort.scf_iterations < cold.effort.scf_iterations
    other = compute(statics, 2, RECIPE.model_copy(update={"sigma_eV": 1.0}))
    assert other.effort.scf_iterations < cold.effort.scf_iterations
    assert Incar.from_file(tmp_path / "label-0003/INCAR")["SIGMA"] == 1.0
    kept = {path.parent.name for name in LARGE_FILES for path in tmp_path.glob(f"*/{name}")}
    assert kept == {"label-0003"}


@pytest.mark.parametrize(
    "changes", [{"kmesh": (3, 3, 3)}, {"cutoff_eV": 350.0}, {"electron_shift": 1.0}], ids=str
)
def test_another_mesh_cutoff_or_charge_starts_cold(statics, changes):
    cold = compute(statics, 1)
    other = compute(statics, 2, RECIPE.model_copy(update=changes))
    assert other.effort.scf_iterations == cold.effort.scf_iterations


def test_another_cell_or_number_of_atoms_starts_cold(statics, tmp_path):
    compute(statics, 1)
    stretched = copper_atoms(2)
    stretched.set_cell(stretched.cell * 1.001, scale_atoms=True)
    fewer = stretched.copy()
    del fewer[-1]
    for atoms in (stretched, fewer):
        assert isinstance(compute(statics, atoms=atoms), Result)
    for folder in ("label-0002", "label-0003"):
        assert "ISTART" not in Incar.from_file(tmp_path / folder / "INCAR")


def test_the_atoms_stay_those_that_were_asked_for_while_the_next_is_prepared(statics):
    """A caller may move the same atoms on from frame to frame."""
    atoms = copper_atoms()
    first = compute(statics, atoms=atoms)
    atoms.set_cell(atoms.cell * 1.02, scale_atoms=True)
    second = compute(statics, atoms=atoms)
    assert second.effort.scf_iterations == first.effort.scf_iterations  # cold


REJECTED = {
    "unconverged": "did not converge",
    "nan": "not a number",
    "garbage": "not a number",
    "permute": "another order",
    "no_output": "wrote no vasprun.xml",
    "exit:1": "exit code 1",
    "truncate:0.7": "ends early",
}


@pytest.fixture
def _impatient(monkeypatch):
    """Do not wait for output that a shared disk might still show: there will be none."""
    monkeypatch.setattr(places, "PATIENCE_S", ())


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("do", REJECTED)
def test_a_bad_static_is_a_reason_and_the_next_one_starts_cold(statics, faults, do, tmp_path):
    compute(statics, 1)
    faults({"do": do, "folder": "*label-0002"})
    bad = compute(statics, 2)
    assert isinstance(bad, Failure)
    assert REJECTED[do] in bad.reason
    assert "\n" not in bad.reason
    assert isinstance(compute(statics, 3), Result)
    assert "ISTART" not in Incar.from_file(tmp_path / "label-0003/INCAR")


def test_an_exit_code_after_complete_output_is_a_note(statics, faults):
    faults({"do": "exit:1", "at_step": "end"})
    result = compute(statics)
    assert result.effort.corrections == ("exit code 1, but the output is complete",)


@pytest.mark.usefixtures("_impatient")
def test_a_machine_on_which_vasp_never_starts_does_not_eat_the_batch(statics, faults, tmp_path):
    faults({"do": "no_output"})
    for seed in range(MAX_SILENT):
        assert "no vasprun.xml" in compute(statics, seed).reason
    with pytest.raises(PhysicsError, match=r"3 times in a row .* vasp_cmd"):
        compute(statics, MAX_SILENT)
    assert len(list(tmp_path.glob("label-*"))) == MAX_SILENT


@pytest.mark.usefixtures("_impatient")
def test_a_failure_with_output_says_nothing_about_the_machine(statics, faults):
    faults({"do": "no_output", "folder": "*label-000[1245]"})
    outcomes = [compute(statics, seed) for seed in range(6)]
    assert [isinstance(one, Failure) for one in outcomes] == [True, True, False, True, True, False]


def test_a_full_disk_ends_the_row(statics, faults):
    faults({"do": "enospc"})
    with pytest.raises(DiskFullError, match="disk_full"):
        compute(statics)


def test_a_row_ends_before_the_deadline(vasp, tmp_path):
    statics = Statics(tmp_path, partial(float, time.time() + 30))
    with pytest.raises(OutOfTimeError):
        compute(statics)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("longest_s", [2000.0, 800.0], ids=["does not fit", "would be stopped"])
def test_the_longest_one_says_whether_there_is_time_for_another(vasp, tmp_path, longest_s):
    """VASP is stopped five minutes before the end, so that 1000 s are 700."""
    statics = Statics(tmp_path, partial(float, time.time() + 1000))
    compute(statics)
    statics._longest_s = longest_s
    with pytest.raises(OutOfTimeError, match="another"):
        compute(statics)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_static_that_time_ends_is_no_result(faults, tmp_path, monkeypatch):
    faults({"step_s": 20})
    let_time_run_out(monkeypatch, lambda: n_written(tmp_path, "DAV:") >= 1)
    statics = Statics(tmp_path, partial(float, time.time() + TIME_LEFT_S))
    with pytest.raises(OutOfTimeError):
        compute(statics)
