"""Runs of a dataset repeated with models: resumed, and failures written down."""

import numpy as np
import pytest
from jobflow import Flow

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import DatabaseError, MissingDependencyError, NotFoundError, PhysicsError
from tm23flows.jobs import model_runs as module
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.model_runs import NO_MODEL, ModelRunsJobMaker
from tm23flows.store.trajectories import read_segments

LJ = {"calculator": "ase.calculators.lj:LennardJones", "kwargs": {"epsilon": 0.0}}


@pytest.fixture
def made(emt_copy, run_flow):
    """A function that repeats the melt of the demonstration with a model."""
    dataset = emt_copy.dataset("Cu-demo")

    def make(model_id, n_steps=8):
        job = ModelRunsJobMaker().make(model_id, dataset.id, "melt", n_steps, 3)
        responses = run_flow(Flow([job]))
        last = max(responses[job.uuid])
        return responses[job.uuid][last].output["runs"]

    return make


@pytest.fixture
def model(emt_copy):
    """Atoms that do not feel each other."""
    return store_calculator(emt_copy, LJ)


def test_a_run_is_repeated_with_the_model(emt_copy, made, model):
    (run,) = made(model.id)
    stored = emt_copy.get(Trajectory, run["trajectory_id"])
    reference = emt_copy.get(Trajectory, run["reference_id"])
    assert (run["n_steps"], run["asked_steps"], run["stopped"]) == (8, 8, None)
    assert stored.recipe.model_id == model.id
    assert stored.structure_id == reference.structure_id == run["structure_id"]
    assert stored.dynamics == reference.dynamics
    assert stored.regime == "melt"
    assert [one.last_step for one in stored.segments] == [3, 6, 8]
    (again,) = made(model.id)
    assert again == run


def test_it_goes_on_after_the_deadline(emt_copy, made, model, monkeypatch):
    ends = iter([None, 0.0])
    monkeypatch.setattr(Hold, "deadline", lambda _hold: next(ends, None))
    made(model.id)
    stored = emt_copy.database["trajectories"].find_one({"recipe.engine": "model"})
    assert [one["last_step"] for one in stored["segments"]] == [2, 5, 8]


def test_a_failure_is_a_row_with_its_reason(made, monkeypatch):
    def fails(*_args):
        raise PhysicsError("forces or stress are not finite numbers")

    monkeypatch.setattr(module, "run_trajectory", fails)
    (run,) = made("d" * 64)
    assert run["trajectory_id"] is None
    assert run["stopped"] == "forces or stress are not finite numbers"
    assert (run["n_steps"], run["temperature_K"]) == (0, 1697.5)


@pytest.mark.parametrize("error", [DatabaseError, MissingDependencyError])
def test_what_is_no_fault_of_the_model_is_raised(made, monkeypatch, error):
    def fails(*_args):
        raise error("something else")

    monkeypatch.setattr(module, "run_trajectory", fails)
    with pytest.raises(error):
        made("d" * 64)


def test_frames_without_a_run_are_where_one_begins(archive, make_frame, make_label, run_flow):
    frame = make_frame()
    label = make_label(frame)
    dataset = Dataset(
        provenance=label.provenance, element="Cu", parts={"test": [label.id]}, rule="full", query={}
    )
    archive.put(frame, label, dataset)
    model = store_calculator(archive, LJ)
    job = ModelRunsJobMaker().make(model.id, dataset.id, "cold", 4, 3)
    (run,) = run_flow(Flow([job]))[job.uuid][1].output["runs"]
    assert (run["reference_id"], run["n_steps"], run["stopped"]) == (None, 4, None)
    stored = archive.get(Trajectory, run["trajectory_id"])
    first = next(read_segments(archive, stored))["positions"][0]
    np.testing.assert_allclose(first, frame.positions)
    assert archive.trace(stored.id).complete


def test_a_model_that_was_not_trained_is_a_row(made):
    (run,) = made(None)
    assert (run["trajectory_id"], run["stopped"]) == (None, NO_MODEL)


def test_a_model_that_nobody_knows_is_said(made):
    with pytest.raises(NotFoundError):
        made("d" * 64)
