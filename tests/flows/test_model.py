"""The Maker of a model and its evaluation."""

import pytest

from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker


def test_the_evaluation_measures_the_model_that_was_trained():
    flow = ModelMaker(trainer="nequip", seed=3).make("dataset", "Cu")
    train, test = flow.jobs
    assert train.function_args == ("dataset", "nequip", {}, 3, "train")
    assert test.function_args[0].uuid == train.uuid
    assert test.function_args[1:] == ("dataset", "test", "mean-per-atom")
    assert {job.config.manager_config["_category"] for job in flow.jobs} == {"train-gpu"}
    assert flow.output["model_id"].uuid == train.uuid
    assert [one.uuid for one in flow.output["evaluations"]] == [test.uuid]


def test_every_part_of_a_transfer_is_measured_under_a_name_of_its_own():
    flow = ModelMaker(test_parts=["test_warm", "test_melt"]).make("dataset", "Cu")
    assert [job.function_args[2] for job in flow.jobs[1:]] == ["test_warm", "test_melt"]
    assert len({job.name for job in flow.jobs}) == 3


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trainer": "mace"}, "no trainer 'mace'"),
        ({"hyperparameters": {"colour": 1}}, "no hyperparameter 'colour'"),
        ({"hyperparameters": {"cutoff_A": -1}}, "cutoff_A"),
        ({"energy_reference": "zero"}, "energy reference"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused_before_anything_runs(fields, why):
    with pytest.raises(InputError, match=why):
        ModelMaker(**fields).make("dataset", "Cu")


def test_it_survives_its_document():
    maker = ModelMaker(trainer="flare", hyperparameters={"nmax": 6}, seed=1)
    back = ModelMaker.from_dict(maker.as_dict())
    assert back == maker
