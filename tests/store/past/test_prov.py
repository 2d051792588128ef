"""PROV documents: read by the W3C's own model, complete, and true to the trace."""

import json

import pytest
from prov.model import ProvDerivation, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

from tm23flows.documents.label import Label
from tm23flows.store.past.descendants import descendants
from tm23flows.store.past.prov import NAMESPACE, prov_document
from tm23flows.store.past.trace import trace

RELATIONS = {
    "wasGeneratedBy": {"prov:entity": "entity", "prov:activity": "activity"},
    "used": {"prov:activity": "activity", "prov:entity": "entity"},
    "wasDerivedFrom": {
        "prov:generatedEntity": "entity",
        "prov:usedEntity": "entity",
        "prov:activity": "activity",
    },
    "wasAssociatedWith": {"prov:activity": "activity", "prov:agent": "agent"},
}


@pytest.fixture
def written(road):
    archive, evaluation = road
    return json.loads(json.dumps(prov_document(trace(archive, evaluation.id, shown=None))))


def assert_structure(document):
    """The rules of PROV-JSON's submission that hold for what we write."""
    prefixes = {*document["prefix"], "prov"}
    assert set(document) <= {"prefix", "entity", "activity", "agent", *RELATIONS}
    for kind in ("entity", "activity", "agent"):
        for name, record in document[kind].items():
            assert name.partition(":")[0] in prefixes
            for attribute, value in record.items():
                assert attribute.partition(":")[0] in prefixes
                if isinstance(value, dict):
                    assert set(value) == {"$", "type"}
                else:
                    assert isinstance(value, (str, int, float, bool))
    for relation, ends in RELATIONS.items():
        for name, record in document[relation].items():
            assert name.startswith("_:")
            for end, kind in ends.items():
                assert record[end] in document[kind], (relation, end)


def test_the_rules_of_prov_json_hold(written):
    assert_structure(written)


def test_another_implementation_reads_it_and_loses_nothing(written):
    read = ProvDocument.deserialize(content=json.dumps(written), format="json")
    assert len(list(read.get_records(ProvEntity))) == len(written["entity"])
    for kind, name in (
        (ProvGeneration, "wasGeneratedBy"), (ProvUsage, "used"), (ProvDerivation, "wasDerivedFrom"),
    ):  # fmt: skip
        assert len(list(read.get_records(kind))) == len(written[name]) > 0
    again = ProvDocument.deserialize(content=read.serialize(format="json"), format="json")
    assert again == read
    assert "wasGeneratedBy(" in read.get_provn()
    assert {one.identifier.namespace.uri for one in read.get_records(ProvEntity)} == {NAMESPACE}


def test_derivations_lead_from_the_evaluation_to_the_structure(written, road):
    archive, evaluation = road
    above = {}
    for one in written["wasDerivedFrom"].values():
        above.setdefault(one["prov:generatedEntity"], set()).add(one["prov:usedEntity"])
    reached, waiting = set(), {f"tm23:evaluation-{evaluation.id}"}
    while waiting:
        reached |= waiting
        waiting = {up for one in waiting for up in above.get(one, ())} - reached
    structure = archive.database["structures"].find_one()["_id"]
    assert f"tm23:structure-{structure}" in reached
    assert sum(one.startswith("tm23:label-") for one in reached) == 24
    assert all(one["tm23:parentsLeftOut"] == 0 for one in written["entity"].values()
               if "tm23:parents" in one)  # fmt: skip


def test_inputs_and_versions_are_there(written, road):
    archive, evaluation = road
    label = archive.get(Label, archive.dataset(evaluation.dataset_id).label_ids[0])
    making = f"tm23:making-{label.id}"
    used = {
        one["prov:entity"] for one in written["used"].values() if one["prov:activity"] == making
    }
    assert used == {
        f"tm23:frame-{label.frame_id}", f"tm23:inputs-{label.provenance.inputs_sha256}",
    }  # fmt: skip
    agents = {
        (written["agent"][one["prov:agent"]]["tm23:program"],
         written["agent"][one["prov:agent"]]["tm23:version"])
        for one in written["wasAssociatedWith"].values() if one["prov:activity"] == making
    }  # fmt: skip
    assert agents == set(label.provenance.software.items())


def test_a_part_says_how_much_it_leaves_out(road):
    archive, evaluation = road
    document = prov_document(trace(archive, evaluation.id, shown=2))
    assert_structure(document)
    dataset = document["entity"][f"tm23:dataset-{evaluation.dataset_id}"]
    assert (dataset["tm23:parents"], dataset["tm23:parentsLeftOut"]) == (24, 22)


def test_a_gap_is_an_entity_that_is_missing(road):
    archive, evaluation = road
    archive.database["models"].delete_many({})
    document = prov_document(trace(archive, evaluation.id, shown=None))
    assert_structure(document)
    assert document["entity"][f"tm23:model-{evaluation.model_id}"]["tm23:missing"] is True


def test_both_ways_are_one_document(road):
    archive, evaluation = road
    up, down = (
        trace(archive, evaluation.dataset_id, None),
        descendants(archive, evaluation.dataset_id),
    )
    document = prov_document(up, down)
    assert_structure(document)
    assert f"tm23:evaluation-{evaluation.id}" in document["entity"]
    once = prov_document(up)
    assert set(once["used"]) < set(document["used"])


def test_it_is_the_same_every_time(road):
    archive, evaluation = road
    first, again = (prov_document(trace(archive, evaluation.id)) for _ in range(2))
    assert json.dumps(first) == json.dumps(again)
