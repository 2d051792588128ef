"""Runs that are sound, and runs with one known fault each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from tm23flows.errors import InputError
from tm23flows.science.stability import (
    RunArrays,
    StabilityRule,
    examine_run,
    nearest_distances,
)

STEPS, TARGET = 40, 500.0


@pytest.fixture
def run():
    """Vibrating copper in a skewed cell; the conserved energy rises by 2 meV per atom and ps."""
    atoms = bulk("Cu", "fcc", a=3.61).repeat((2, 2, 1))
    rng = np.random.default_rng(2)
    moved = atoms.positions + 0.05 * rng.standard_normal((STEPS, 4, 3))
    moved[0] = atoms.positions
    return RunArrays(
        positions_A=moved,
        temperature_K=TARGET + 50 * rng.standard_normal(STEPS),
        conserved_eV=-3.0 + 4 * 0.002 * 0.005 * np.arange(STEPS),
        cell_A=atoms.cell.array,
        timestep_fs=5.0,
    )


def test_a_sound_run_has_no_failure(run):
    found = examine_run(run, TARGET)
    assert found.failure is None
    assert found.n_steps == STEPS
    assert found.temperature_mean_K == pytest.approx(run.temperature_K[20:].mean())
    assert found.temperature_std_K == pytest.approx(run.temperature_K[20:].std())
    assert found.drift_meV_per_atom_per_ps == pytest.approx(2.0)
    assert found.min_distance_A == nearest_distances(run.positions_A, run.cell_A).min()


def test_nearest_distances_are_those_of_ase(run):
    atoms = bulk("Cu", "fcc", a=3.61).repeat((2, 2, 1))
    for place in (0, 7):
        atoms.positions = run.positions_A[place]
        expected = neighbor_list("d", atoms, 4.0).min()
        found = nearest_distances(run.positions_A[place : place + 1], run.cell_A)
        assert found == pytest.approx([expected])


def broken(run, **places):
    arrays = {name: getattr(run, name).copy() for name in places}
    for name, (where, value) in places.items():
        arrays[name][where] = value
    return replace(run, **arrays)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"temperature_K": (slice(12, 14), 3.1 * TARGET)}, "too hot"),
        ({"temperature_K": (12, np.inf)}, "not finite"),
        ({"positions_A": (12, np.nan)}, "not finite"),
        ({"conserved_eV": (slice(12, None), -3.0 - 4 * 0.11)}, "drift"),
        ({"positions_A": ((12, 1), (0.6, 0.6, 0.6))}, "too close"),
    ],
)
def test_each_fault_is_found_where_it_is(run, fault, kind):
    found = examine_run(broken(run, **fault), TARGET, stopped="it ended")
    assert (found.failure.kind, found.failure.step) == (kind, 13)
    assert found.failure.time_ps == pytest.approx(0.06)
    assert found.temperature_mean_K == pytest.approx(run.temperature_K[6:12].mean())


def test_the_first_of_two_faults_counts(run):
    both = broken(run, temperature_K=(20, 9999.0), conserved_eV=(9, 7.0))
    assert examine_run(both, TARGET).failure.kind == "drift"
    wide = StabilityRule(drift_eV_per_atom=1e3)
    assert examine_run(both, TARGET, wide).failure.kind == "too hot"


def test_an_error_is_a_failure_after_the_last_step(run):
    found = examine_run(run, TARGET, stopped="the worker was killed")
    assert (found.failure.kind, found.failure.step) == ("stopped", STEPS + 1)
    assert found.failure.reason == "the worker was killed"
    assert found.drift_meV_per_atom_per_ps == pytest.approx(2.0)


def test_what_is_not_known_is_none(run):
    silent = examine_run(replace(run, conserved_eV=np.full(STEPS, np.nan)), TARGET)
    assert silent.drift_meV_per_atom_per_ps is None
    assert silent.failure is None
    at_once = examine_run(broken(run, positions_A=(slice(None), np.nan)), TARGET)
    assert at_once.failure.step == 1
    assert at_once.temperature_mean_K is at_once.min_distance_A is None


def test_nothing_is_refused(run):
    with pytest.raises(InputError):
        examine_run(replace(run, positions_A=run.positions_A[:0]), TARGET)
    with pytest.raises(InputError):
        examine_run(run, 0.0)
    assert StabilityRule().as_dict()["temperature_factor"] == 3


def test_a_program_that_tells_no_temperature_has_not_failed(run):
    silent = replace(run, temperature_K=np.full(STEPS, np.nan))
    found = examine_run(silent, TARGET)
    assert found.failure is None
    assert found.temperature_mean_K is found.temperature_std_K is None
    assert found.min_distance_A > 2
    lost = replace(run, temperature_K=np.where(np.arange(STEPS) == 9, np.nan, TARGET))
    assert examine_run(lost, TARGET).failure.kind == "not finite"
