"""Diffusion of walks whose coefficient is known, and of atoms that do not diffuse."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.diffusion import (
    DiffusionRule,
    mean_square_displacement,
    self_diffusion,
)

TRUE, SPACING, CELL = 0.4, 0.05, np.array([[8.0, 0, 0], [1.0, 8.0, 0], [0, -2.0, 7.0]])
QUICK = DiffusionRule(samples=100)


def walk(seed=0, n_frames=300, n_atoms=40):
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, np.sqrt(2 * TRUE * SPACING), (n_frames, n_atoms, 3))
    return rng.uniform(0, 1, (n_atoms, 3)) @ CELL + np.cumsum(steps, axis=0)


def vibration(n_frames=300):
    rng = np.random.default_rng(1)
    return rng.uniform(0, 8, (20, 3)) + rng.normal(0, 0.2, (n_frames, 20, 3))


def test_the_displacement_of_a_walk_is_six_d_t():
    lags, found = mean_square_displacement(walk(n_atoms=400), 10)
    assert lags[0] == 1
    assert lags[-1] == 149
    expected = 6 * TRUE * SPACING * lags
    assert found[0] == pytest.approx(expected[0], rel=0.02)
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_intervals_hold_the_truth_and_are_not_absurd():
    pytest.importorskip("kinisi")
    found = [self_diffusion(walk(seed), CELL, SPACING, QUICK) for seed in range(5)]
    assert sum(one.low_A2_per_ps < TRUE < one.high_A2_per_ps for one in found) >= 4
    for one in found:
        assert one.reason == ""
        assert one.low_A2_per_ps < one.value_A2_per_ps < one.high_A2_per_ps
        assert one.high_A2_per_ps - one.low_A2_per_ps < TRUE


def test_the_same_seed_is_the_same_number_and_drift_is_none():
    pytest.importorskip("kinisi")
    positions = walk()
    once = self_diffusion(positions, CELL, SPACING, QUICK)
    assert self_diffusion(positions, CELL, SPACING, QUICK) == once
    drift = 0.02 * np.arange(len(positions))[:, None, None] * np.array([1.0, -2.0, 0.5])
    drifted = self_diffusion(positions + drift, CELL, SPACING, QUICK)
    assert drifted.value_A2_per_ps == pytest.approx(once.value_A2_per_ps, rel=0.02)


def test_a_crystal_has_none_and_says_so():
    found = self_diffusion(vibration(), CELL, SPACING)
    assert found.value_A2_per_ps is found.low_A2_per_ps is None
    assert "only 0 % of the atoms" in found.reason
    assert mean_square_displacement(vibration())[1].max() == pytest.approx(0.228, abs=0.02)


def test_a_short_run_has_none_and_says_so():
    assert "too short" in self_diffusion(walk(n_frames=30), CELL, SPACING).reason


def test_without_kinisi_there_is_none_and_the_way_to_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "kinisi.analyze", None)
    found = self_diffusion(walk(), CELL, SPACING)
    assert found.value_A2_per_ps is None
    assert "tm23flows[diffusion]" in found.reason


def test_what_kinisi_refuses_is_said(monkeypatch):
    analyze = pytest.importorskip("kinisi.analyze")

    def refuse(*_args, **_kwargs):
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr(analyze.DiffusionAnalyzer, "from_ase", refuse)
    assert self_diffusion(walk(), CELL, SPACING).reason == "kinisi finds none: singular"


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match="positive"):
        self_diffusion(walk(), CELL, 0.0)
    with pytest.raises(InputError):
        self_diffusion(walk()[0], CELL, SPACING)
    with pytest.raises(InputError):
        mean_square_displacement(np.full((3, 2, 3), np.inf))
    assert DiffusionRule().as_dict()["seed"] == 0
