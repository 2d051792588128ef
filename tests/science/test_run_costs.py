"""The law of costs: it finds what is there, says how sure it is, and grows with size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.cost_laws import (
    ATOMS,
    EPOCHS,
    PLANE_WAVES,
    PLANE_WAVES_MEMORY,
    SPARSE_PROCESS,
)
from tm23flows.science.run_costs import (
    LEVEL,
    SCATTER,
    SCATTER_DF,
    Estimate,
    Run,
    fit_costs,
    leave_one_metal_out,
    summarise,
)

LAWS = (ATOMS, EPOCHS, PLANE_WAVES, PLANE_WAVES_MEMORY, SPARSE_PROCESS)


def sizes_of(random):
    """Sizes of a plane-wave run that vary independently of each other."""
    return {
        "electrons": random.uniform(50, 900),
        "plane_waves": random.uniform(3e3, 8e4),
        "k_points": random.uniform(1, 60),
    }


def made(random, exponents, scatter, n, prefactor=1e-7):
    runs = []
    for number in range(n):
        sizes = sizes_of(random)
        cost = prefactor * np.prod([sizes[name] ** a for name, a in exponents.items()])
        runs.append(Run(f"m{number}", sizes, cost * np.exp(scatter * random.standard_normal())))
    return runs


@pytest.mark.parametrize("truth", [(1.5, 1.0, 1.0), (2.3, 0.4, 0.8), (0.9, 1.7, 1.2)])
def test_known_exponents_come_back_from_many_runs(truth):
    exponents = dict(zip(PLANE_WAVES.exponents, truth, strict=True))
    runs = made(np.random.default_rng(1), exponents, 0.1, 400)
    found = fit_costs(PLANE_WAVES, runs)
    for name, value in exponents.items():
        assert found.exponents[name] == pytest.approx(value, abs=0.05)
    assert found.scatter == pytest.approx(0.1, rel=0.3)
    new = sizes_of(np.random.default_rng(2))
    cost = 1e-7 * np.prod([new[name] ** a for name, a in exponents.items()])
    assert found.estimate("new", new).value == pytest.approx(cost, rel=0.05)


def test_one_run_gives_its_own_cost_and_the_prior_exponents():
    run = Run("Cu", {"electrons": 77, "plane_waves": 2000, "k_points": 4}, 12.0)
    found = fit_costs(PLANE_WAVES, [run])
    assert found.exponents == {name: mean for name, (mean, _) in PLANE_WAVES.exponents.items()}
    same = found.estimate("Ti", run.sizes)
    assert same.value == pytest.approx(12.0, rel=0.05)
    assert same.holds(12.0)
    assert same.high / same.low > 2  # another metal may be quite another matter
    larger = {name: 8 * size for name, size in run.sizes.items()}
    far = found.estimate("Ti", larger)
    assert far.value == pytest.approx(12.0 * 8**3.5, rel=0.15)
    assert far.high / far.low > 1.5 * same.high / same.low


@pytest.mark.parametrize("n", [1, 3, 8])
def test_the_interval_holds_as_often_as_it_says(n):
    random, held, trials = np.random.default_rng(7), 0, 600
    for _ in range(trials):
        scatter = SCATTER * np.sqrt(SCATTER_DF / random.chisquare(SCATTER_DF))
        # as in the model, deviations of the exponents go with the scatter
        exponents = {
            name: max(0, random.normal(mean, sd * scatter / SCATTER))
            for name, (mean, sd) in PLANE_WAVES.exponents.items()
        }
        *known, new = made(random, exponents, scatter, n + 1)
        draws = fit_costs(PLANE_WAVES, known).draw(new.metal, new.sizes, n=400)
        held += summarise(draws).holds(new.cost)
    assert held / trials == pytest.approx(LEVEL, abs=0.04)


def test_more_metals_sharpen_it():
    exponents = {name: mean for name, (mean, _) in PLANE_WAVES.exponents.items()}
    runs = made(np.random.default_rng(5), exponents, 0.15, 20)
    new = sizes_of(np.random.default_rng(6))
    widths = []
    for n in (1, 4, 20):
        estimate = fit_costs(PLANE_WAVES, runs[:n]).estimate("x", new)
        widths.append(estimate.high / estimate.low)
    assert widths[0] > widths[1] > widths[2]


@given(
    st.sampled_from(LAWS),
    st.lists(st.floats(0.01, 1e4), min_size=1, max_size=5),
    st.integers(0, 2**32),
    st.floats(1, 50),
)
def test_what_is_larger_costs_more(law, costs, seed, factor):
    random = np.random.default_rng(seed)
    runs = [
        Run(str(i), {name: random.uniform(1, 1e3) for name in law.exponents}, cost)
        for i, cost in enumerate(costs)
    ]
    model = fit_costs(law, runs)
    sizes = {name: random.uniform(1, 1e3) for name in law.exponents}
    small = model.estimate("x", sizes)
    for name, size in sizes.items():
        large = model.estimate("x", {**sizes, name: factor * size})
        for field in ("low", "value", "high"):
            assert getattr(large, field) >= getattr(small, field) * (1 - 1e-12)


def test_rows_of_one_metal_are_not_several_metals():
    random = np.random.default_rng(12)
    runs = made(random, {"electrons": 1.5, "k_points": 1.0}, 0.0, 3)
    new = sizes_of(random)
    once = fit_costs(PLANE_WAVES, runs).estimate("x", new)
    again = fit_costs(PLANE_WAVES, runs * 5).estimate("x", new)
    assert again.value == pytest.approx(once.value)
    assert again.high / again.low == pytest.approx(once.high / once.low)


def test_the_unit_of_cost_changes_nothing_else():
    runs = made(np.random.default_rng(3), {"electrons": 2.0, "k_points": 1.0}, 0.3, 6)
    hours = [Run(one.metal, one.sizes, one.cost / 3600) for one in runs]
    sizes = sizes_of(np.random.default_rng(4))
    in_s = fit_costs(PLANE_WAVES, runs).estimate("x", sizes)
    in_h = fit_costs(PLANE_WAVES, hours).estimate("x", sizes)
    assert in_h.value == pytest.approx(in_s.value / 3600)
    assert in_h.high == pytest.approx(in_s.high / 3600)


def test_a_size_that_is_not_known_yet_widens_the_interval():
    model = fit_costs(PLANE_WAVES, made(np.random.default_rng(8), {"k_points": 1.0}, 0.1, 30))
    sizes = sizes_of(np.random.default_rng(9))
    meshes = [{**sizes, "k_points": n} for n in (1, 4, 32)]
    open_one = model.estimate("x", meshes)
    assert open_one.low < model.estimate("x", meshes[1]).low
    assert open_one.high > model.estimate("x", meshes[1]).high
    assert model.estimate("x", [sizes]) == model.estimate("x", sizes)


def test_draws_belong_together():
    model = fit_costs(ATOMS, [Run("Cu", {"atoms": 31}, 2.0), Run("Ti", {"atoms": 35}, 3.0)])
    twice = model.draw("Os", {"atoms": 40}) * 2
    once = model.draw("Os", {"atoms": 40}) + model.draw("Os", {"atoms": 40})
    assert np.array_equal(once, twice)
    other = model.draw("Au", {"atoms": 40})
    assert 0 < np.corrcoef(np.log(once), np.log(other))[0, 1] < 0.9


def test_left_out_metals_are_estimated_from_the_others():
    runs = made(np.random.default_rng(11), {"electrons": 1.5, "k_points": 1.0}, 0.1, 6)
    left = leave_one_metal_out(PLANE_WAVES, runs)
    assert [one.run for one in left] == runs
    others = runs[1:]
    assert left[0].estimate == fit_costs(PLANE_WAVES, others).estimate("m0", runs[0].sizes)
    assert left[0].ratio == left[0].estimate.value / runs[0].cost
    assert leave_one_metal_out(PLANE_WAVES, runs[:1]) == []


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [Run("Cu", {"atoms": 31}, 0.0)],
        [Run("Cu", {"atoms": 31}, float("nan"))],
        [Run("Cu", {"atoms": 0}, 1.0)],
        [Run("Cu", {}, 1.0)],
    ],
)
def test_no_cost_out_of_nothing(runs):
    with pytest.raises(InputError):
        fit_costs(ATOMS, runs)


def test_the_ends_belong_to_the_interval():
    assert Estimate(2, 1, 3).holds(1)
    assert not Estimate(2, 1, 3).holds(3.1)
