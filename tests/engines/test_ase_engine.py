"""What all ASE engines share: batches equal single calculations, and a failure stays alone."""

from itertools import count

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import Failure, Result
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import PhysicsError


def frames(n, size=(2, 1, 1)):
    rng = np.random.default_rng(1)
    cells = [bulk("Cu", "fcc", a=3.6) * size for _ in range(n)]
    for atoms in cells:
        atoms.positions += rng.normal(0, 0.1, (len(atoms), 3))
    return cells


class Faulty(EmtEngine):
    """Effective-medium theory that goes wrong at some calls."""

    def __init__(self, faults):
        super().__init__(None)
        self.faults = faults
        self.calls = count(1)
        self.made = 0

    def calculator(self, recipe):
        engine = self
        self.made += 1

        class Calculator(EMT):
            def calculate(self, *args, **kwargs):
                super().calculate(*args, **kwargs)
                fault = engine.faults.get(next(engine.calls))
                if isinstance(fault, Exception):
                    raise fault
                if fault:
                    broken = np.full_like(self.results[fault], np.nan)
                    self.results[fault] = broken if broken.shape else float("nan")
                    if fault == "energy":
                        self.results["free_energy"] = float("nan")

        return Calculator()


RECIPE = EmtEngine(None).complete(Recipe(engine="emt"), ["Cu"])


def test_a_batch_equals_single_calculations():
    cells = [*frames(3), *frames(2, size=(2, 2, 1))]  # the cell changes on the way
    batch = list(EmtEngine(None).label(cells, RECIPE))
    for atoms, result in zip(cells, batch, strict=True):
        atoms.calc = EMT()
        np.testing.assert_allclose(result.forces, atoms.get_forces(), atol=1e-12)
        np.testing.assert_allclose(result.stress, atoms.get_stress(), atol=1e-12)
        assert result.energies.free == pytest.approx(atoms.get_potential_energy(), abs=1e-12)
        assert result.effort.cpu_s >= 0


def test_one_calculator_serves_a_batch_of_one_cell():
    engine = Faulty({})
    list(engine.label(frames(4), RECIPE))
    assert engine.made == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (CalculationFailed("no convergence"), "CalculationFailed: no convergence"),
        (CalculationFailed(), "no message"),
        ("forces", "not finite"),
        ("stress", "not finite"),
        ("energy", "not a finite"),
    ],
    ids=str,
)
def test_a_failure_rejects_its_frame_and_the_rest_goes_on(fault, reason):
    cells = frames(4)
    engine = Faulty({2: fault})
    results = list(engine.label(cells, RECIPE))
    assert [type(one) for one in results] == [Result, Failure, Result, Result]
    assert reason in results[1].reason
    good = list(EmtEngine(None).label(cells, RECIPE))
    for place in (0, 2, 3):
        np.testing.assert_allclose(results[place].forces, good[place].forces, atol=1e-12)
    assert engine.made == 2  # what failed is not trusted any more


def test_two_different_failures_in_one_batch():
    engine = Faulty({2: CalculationFailed("first"), 3: "forces"})
    results = list(engine.label(frames(4), RECIPE))
    assert [isinstance(one, Failure) for one in results] == [False, True, True, False]


def test_a_defect_is_not_hidden_as_a_rejection():
    with pytest.raises(ZeroDivisionError):
        list(Faulty({2: ZeroDivisionError()}).label(frames(3), RECIPE))


def test_results_come_as_they_are_done():
    def two_frames_then_never():
        yield from frames(2)
        pytest.fail("the third frame was asked for before the first two were handed over")

    stream = EmtEngine(None).label(two_frames_then_never(), RECIPE)
    assert isinstance(next(stream), Result)
    assert isinstance(next(stream), Result)


@pytest.mark.parametrize("fault", ["forces", "stress"])
def test_a_run_that_explodes_stops(fault):
    engine = Faulty({3: fault})
    steps = engine.run_md(frames(1)[0], RECIPE, Dynamics(temperature_K=300), 9)
    assert [next(steps).state.step, next(steps).state.step] == [1, 2]
    with pytest.raises(PhysicsError, match="not finite"):
        next(steps)


def test_a_run_whose_calculation_fails_says_so_after_the_steps_before():
    engine = Faulty({3: CalculationFailed("the density oscillates")})
    steps = engine.run_md(frames(1)[0], RECIPE, Dynamics(temperature_K=300), 9)
    assert [next(steps).state.step, next(steps).state.step] == [1, 2]
    with pytest.raises(PhysicsError, match="CalculationFailed: the density oscillates"):
        next(steps)


class Related(Faulty):
    """All recipes that differ in the width alone share a calculator, as in GPAW."""

    def __init__(self, faults):
        super().__init__(faults)
        self.adopted = []

    def family(self, recipe):
        return recipe.model_copy(update={"sigma_eV": None}).id

    def adopt(self, atoms, recipe):
        assert atoms.calc.results
        atoms.calc.reset()
        self.adopted.append(recipe.sigma_eV)


WIDER = RECIPE.model_copy(update={"sigma_eV": 1.0})
SHIFTED = RECIPE.model_copy(update={"electron_shift": 1.0})


def in_turns(*streams):
    return [list(results) for results in zip(*streams, strict=True)]


def test_streams_of_one_family_in_turns_share_a_calculator():
    engine, cells = Related({}), frames(3)
    rows = in_turns(*(engine.label(cells, one) for one in (RECIPE, WIDER, SHIFTED)))
    assert engine.made == 2
    assert engine.adopted == [1.0, 0.2, 1.0, 0.2, 1.0]
    for row, expected in zip(rows, EmtEngine(None).label(cells, RECIPE), strict=True):
        for result in row:
            np.testing.assert_allclose(result.forces, expected.forces, atol=1e-12)


def test_a_failure_of_one_width_is_left_behind_by_all():
    engine, cells = Related({2: CalculationFailed("wide")}), frames(2)
    rows = in_turns(engine.label(cells, RECIPE), engine.label(cells, WIDER))
    assert [[type(one) for one in row] for row in rows] == [[Result, Failure], [Result, Result]]
    assert engine.made == 2
    assert engine.adopted == [1.0, 1.0]


def test_nothing_is_shared_with_streams_that_are_done():
    engine, cells = Related({}), frames(2)
    for recipe in (RECIPE, WIDER):
        list(engine.label(cells, recipe))
    next(engine.label(cells, RECIPE))
    assert (engine.made, engine.adopted) == (3, [])
