"""Melting of effective-medium aluminium and of places that are made up."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.dynamics import integrate
from tm23flows.errors import InputError
from tm23flows.science.melting import MeltingRule, first_minimum, judge_melting, moved_share
from tm23flows.science.rdf import radial_distribution

MELTING_K = 933.0


def moved(factor: float, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    atoms = bulk("Al", cubic=True).repeat(2)
    del atoms[0]
    atoms.calc = EMT()
    dynamics = Dynamics(
        temperature_K=factor * MELTING_K,
        damping_fs=100,
        seed=1,
        initial_temperature_factor=1.5,
    )
    states = [state for state, _, _ in integrate(atoms, dynamics, n_steps, None)]
    return np.array([state.positions for state in states]), atoms.cell.array


@pytest.fixture(scope="module")
def melt():
    return moved(2.5, 300)


@pytest.fixture(scope="module")
def crystal():
    return moved(0.75, 80)


def test_a_crystal_stays_one(crystal):
    found = judge_melting(crystal[0][::2], crystal[1])
    assert found.verdict == "solid"
    assert found.min_over_max < 0.1
    assert found.moved_share < 0.1
    assert found.reason == ""


def test_a_melt_is_said(melt):
    found = judge_melting(melt[0][::5], melt[1])
    assert found.verdict == "melted"
    assert found.min_over_max > 0.2
    assert found.moved_share > 0.7


def test_a_melt_that_was_not_followed_long_enough_is_unclear(melt):
    found = judge_melting(melt[0][100:140], melt[1])
    assert found.verdict == "unclear"
    assert "have not left their places" in found.reason


def test_a_drifting_crystal_is_one(crystal):
    positions, cell = crystal
    drift = np.linspace(0, 1, len(positions))[:, None, None] * [9.0, 0, 3.0]
    found, still = judge_melting(positions + drift, cell), judge_melting(positions, cell)
    assert found.verdict == "solid"
    assert found.min_over_max == pytest.approx(still.min_over_max, abs=0.02)


def test_a_crystal_in_which_all_atoms_change_places_is_unclear(crystal):
    """As by a ring of hops: the structure is that of a crystal, and nobody is at home."""
    positions, cell = crystal
    swapped = positions.copy()
    half = len(positions) // 2
    swapped[half:] = np.roll(positions[half:], 1, axis=1)
    found = judge_melting(swapped, cell)
    assert found.verdict == "unclear"
    assert found.moved_share > 0.9
    assert "is ordered" in found.reason


def test_a_few_hops_do_not_melt_a_crystal(crystal):
    positions, cell = crystal
    hopped = positions.copy()
    hopped[len(positions) // 2 :, :5] += 2.86
    assert judge_melting(hopped, cell).verdict == "solid"
    assert moved_share(hopped, 1.4) == pytest.approx(5 / 31)


def test_images_of_a_small_cell_are_no_first_peak():
    """All atoms are equally far from their own images, so that peak is higher than the first."""
    atoms = bulk("Cu", "fcc", a=3.61).repeat((2, 2, 2))
    del atoms[0]
    rng = np.random.default_rng(0)
    positions = atoms.positions + 0.1 * rng.standard_normal((40, 7, 3))
    rdf = radial_distribution(positions, atoms.cell.array, 6.0, 0.1, own_images=True)
    assert rdf.r_A[np.argmax(rdf.g)] == pytest.approx(5.1, abs=0.1)
    assert first_minimum(rdf, 3.5)[0] == pytest.approx(2.55, abs=0.1)
    assert judge_melting(positions, atoms.cell.array).verdict == "solid"


def test_limits_are_settings(crystal):
    strict = MeltingRule(min_over_max=0.0, moved_share=-1.0)
    assert judge_melting(*crystal, strict).verdict == "melted"
    limits = {"min_over_max": 0.0, "moved_share": -1.0, "bin_A": 0.1, "least_fs": 1000.0}
    assert strict.as_dict() == limits


def test_a_run_that_is_too_short_to_melt_is_not_called_solid(crystal):
    assert judge_melting(*crystal, duration_fs=1000.0).verdict == "solid"
    short = judge_melting(*crystal, duration_fs=999.0)
    assert short.verdict == "unclear"
    assert "999 fs are too short" in short.reason
    assert judge_melting(*crystal, MeltingRule(least_fs=500.0), 999.0).verdict == "solid"


def test_what_cannot_be_said_is_not(crystal):
    positions, cell = crystal
    few = judge_melting(positions[:7], cell)
    assert few.verdict is None
    assert "7 frames" in few.reason
    short = radial_distribution(positions, cell, 4.0)
    assert first_minimum(short, 3.8)[1] is None
    with pytest.raises(InputError):
        judge_melting(positions[0], cell)
    with pytest.raises(InputError, match="not finite"):
        judge_melting(np.full_like(positions, np.nan), cell)
