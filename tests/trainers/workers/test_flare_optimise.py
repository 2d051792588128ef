from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from tm23flows.trainers.flare import BOUNDS, FlareTrainer

ATOMS = 7.0


class Surface:
    """A likelihood with its top at ``top``; where ``broken`` says so it is not finite."""

    def __init__(self, top, broken=lambda values: False) -> None:
        self.top, self.broken = np.log(top), broken
        self.built, self.likelihood_gradient = 0, np.zeros(4)

    def precompute_KnK(self) -> None:  # noqa: N802
        self.precomputed = True

    def update_matrices_QR(self) -> None:  # noqa: N802
        self.built += 1

    def set_hyperparameters(self, values) -> None:
        self.values = np.array(values) / [1, ATOMS, 1, 1]

    def compute_likelihood_gradient_stable(self, precomputed) -> float:
        assert precomputed
        assert self.precomputed
        if self.broken(self.values):
            return np.nan
        off = np.log(self.values) - self.top
        self.likelihood_gradient = -2 * off / (self.values * [1, ATOMS, 1, 1])
        return -float(off @ off)


@pytest.fixture
def optimise(worker_path):
    def run(surface, **overrides):
        settings = FlareTrainer().hyperparameters(**overrides).model_dump()
        request = {"settings": settings, "bounds": BOUNDS, "seed": 1}
        process = SimpleNamespace(sparse_gp=surface)
        return importlib.import_module("flare_optimise").optimise(process, request, ATOMS)

    return run


def test_the_top_is_found_and_left_in_the_process(optimise):
    surface = Surface([5.0, 2e-4, 0.3, 2e-3])
    best, history = optimise(surface, starts=1)
    assert list(best.values()) == pytest.approx([5.0, 2e-4, 0.3, 2e-3], rel=1e-3)
    assert surface.values == pytest.approx(list(best.values()))
    assert surface.built == 1
    assert max(row["log_likelihood"] for row in history) == pytest.approx(0, abs=1e-5)


def test_the_search_stays_inside_the_bounds(optimise):
    best, history = optimise(Surface([1e6, 1e-9, 50.0, 3.0]), starts=2)
    at_bounds = [BOUNDS["sigma"][1], BOUNDS["noise_energy"][0], 1.0, 0.1]
    assert list(best.values()) == pytest.approx(at_bounds)
    for name, (low, high) in BOUNDS.items():
        assert all(low * 0.999 <= row[name] <= high * 1.001 for row in history)


def test_points_where_the_likelihood_is_not_finite_are_passed_over(optimise):
    surface = Surface([5.0, 2e-4, 0.3, 2e-3], broken=lambda values: values[0] > 4.0)
    best, history = optimise(surface, starts=3)
    assert best["sigma"] <= 4.0
    assert np.isfinite([row["log_likelihood"] for row in history]).all()
    assert optimise(Surface([1, 1, 1, 1], broken=lambda values: True))[1] == []


def test_the_seed_decides_the_later_starts_only(optimise):
    top = [5.0, 2e-4, 0.3, 2e-3]
    first, second = (optimise(Surface(top), starts=2)[1] for _ in range(2))
    assert first == second
    begins = [next(row for row in first if row["start"] == start) for start in (0, 1)]
    assert begins[0]["sigma"] == pytest.approx(2.0)
    assert begins[1]["sigma"] != pytest.approx(2.0)
