"""Runs with a stored model: bit for bit those of its calculator, and ordinary trajectories."""

from __future__ import annotations

import time

import numpy as np
import pytest
from jobflow import Flow

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics, Trajectory
from tm23flows.engines.base import Setup
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError, NotFoundError, OutOfTimeError, PhysicsError, TrainingError
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.frame import select_frames
from tm23flows.jobs.model_engine import ModelEngine, model_recipe, opened_engine
from tm23flows.jobs.trajectory import TrajectoryJobMaker, run_trajectory
from tm23flows.report.records import trajectories
from tm23flows.store.past.descendants import descendants
from tm23flows.store.trajectories import read_segments

DYNAMICS = {"temperature_K": 600.0, "damping_fs": 30.0, "seed": 4}


def recipe(model):
    return model_recipe(model.id).model_dump(mode="json")


def run(structure, given, n_steps, segment_steps=5):
    return run_trajectory(structure.id, given, DYNAMICS, n_steps, segment_steps, "warm")


def read(archive, out):
    parts = list(read_segments(archive, archive.get(Trajectory, out["trajectory_id"])))
    return {name: np.concatenate([part[name] for part in parts]) for name in SEGMENT_ARRAYS}


def test_a_run_is_that_of_its_calculator(archive, structure, emt_model):
    """In two pieces, so that a worker is ended and another goes on."""
    first = run(structure, recipe(emt_model), 8)
    again = run(structure, recipe(emt_model), 15)
    assert again == {**first, "n_steps": 15, "new_steps": 7}
    direct = run(structure, {"engine": "emt"}, 15)
    assert direct["trajectory_id"] != again["trajectory_id"]
    for name, values in read(archive, direct).items():
        np.testing.assert_allclose(read(archive, again)[name], values, atol=1e-10, err_msg=name)
    stored = archive.get(Trajectory, again["trajectory_id"])
    assert stored.recipe.model_id == emt_model.id
    assert stored.provenance.software["toy"] == "1.0"


def test_its_past_is_that_of_the_model_and_back(archive, structure, emt_model):
    key = run(structure, recipe(emt_model), 2)["trajectory_id"]
    trace = archive.trace(key)
    assert trace.complete
    assert [one.collection for one in trace.levels] == ["trajectories", "structures", "models"]
    below = descendants(archive, emt_model.id)
    assert {one.collection: one.count for one in below.levels} == {"trajectories": 1, "models": 1}
    archive.database["models"].delete_one({"_id": emt_model.id})
    assert archive.trace(key).levels[-1].missing == [emt_model.id]


def test_it_does_not_mix_with_runs_of_programs(archive, structure, emt_model):
    key = run(structure, recipe(emt_model), 12)["trajectory_id"]
    with pytest.raises(InputError, match="made with a model"):
        select_frames.original(key, 2, 2, 4)
    assert not archive.database["frames"].count_documents({})
    direct = run(structure, {"engine": "emt"}, 2)["trajectory_id"]
    assert [one.id for one in trajectories(archive)] == [direct]


def test_a_run_out_of_time_goes_on_as_a_detour(
    archive, structure, emt_model, monkeypatch, run_flow
):
    ends = iter([None, None, 0.0])  # the deadline comes in the third step
    monkeypatch.setattr(Hold, "deadline", lambda _hold: next(ends, None))
    job = TrajectoryJobMaker().make(structure.id, recipe(emt_model), DYNAMICS, 6, 50, "warm")
    run_flow(Flow([job]))
    stored = archive.database["trajectories"].find_one()
    assert [one["last_step"] for one in stored["segments"]] == [3, 6]


def test_a_model_without_stress_moves_atoms(archive, structure, emt_model, monkeypatch):
    from ase.calculators.emt import EMT

    class Mute(EMT):
        def calculate(self, *arguments, **named):
            super().calculate(*arguments, **named)
            del self.results["stress"]

    with opened(archive, emt_model) as engine:
        monkeypatch.setattr(engine, "calculator", lambda _recipe: Mute())
        steps = list(moved(engine, structure, 2))
    assert steps[1].result.stress is None
    assert np.isfinite(steps[1].result.forces).all()


def test_a_run_that_runs_away_is_ended_and_kept(archive, structure, emt_model, monkeypatch):
    from ase.calculators.emt import EMT

    class Wild(EMT):
        def calculate(self, *arguments, **named):
            super().calculate(*arguments, **named)
            self.results["forces"] = -50 * self.results["forces"]

    monkeypatch.setattr(ModelEngine, "calculator", lambda _engine, _recipe: Wild())
    with pytest.raises(PhysicsError, match="ran away"):
        run(structure, recipe(emt_model), 500)
    stored = archive.database["trajectories"].find_one()
    assert 1 < stored["segments"][-1]["last_step"] < 500


def test_the_worker_ends_with_the_block(archive, structure, emt_model):
    with opened(archive, emt_model) as engine:
        list(moved(engine, structure, 1))
        calculator = engine.calculator(engine.complete(model_recipe(emt_model.id), ["Cu"]))
    elsewhere = structure.atoms
    elsewhere.rattle(0.1, seed=9)
    with pytest.raises(TrainingError, match="has ended"):
        calculator.get_potential_energy(elsewhere)


def test_time_is_looked_at_after_each_step(archive, structure, emt_model):
    """What was computed is yielded first."""
    past = Setup("md", deadline=lambda: time.time() - 1)
    with opened(archive, emt_model, past) as engine:
        steps = moved(engine, structure, 5)
        assert next(steps).state.step == 1
        with pytest.raises(OutOfTimeError):
            next(steps)


def test_programs_are_opened_as_ever(archive, tmp_path):
    with opened_engine(archive, Recipe(engine="emt"), tmp_path, Setup("md")) as engine:
        assert isinstance(engine, EmtEngine)


def test_an_unknown_model_is_said_before_anything_is_stored(archive, structure):
    with pytest.raises(NotFoundError):
        run(structure, model_recipe("d" * 64).model_dump(mode="json"), 2)
    assert archive.database["trajectories"].count_documents({}) == 0


def opened(archive, model, setup=Setup("md")):  # noqa: B008 - frozen
    return opened_engine(archive, model_recipe(model.id), None, setup)


def moved(engine, structure, n_steps):
    given = engine.complete(Recipe(engine="emt"), ["Cu"])
    return engine.run_md(structure.atoms, given, Dynamics(**DYNAMICS), n_steps)
