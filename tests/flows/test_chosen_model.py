"""A grid search and the training that follows it, alone and as a part of the whole road."""

import json

import pytest
from jobflow.managers.fireworks import flow_to_workflow
from monty.json import MontyDecoder

from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.model import Model
from tm23flows.errors import InputError
from tm23flows.flows.chosen_model import ChosenModelMaker
from tm23flows.flows.grid_search import GridSearchMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.ops.audit.invariants import audit

SMALL = {"starts": 1, "max_iterations": 3, "environments_per_frame": 1, "cutoff_A": 3.5, "lmax": 1}


def maker(**fields):
    grid = GridSearchMaker(grid={"nmax": [3, 4]}, hyperparameters=SMALL)
    return ChosenModelMaker(**{"grid": grid, "grid_train": 9, "grid_test": 6, **fields})


def test_jobs_have_names_and_hang_together(jobs_of):
    flow = maker(test_parts=["test", "test_melt"]).make("id", "Cu")
    data, *_, search, train, test, other = jobs_of(flow)
    assert [one.name for one in (data, search, train, test, other)] == [
        "Cu flare grid dataset",
        "Cu flare grid search",
        "Cu flare model",
        "Cu flare evaluation",
        "Cu flare evaluation on test_melt",
    ]
    assert data.function_args == ("id", "train", 9, 6)
    assert train.function_args[0].uuid == search.uuid
    assert test.function_args[0].uuid == train.uuid
    assert flow.output["grid_id"].uuid == search.uuid
    assert len({job.name for job in jobs_of(flow)}) == len(jobs_of(flow))


def test_a_dataset_for_the_grid_can_be_given(jobs_of):
    jobs = jobs_of(maker().make("id", "Cu", "small"))
    assert "dataset" not in jobs[0].name
    assert jobs[0].function_args[0] == "small"
    assert jobs[-2].function_args[1] == "id"


def test_the_full_training_waits_for_the_choice_and_stops_without_one():
    workflow = flow_to_workflow(maker().make("id", "Cu"))
    by_name = {one.name: one for one in workflow.fws}
    train = by_name["Cu flare model"]
    assert "_allow_fizzled_parents" not in train.spec
    assert train.fw_id in workflow.links[by_name["Cu flare grid search"].fw_id]


def test_it_survives_its_document():
    one = maker(overrides={"environments_per_frame": 2})
    back = json.loads(one.to_json(), cls=MontyDecoder)
    assert back == one
    assert back.trainer == "flare"


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({"nmax": 8}, "'nmax' is on the grid and overridden"),
        ({"colour": 1}, "no hyperparameter 'colour'"),
        ({"starts": 0}, "'starts' is wrong"),
    ],
    ids=str,
)
def test_senseless_overrides_are_refused_before_anything_runs(overrides, why):
    with pytest.raises(InputError, match=why):
        maker(overrides=overrides).make("id", "Cu")


def test_it_is_a_model_of_the_whole_road(jobs_of):
    road = make_tm23("Cu", "paper", "gpaw")
    road.models = (ChosenModelMaker(), ChosenModelMaker(grid=GridSearchMaker(trainer="nequip")))
    flow = road.make("Cu")
    names = [job.name for job in jobs_of(flow)]
    assert len(set(names)) == len(names)
    workflow = flow_to_workflow(flow)
    by_name = {one.name: one for one in workflow.fws}
    children = workflow.links[by_name["Cu dataset"].fw_id]
    for trainer in ("flare", "nequip"):
        assert by_name[f"Cu {trainer} grid dataset"].fw_id in children
        assert by_name[f"Cu {trainer} model"].fw_id in children
    back = json.loads(road.to_json(), cls=MontyDecoder)
    assert [job.name for job in jobs_of(back.make("Cu"))] == names
    road.models = (ChosenModelMaker(test_parts=["validation"]),)
    with pytest.raises(InputError, match="A flare model wants the part 'validation'"):
        road.make("Cu")


def test_the_point_that_was_chosen_is_trained_on_everything(emt_copy, run_flow):
    dataset = emt_copy.dataset("Cu-demo")
    flow = maker(overrides={"environments_per_frame": 2}, seed=5).make(dataset.id, "Cu")
    responses = run_flow(flow)
    train, test = flow.jobs[-2:]
    out = responses[train.uuid][1].output
    search = emt_copy.get(GridSearch, out["grid_id"])
    model = emt_copy.get(Model, out["model_id"])
    assert model.dataset_id == dataset.id != search.dataset_id
    assert model.hyperparameters["nmax"] == search.hyperparameters["nmax"]
    assert (model.hyperparameters["environments_per_frame"], model.seed) == (2, 5)
    assert model.provenance.inputs["grid_search"] == search.id
    assert {row.model_id for row in search.rows}.isdisjoint({model.id})
    small = emt_copy.dataset(search.dataset_id)
    assert not set(small.label_ids) & set(dataset.parts["test"])
    assert responses[test.uuid][1].output["evaluation_id"]
    assert audit(emt_copy).violations == []
    assert emt_copy.trace(search.id).complete
    before = {one["_id"]: one["attempts"] for one in emt_copy.database["trainings"].find()}
    assert sum(before.values()) == 3
    run_flow(maker(overrides={"environments_per_frame": 2}, seed=5).make(dataset.id, "Cu"))
    after = {one["_id"]: one["attempts"] for one in emt_copy.database["trainings"].find()}
    assert after == before
