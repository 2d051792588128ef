"""Calculators from elsewhere become models of the archive."""

from __future__ import annotations

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from jobflow import Flow

from tm23flows.documents.evaluation import Evaluation
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.model_calculator import stored_model

EMT_NAME = "ase.calculators.emt:EMT"


def test_a_calculator_of_ase_is_a_model_like_any_other(emt_copy, run_flow):
    model = store_calculator(emt_copy, {"calculator": EMT_NAME})
    assert (model.trainer, model.dataset_id) == ("calculator", None)
    assert model.hyperparameters["package"]["ase"] == model.provenance.software["ase"]
    assert store_calculator(emt_copy, {"calculator": EMT_NAME}) == model

    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    expected = atoms.copy()
    expected.calc = EMT()
    with stored_model(emt_copy, model.id) as atoms.calc:
        assert np.array_equal(atoms.get_forces(), expected.get_forces())
        assert np.array_equal(atoms.get_stress(), expected.get_stress())

    # the labels are EMT's too
    dataset = emt_copy.dataset("Cu-demo")
    job = evaluate_model(model.id, dataset.id, "test", "mean-per-atom")
    key = run_flow(Flow([job]))[job.uuid][1].output["evaluation_id"]
    evaluation = emt_copy.get(Evaluation, key)
    assert evaluation.failures == ()
    # extended XYZ rounds positions
    assert evaluation.errors[0].force.percent < 1e-4
    assert evaluation.errors[0].stress.percent < 1e-4
