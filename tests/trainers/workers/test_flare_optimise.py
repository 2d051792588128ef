from __future__ import annotations

import numpy as np
import pytest

from tm23flows.trainers.flare import BOUNDS, FlareTrainer

pytestmark = pytest.mark.flare
TOP = [5.0, 2e-4, 0.3, 2e-3]
FIRST = np.array([2.0, 0.001, 0.05, 0.005])


@pytest.fixture
def surface(flare_module, monkeypatch):
    """A likelihood with its top at ``top``; where ``broken`` says so it is not finite."""

    def make(top, broken=lambda values: False) -> list:
        calls = []

        def log_likelihood(_problem, values):
            calls.append(values)
            if broken(values):
                return np.nan, np.full(4, np.nan)
            off = np.log(values) - np.log(top)
            return -float(off @ off), -2 * off

        monkeypatch.setattr(flare_module("flare_optimise"), "log_likelihood", log_likelihood)
        return calls

    return make


@pytest.fixture
def optimise(flare_module):
    def run(starts, tried=None, near=FIRST, tick=lambda: None, **overrides):
        module = flare_module("flare_optimise")
        settings = FlareTrainer().hyperparameters(**overrides).model_dump()
        search = module.Search(None, {} if tried is None else tried, tick)
        request = {"settings": settings, "bounds": BOUNDS, "seed": 1}
        best = module.optimise(search, request, [near, FIRST], starts)
        return best, search.history

    return run


def test_the_top_is_found(surface, optimise):
    surface(TOP)
    best, history = optimise(starts=1)
    assert best == pytest.approx(TOP, rel=1e-3)
    assert max(row["log_likelihood"] for row in history) == pytest.approx(0, abs=1e-5)


def test_the_search_stays_inside_the_bounds(surface, optimise):
    surface([1e6, 1e-9, 50.0, 3.0])
    best, history = optimise(starts=2)
    assert best == pytest.approx([BOUNDS["sigma"][1], BOUNDS["noise_energy"][0], 1.0, 0.1])
    for name, (low, high) in BOUNDS.items():
        assert all(low * 0.999 <= row[name] <= high * 1.001 for row in history)


def test_points_where_the_likelihood_is_not_finite_are_passed_over(surface, optimise):
    surface(TOP, broken=lambda values: values[0] > 4.0)
    best, history = optimise(starts=3)
    assert best[0] <= 4.0
    assert np.isfinite([row["log_likelihood"] for row in history]).all()


def test_a_likelihood_that_is_finite_nowhere_is_said(surface, optimise, flare_module):
    surface(TOP, broken=lambda values: True)
    with pytest.raises(flare_module("worker_io").RequestError) as caught:
        optimise(starts=2)
    assert caught.value.kind == "diverged"


def test_the_seed_decides_the_later_starts_only(surface, optimise):
    surface(TOP)
    first, second = (optimise(starts=2)[1] for _ in range(2))
    assert first == second
    begins = [next(row for row in first if row["start"] == start) for start in (0, 1)]
    assert begins[0]["sigma"] == pytest.approx(2.0)
    assert begins[1]["sigma"] != pytest.approx(2.0)


def test_a_warm_start_moves_the_first_start_alone(surface, optimise):
    surface(TOP)
    cold, warm = optimise(starts=2)[1], optimise(starts=2, near=np.array(TOP))[1]
    assert warm[0]["sigma"] == pytest.approx(5.0)
    assert [r for r in warm if r["start"] == 1.0] == [r for r in cold if r["start"] == 1.0]


def test_what_was_tried_is_not_evaluated_again(surface, optimise):
    calls, ticks, tried = surface(TOP), [], {}
    best, history = optimise(starts=2, tried=tried, tick=lambda: ticks.append(1))
    n = len(calls)
    assert len(ticks) == n == len(tried)
    again, repeated = optimise(starts=2, tried=tried)
    assert np.array_equal(again, best)
    assert repeated == history
    assert len(calls) == n


def test_without_iterations_there_is_one_evaluation(surface, optimise):
    calls = surface(TOP)
    best, history = optimise(starts=3, max_iterations=0)
    assert best == pytest.approx(FIRST)
    assert len(calls) == len(history) == 1
