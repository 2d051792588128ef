"""The Maker of elastic constants: its wiring, and whole runs with EMT."""

import json

import numpy as np
import pytest
from jobflow import Flow
from monty.json import MontyDecoder

from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.elastic_constants import ElasticConstantsMaker
from tm23flows.flows.equilibrium import EquilibriumMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.ops.audit.invariants import audit

GIVEN = (np.diag([100.0, 100, 100, 50, 50, 50]) + np.pad(np.full((3, 3), 60.0), (0, 3))).tolist()


@pytest.fixture
def label():
    recipe = Recipe(engine="emt", kmesh=(2, 2, 2), kmesh_offset=(0.25, 0.25, 0.25), sigma_eV=0.3)
    return LabelMaker(recipe=recipe, sigma_variants_eV=(1.0,), batch_size=4)


def test_cells_labels_and_fit_are_wired(label, jobs_of):
    maker = ElasticConstantsMaker(spacing_per_A=0.5, options={"symmetry": {}}, batch_size=8)
    cells, *labels, fit = jobs_of(maker.make("Ti", StructureMaker(), label))
    assert [cells.name, fit.name] == ["Ti strained cells", "Ti elastic constants"]
    assert len(labels) == 3
    recipes = labels[0].function_args[1]
    assert len(recipes) == 1
    assert recipes[0]["kmesh"] == [5, 5, 3]
    assert recipes[0]["kmesh_offset"] == [0, 0, 0]
    assert recipes[0]["options"] == {"symmetry": {}}
    assert recipes[0]["sigma_eV"] == 0.3
    assert [one.config.manager_config["_category"] for one in (cells, *labels, fit)] == [
        "analyse", "label", "label", "label", "analyse",
    ]  # fmt: skip
    assert labels[0].function_args[0].uuid == cells.uuid
    assert [one.uuid for one in fit.function_args[1]] == [one.uuid for one in labels]


def test_the_crystal_at_rest_takes_the_place_of_the_one_of_the_road(archive, label, run_flow):
    maker = ElasticConstantsMaker(spacing_per_A=1.0)
    rest = EquilibriumMaker(spacing_per_A=1.0).make("Cu", StructureMaker(), label)
    flow = maker.make("Cu", StructureMaker(), label, rest.output["crystal"])
    run_flow(Flow([rest, flow]))
    (found,) = archive.database["elastic_constants"].find()
    assert found["residual_stress_eV_per_A3"] < 1e-4
    assert found["crystal"]["source"].startswith("the lattice of lowest energy")


def test_a_whole_run_is_on_record_and_nothing_is_done_twice(archive, label, run_flow):
    maker = ElasticConstantsMaker(spacing_per_A=1.0)
    outputs = []
    for _ in range(2):
        flow = maker.make("Cu", StructureMaker(phase="hcp"), label)
        outputs.append(run_flow(flow)[flow.output["elastic_constants_id"].uuid][1].output)
    assert outputs[0] == outputs[1]
    names = ("frames", "labels", "elastic_constants")
    assert [archive.database[one].count_documents({}) for one in names] == [19, 19, 1]
    found = archive.get(ElasticConstants, outputs[0]["elastic_constants_id"])
    assert found.recipe.kmesh == (3, 3, 2)
    assert audit(archive).ok


def test_a_run_that_was_cut_off_goes_on_from_its_labels(archive, label, run_flow):
    maker = ElasticConstantsMaker(spacing_per_A=1.0)
    flow = maker.make("Cu", StructureMaker(), label)
    run_flow(flow)
    archive.database["elastic_constants"].delete_many({})
    kept = [one["_id"] for one in archive.database["labels"].find().limit(9)]
    archive.database["labels"].delete_many({"_id": {"$nin": kept}})
    flow = maker.make("Cu", StructureMaker(), label)
    responses = run_flow(flow)
    labelled = [one[1].output for one in responses.values() if "existing" in one[1].output]
    assert [(one["existing"], one["accepted"]) for one in labelled] == [(9, 4)]
    assert archive.database["elastic_constants"].count_documents({}) == 1


def test_given_constants_take_the_place_of_all_others(archive, label, run_flow, jobs_of):
    maker = ElasticConstantsMaker(given={"Cu": GIVEN}, source="a book")
    assert [maker.covers(one) for one in ("Cu", "Ag")] == [True, False]
    flow = maker.make("Cu", StructureMaker(), label)
    assert [one.name for one in jobs_of(flow)] == ["Cu elastic constants"]
    (response,) = run_flow(flow).values()
    found = archive.get(ElasticConstants, response[1].output["elastic_constants_id"])
    assert found.source == "a book"
    with pytest.raises(InputError, match=r"No elastic constants of Ag are given.*Cu"):
        maker.make("Ag", StructureMaker(), label)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"strain": 0.5}, "strain must be between"),
        ({"displacement_A": -0.1}, "not a small length"),
        ({"spacing_per_A": 0.0}, "spacing must be positive"),
        ({"given": {"Cu": GIVEN}}, "need a source"),
        ({"given": {"Cu": [[1.0]]}, "source": "a book"}, "6 rows"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, why, label):
    with pytest.raises(InputError, match=why):
        ElasticConstantsMaker(**fields).make("Cu", StructureMaker(), label)


def test_it_survives_its_document(label, jobs_of):
    maker = ElasticConstantsMaker(strain=0.01, options={"symmetry": {}})
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert back == maker
    names = [
        [one.name for one in jobs_of(m.make("Cu", StructureMaker(), label))] for m in (maker, back)
    ]
    assert names[0] == names[1]
